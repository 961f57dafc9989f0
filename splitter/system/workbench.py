"""The private copy of a tree in which one package is built before and after each phase.

Invariant: fulfils `ports.Workbench`; holds the mirror's lock as long as it is open.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from splitter.model.check import Level
from splitter.model.evidence import Build, Evidence, Missing, Scope
from splitter.system import evidence
from splitter.system.cargo import Cargo
from splitter.system.configurations import gating_features
from splitter.system.evidence import Choice
from splitter.system.mirror import open_mirror
from splitter.system.package import find_package
from splitter.system.rustfmt import formatted


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What the user chose for cargo; `features` (or all of them) are on in every configuration."""

    package: str | None = None
    manifest_path: Path | None = None
    features: tuple[str, ...] = ()
    target: str | None = None
    test_command: str | None = None
    all_features: bool = False


@dataclass(slots=True)
class CargoBench:
    """An open workbench; `choice` is what is built, decided by `prepare`."""

    cargo: Cargo
    options: BuildOptions
    choice: Choice | None = None
    gating: set[str] = field(default_factory=set)

    @property
    def crate(self) -> str:
        """Name of the crate in Rust."""
        return self.cargo.package.crate

    @property
    def module(self) -> tuple[str, ...]:
        """Path of the monolith in its crate."""
        return self.cargo.package.module

    @property
    def compiler(self) -> str:
        """Version of the compiler."""
        return self.cargo.toolchain.identity

    def prepare(self, gating: Iterable[str]) -> None:
        """Bring the copy in step with the tree and see that it builds."""
        self.cargo.mirror.sync()
        self.gating |= set(gating_features((*gating, *self.cargo.package.gates)))
        features = tuple(self.cargo.package.features) if self.options.all_features else self.options.features
        self.choice = evidence.choose(self.cargo, sorted(self.gating), tuple(f for f in features if f != "default"))
        self.cargo = self.choice.cargo

    def write(self, files: Mapping[str, bytes | None]) -> None:
        """Write (`None` removes) files of the copy."""
        self.cargo.mirror.write(files)

    def check(self) -> tuple[Build, ...]:
        """Check the copy in every configuration that built before."""
        works = [partial(evidence.check_imports, self.cargo, one) for one in self._chosen.configurations]
        return tuple(evidence.together(self.cargo, works))

    def gather(self, files: dict[str, bytes], level: Level) -> Evidence:
        """Evidence of the copy as it stands."""
        return evidence.gather(self._chosen, files, level)

    def play(self, before: Evidence, after: Evidence, scope: Scope) -> Evidence:
        """Evidence `after` with what calls of the library before and of the library after came to."""
        from splitter.system.play import play_libraries

        return play_libraries(self.cargo, before, after, scope)

    def formatted(self, files: Mapping[str, bytes]) -> dict[str, bytes] | Missing:
        """The files as rustfmt would write them where they lie."""
        package = self.cargo.package
        return formatted(self.cargo.mirror, files, package.edition, package.folder)

    @property
    def _chosen(self) -> Choice:
        assert self.choice is not None, "prepare the workbench first"
        return self.choice


@contextmanager
def open_workbench(root: Path, source: str, options: BuildOptions, progress: object = None) -> Iterator[CargoBench]:
    """Workbench for the package that owns `source` (relative to `root`).

    Raises `ToolError` where cargo is missing or cannot read the package, `LockedError` where another run builds.
    """
    package = find_package(root, root / source, options.manifest_path, options.package)
    with open_mirror(root, package, wait=False) as mirror:
        cargo = Cargo(mirror, package, options.target, options.test_command)
        yield CargoBench(replace(cargo, progress=progress if callable(progress) else None), options)
