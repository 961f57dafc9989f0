"""What a phase did, so that it can be shown, verified and taken back later.

Invariant: with the base copies of the files that it names, a receipt says of every byte before where it went,
and of every byte after where it came from: `items`, `stayed` and `gone` together partition the file that was split.
Knows no clock and no disk.
"""

from dataclasses import dataclass, field

from splitter.model.change import Dropped, Piece
from splitter.model.check import CheckResult, Level, Verdict
from splitter.model.source import Span

FORMAT = 2
#: Receipts of before are read: they have the moved items alone, no plan, no chain and no digest of their own.
KNOWN_FORMATS = (1, FORMAT)


@dataclass(frozen=True, slots=True)
class Moved:
    """Where an item's bytes stood and where they stand; `digest` is of the old ones."""

    old_path: str
    old_span: Span
    digest: str
    new_path: str
    new_span: Span


@dataclass(frozen=True, slots=True)
class Gone:
    """Where an import stood of which no byte is left; `digest` is of its bytes."""

    path: str
    span: Span
    digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One phase that was applied.

    `source` is the monolith's path, by which receipts are filed. `before` has the digests of the files that
    the phase replaced, `after` those of the files that it wrote, none for a file that went away; `modes` are
    the modes of the files before. `pieces` and `dropped` are the change set's, `accepted` the checks whose
    absence was accepted by name. `items` are those that the phase moved, `stayed` all others, `gone` the imports
    that went away. `plan` is the digest of the plan's text, `previous` that of the receipt before this one.
    """

    source: str
    phase: int
    name: str
    tool: str
    rustc: str | None
    time: str
    level: Level
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    before: dict[str, str]
    after: dict[str, str | None]
    pieces: dict[str, tuple[Piece, ...]]
    dropped: tuple[Dropped, ...] = ()
    items: dict[str, Moved] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    stayed: dict[str, Moved] = field(default_factory=dict)
    gone: dict[str, Gone] = field(default_factory=dict)
    plan: str = ""
    previous: str | None = None
    format: int = FORMAT
