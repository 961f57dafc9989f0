"""What goes where, and in which phase.

Invariant: knows no TOML and no source text; a plan refers to items by key alone.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Layout(StrEnum):
    """Where the residue stays: in the file itself, or in `<stem>_legacy.rs` beside a folder of modules."""

    INLINE = "inline"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Module:
    """A target file: its path under the monolith (`hash/sha1`) and the keys of the items that go there."""

    path: str
    doc: str
    items: tuple[str, ...]
    locked: tuple[str, ...] = ()
    why: dict[str, str] = field(default_factory=dict, compare=False, hash=False)


@dataclass(frozen=True, slots=True)
class Phase:
    """Modules that are carved out and verified together."""

    number: int
    name: str
    reason: str
    modules: tuple[Module, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all items that the phase moves."""
        return tuple(key for module in self.modules for key in module.items)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole split of one source file; `source` is relative to the root of the tree."""

    source: str
    sha256: str
    phases: tuple[Phase, ...]
    layout: Layout = Layout.INLINE
    accepted: tuple[str, ...] = ()
    """Lawful differences that need no review: keys of items, or what they ask by (`line!`)."""

    @property
    def placed(self) -> dict[str, str]:
        """Module path of every placed item."""
        return {k: m.path for p in self.phases for m in p.modules for k in m.items}

    def phase(self, number: int) -> Phase | None:
        """The phase of that number, if there is one."""
        return next((phase for phase in self.phases if phase.number == number), None)
