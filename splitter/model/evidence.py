"""What was observed of one tree; checks judge two of these.

Invariant: facts only, no judgement; what could not be observed is a `Missing` with its reason.
"""

from dataclasses import dataclass, field

from splitter.model.calls import Behaviour
from splitter.model.crate import ModuleAt
from splitter.model.object_code import ObjectCode

#: The first line of a MIR dump whose paths the compiler shortened where a name alone is unique.
TRIMMED_MIR = "// paths are trimmed"


@dataclass(frozen=True, slots=True)
class Missing:
    """Evidence that could not be had (`applicable`), or that does not exist for this crate (not applicable)."""

    reason: str
    applicable: bool = True


@dataclass(frozen=True, slots=True)
class Configuration:
    """A choice of features, as cargo is told it."""

    name: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or warning of the compiler; `path` is relative to the root of the tree, offsets are bytes.

    `span_text` is the source text of the primary span, `targets` the cargo targets that printed it; `caller` is the
    file of the outermost macro call around it, where there is one.
    """

    level: str
    code: str
    message: str
    path: str = ""
    line: int = 0
    start: int = 0
    end: int = 0
    span_text: str = ""
    label: str = ""
    rendered: str = ""
    targets: tuple[str, ...] = ()
    caller: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """One `cargo check --all-targets` in one configuration.

    `unused_imports` are those forced out by `--force-warn`; they are not among `diagnostics` unless the crate's
    own lint levels show them too. A target name in them ends in `(test)` for a test build.
    """

    configuration: Configuration
    succeeded: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    unused_imports: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One test: the binary it ran in (`lib`, `test:runtime`, `doc`, `bin:x`), its path and `ok`, `FAILED` or `ignored`.

    A doc test's path is as rustdoc prints it without the line: `src/ffi.rs - ffi::rt_x`, the file relative to the
    root of the tree.
    """

    __test__ = False

    binary: str
    name: str
    outcome: str
    configuration: str = "default"


@dataclass(frozen=True)
class Evidence:
    """All that was observed of one tree.

    `files` are the sources that the split touches, by path. `symbols`, `mir`, `libraries`, `behaviour`, `code` and
    `headers` are by configuration name: the exported names of the built library, its MIR as rustc prints it, the path
    of a copy that can be loaded, what calls of the library before and of this one came to, the object of the optimised
    library, and the C headers that come of it by file name. `unformatted` are the files that rustfmt would change
    with the first line of it, `left_out` the configurations that do not build beforehand, with their first error.
    """

    files: dict[str, bytes]
    builds: tuple[Build, ...] | Missing = Missing("not asked for")
    symbols: dict[str, frozenset[str]] | Missing = Missing("not asked for")
    mir: dict[str, str] | Missing = Missing("not asked for")
    tests: tuple[TestOutcome, ...] | Missing = Missing("not asked for")
    unformatted: dict[str, int] | Missing = Missing("not asked for")
    libraries: dict[str, str] | Missing = Missing("not asked for")
    behaviour: dict[str, Behaviour] | Missing = Missing("not asked for")
    code: dict[str, ObjectCode] | Missing = Missing("not asked for")
    headers: dict[str, dict[str, str]] | Missing = Missing("not asked for")
    left_out: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict, compare=False)
    modules: dict[str, ModuleAt] = field(default_factory=dict)
    """Which module each file is, where that was looked up; else the scope tells."""
    asking_macros: frozenset[str] = frozenset()
    """Macros of the tree's other files by which code sees where it stands."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a comparison is about.

    `parent` is the monolith's module path in its crate (`("value", "ffi")`, empty at the root), `crate` the crate's
    name in Rust (`native_ref`). `monolith` and `modules` are paths of files: the residue's, and module path to file.
    `moved` says to which module each item went, by its key in the tree before; `residue` is the residue's module
    path below `parent` (`()` for the inline layout, `("ffi_legacy",)` for the legacy one).
    `modules` includes those of earlier phases, which stand in both trees.
    """

    crate: str
    parent: tuple[str, ...]
    monolith: str
    residue_file: str
    residue: tuple[str, ...] = ()
    modules: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    elsewhere: frozenset[tuple[str, ...]] = frozenset()
    """Modules outside `parent` that hold code of the monolith, in a split made by hand."""
    kept: frozenset[tuple[str, ...]] = frozenset()
    """Modules below `parent` that were there before, though in a file of another kind: the split did not make them."""
    quoting: frozenset[str] = frozenset()
    """Macros of the crate that take what they are given as text, as `quote!` does."""
    stands: dict[str, ModuleAt] = field(default_factory=dict)
    """The module of each file of the tree at hand, where that was looked up."""
