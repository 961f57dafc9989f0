"""What the commands come to, as values that reports render.

Invariant: numbers and keys only, no layout and no colour.
"""

from dataclasses import dataclass, field

from splitter.model.check import CheckResult, Verdict
from splitter.model.plan import Plan


@dataclass(frozen=True, slots=True)
class ModuleFigures:
    """A module of a plan as the preview shows it: counts of lines, functions and expected edits.

    `shared` are keys of items of other modules (or the residue) that it names, `why` the reason that placed most of
    its items.
    """

    phase: int
    path: str
    doc: str
    lines: int
    functions: int
    items: int
    why: str
    shared: tuple[str, ...] = ()
    visibility_edits: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan with the figures that let a person judge it."""

    plan: Plan
    lines: int
    items: int
    functions: int
    exported: int
    modules: tuple[ModuleFigures, ...]
    residue: tuple[str, ...]
    residue_lines: int
    stays: dict[str, str] = field(default_factory=dict)
    """Why items of the residue stay, by key."""
    metrics: dict[str, float] = field(default_factory=dict)
    mentions: tuple[str, ...] = ()
    """Places elsewhere that name the source's path (`Cargo.toml:12`)."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """What applying or verifying one phase came to.

    `files` are the lines of each file that it wrote, `diff` is filled on a dry run, `commit` is the git commit.
    """

    number: int
    name: str
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    level: str = "standard"
    moved: int = 0
    files: dict[str, int] = field(default_factory=dict)
    visibility_edits: int = 0
    notes: tuple[str, ...] = ()
    diff: str = ""
    applied: bool = False
    commit: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """What `apply`, `verify` or `demo` came to as a whole; `edited` are files that people changed since."""

    verdict: Verdict
    phases: tuple[PhaseResult, ...]
    checks: tuple[CheckResult, ...] = ()
    edited: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhaseStatus:
    """A phase of the plan, done or to come."""

    number: int
    name: str
    done: bool
    modules: tuple[str, ...]
    items: int
    functions: int
    lines: int
    verdict: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class ModuleStatus:
    """A module of the plan: the lines of its file where it stands, else those of the items that are to go there."""

    phase: int
    path: str
    file: str
    functions: int
    lines: int
    stands: bool


@dataclass(frozen=True, slots=True)
class Status:
    """How far a split has come: lines by file before phase 1 and now, functions moved of all."""

    source: str
    phases: tuple[PhaseStatus, ...]
    functions: int
    functions_moved: int
    lines: int
    lines_moved: int
    before: dict[str, int]
    now: dict[str, int]
    edited: tuple[str, ...] = ()
    tests: tuple[int, int] | None = None
    lawful: tuple[str, ...] = ()
    modules: tuple[ModuleStatus, ...] = ()
    accepted: tuple[str, ...] = ()
