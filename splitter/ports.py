"""What commands ask of the outside world.

Invariant: protocols, and what does nothing; `system/` fulfils them, tests may do so in memory. Paths are relative to
the root of the tree, with forward slashes.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from splitter.model.check import Level
from splitter.model.crate import CrateSources
from splitter.model.evidence import Build, Evidence, Missing, Scope
from splitter.model.outcome import PhaseResult
from splitter.model.receipt import Receipt
from splitter.model.standing import Standing


class Progress(Protocol):
    """Tells a waiting person what is being done."""

    def __call__(self, message: str) -> None:
        """Report the step that begins now."""

    def stage(self, name: str, rest: str) -> None:
        """Report that a part begins which has steps of its own: its name, and what more there is to say."""

    def finished(self, phase: PhaseResult) -> None:
        """Report what one phase of several came to, to be kept in sight."""


class Silence:
    """A progress that nobody waits for."""

    def __call__(self, message: str) -> None:
        """Say nothing."""

    def stage(self, name: str, rest: str) -> None:
        """Say nothing."""

    def finished(self, phase: PhaseResult) -> None:
        """Say nothing."""


SILENCE = Silence()


class Tree(Protocol):
    """The user's files, and what earlier phases recorded beside them."""

    @property
    def revision(self) -> str:
        """Where the tree stands, for the report; empty without git."""

    def read(self, path: str) -> bytes:
        """Bytes of a file; raises `SourceError`."""

    def exists(self, path: str) -> bool:
        """Say whether something stands at the path."""

    def place(self, source: str) -> Standing:
        """Where a source file stands in its crate."""

    def taken(self, source: str) -> frozenset[str]:
        """Names of files and folders that stand where modules of the source would go."""

    def rust_files(self, folder: str) -> dict[str, bytes]:
        """All Rust files below a folder, by path."""

    def mentions(self, text: str) -> tuple[str, ...]:
        """Places (`file:line`) in build scripts, manifests and CI files that name the text."""

    def dirty(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of the paths that differ from the last commit; empty without git."""

    def receipts(self, source: str) -> tuple[Receipt, ...]:
        """Receipts of the finished phases of a source, in order."""

    def recall(self, path: str, digest: str) -> bytes | None:
        """An earlier content of a file by its SHA-256: as it stands, kept before a phase, or from git's history."""

    def base(self, digest: str) -> bytes:
        """Content that was kept before a phase, by its SHA-256."""

    def commit(self, files: Mapping[str, bytes | None], receipt: Receipt) -> None:
        """Write (`None` removes) the files of a phase and its receipt, all or nothing."""

    def undo(self, files: Mapping[str, bytes | None], receipts: tuple[Receipt, ...]) -> None:
        """Write files back to before the first of the receipts and take these away, all or nothing."""

    def save(self, path: str, text: str) -> None:
        """Write one file of ours (a plan), all or nothing."""

    def git_commit(self, paths: Iterable[str], message: str) -> str:
        """Commit exactly these paths, and our records unless git ignores them; returns the revision."""


class Workbench(Protocol):
    """A private copy of the tree in which it is built; see `rewrite` for what modules and places are."""

    @property
    def crate(self) -> str:
        """Name of the crate in Rust."""

    @property
    def module(self) -> tuple[str, ...]:
        """Path of the monolith in its crate."""

    @property
    def compiler(self) -> str:
        """Version of the compiler."""

    def prepare(self, gating: Iterable[str]) -> None:
        """Copy the tree and see that it builds; `gating` are the `cfg`s of moved items. Raises `ToolError`."""

    def write(self, files: Mapping[str, bytes | None]) -> None:
        """Write (`None` removes) files of the copy."""

    def check(self) -> tuple[Build, ...]:
        """Check the copy in every configuration, with unused imports forced out."""

    def gather(self, files: dict[str, bytes], level: Level) -> Evidence:
        """Evidence of the copy as it stands."""

    def play(self, before: Evidence, after: Evidence, scope: Scope) -> Evidence:
        """Evidence `after` with what calls of the library before and of the library after came to."""

    def formatted(self, files: Mapping[str, bytes]) -> dict[str, bytes] | Missing:
        """The files as rustfmt would write them."""


class Revisions(Protocol):
    """Two revisions of a repository, with what can be built of them."""

    @property
    def source(self) -> str:
        """Path of the monolith in the revision before."""

    @property
    def before(self) -> CrateSources:
        """The package in the revision before."""

    @property
    def after(self) -> CrateSources:
        """The package in the revision after."""

    def gather(
        self, gating: Iterable[str], sides: tuple[Evidence, Evidence], scope: Scope, level: Level, progress: Progress
    ) -> tuple[Evidence, Evidence]:
        """Evidence of both `sides`, built in turn at one place; raises `ToolError` where the first does not build."""
