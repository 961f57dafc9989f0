"""Two revisions of a repository: read from git, and built in turn at one place of the private cache.

Invariant: fulfils `ports.Revisions`; the user's checkout, index and branches are never touched, and need not be
clean. Without cargo, or where the crate does not build, only the building is missing.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from splitter.errors import DiskError, LockedError, SourceError, ToolError, UsageError
from splitter.model.check import Level
from splitter.model.crate import CrateSources
from splitter.model.evidence import Evidence, Scope
from splitter.ports import Progress
from splitter.system import git
from splitter.system.crate_sources import package_folder, read_crate
from splitter.system.mirror import cache_folder
from splitter.system.package import find_package
from splitter.system.workbench import BuildOptions, CargoBench, open_workbench


@dataclass(frozen=True, slots=True)
class GitRevisions:
    """Two commits; `root` is the top of the repository, `source` the monolith's path in it."""

    root: Path
    source: str
    folder: str
    before: CrateSources
    after: CrateSources
    options: BuildOptions
    detail: Callable[[str], None]

    def gather(
        self, gating: Iterable[str], sides: tuple[Evidence, Evidence], scope: Scope, level: Level, progress: Progress
    ) -> tuple[Evidence, Evidence]:
        """Evidence of both revisions, built in turn at one path; `gating` are the `cfg`s of the items compared.

        `sides` are what is known of them from their files. Raises `ToolError` where cargo is missing, or the
        revision before does not build.
        """
        with _private_tree(self.root) as (tree, index):
            progress(f"building {self.before.revision}")
            git.check_out(self.root, self.before.commit, tree, index)
            self._bring_lock(tree)
            with open_workbench(tree, self.source, self._options(tree), self.detail) as bench:
                bench.prepare(gating)
                early = replace(bench.gather(sides[0].files, level), modules=sides[0].modules)
                progress(f"building {self.after.revision}")
                git.check_out(self.root, self.after.commit, tree, index)
                self._bring_lock(tree)
                self._turn(bench, tree)
                late = replace(bench.gather(sides[1].files, level), modules=sides[1].modules)
                if level is Level.FULL:
                    progress("calling both libraries")
                    late = bench.play(early, late, scope)
        return early, late

    def _turn(self, bench: CargoBench, tree: Path) -> None:
        """Bring the bench in step with the tree after, whose manifest may be another."""
        root_file = next((file for file, at in self.after.modules.items() if not at.path), self.source)
        cargo = bench.cargo
        try:
            package = find_package(tree, tree / root_file, bench.options.manifest_path, bench.options.package)
        except (ToolError, SourceError):
            package = cargo.package  # the build will tell
        bench.cargo = replace(cargo, package=package)
        if bench.choice is not None:
            bench.choice = replace(bench.choice, cargo=bench.cargo)
        cargo.mirror.roots = (package.workspace_root, *package.path_dependencies)
        cargo.mirror.sync()

    def _options(self, tree: Path) -> BuildOptions:
        """The user's options, with the manifest that they name in the private tree."""
        manifest = self.options.manifest_path
        if manifest is None:
            return self.options
        inside = os.path.relpath(manifest.resolve(), self.root)
        return replace(self.options, manifest_path=tree / inside)

    def _bring_lock(self, tree: Path) -> None:
        """Versions of dependencies are those of the user's checkout where git does not keep them."""
        own = Path(self.folder) / "Cargo.lock"
        for path in {own, Path("Cargo.lock")}:
            if (self.root / path).is_file() and not (tree / path).exists() and (tree / path).parent.is_dir():
                shutil.copyfile(self.root / path, tree / path)


def open_revisions(
    before: str, after: str, source: Path, options: BuildOptions, detail: Callable[[str], None]
) -> GitRevisions:
    """Two revisions of the repository around `source`, which need not be checked out.

    Raises `ToolError` where there is no repository, `UsageError` for a revision that git does not know, and
    `SourceError` where the source is not in the revision before.
    """
    root = git.find_repository(source)
    path = _inside(root, source)
    commits = [_resolve(root, name, option) for name, option in ((before, "--before"), (after, "--after"))]
    if path not in git.read_files(root, commits[0], "", lambda name: name == path):
        message = f"{path} is not in {before}"
        advice = "SOURCE is the monolith as it was before the split"
        raise SourceError(message, f"{advice}; `git ls-tree -r --name-only {before}` lists what is there.")
    folder = package_folder(root, commits[0], path)
    sources = [
        read_crate(root, name, commit, folder, path) for name, commit in zip((before, after), commits, strict=True)
    ]
    return GitRevisions(root, path, folder, sources[0], sources[1], options, detail)


def _inside(root: Path, source: Path) -> str:
    whole = Path(os.path.abspath(source))  # noqa: PTH100 - the file may be gone, and its own link is not followed
    real = Path(os.path.realpath(whole.parent)) / whole.name
    if not real.is_relative_to(root) or real == root:
        message = f"{source} does not lie in the repository {root}"
        raise UsageError(message, "Name a file of the repository by its path.")
    return real.relative_to(root).as_posix()


def _resolve(root: Path, revision: str, option: str) -> str:
    try:
        return git.resolve(root, revision)
    except ToolError as error:
        message = f"{option}: {error.message}"
        advice = f"{error.advice} A shallow clone lacks old ones: `git fetch --unshallow`, or `fetch-depth: 0` in CI."
        raise UsageError(message, advice) from error


@contextmanager
def _private_tree(root: Path) -> Iterator[tuple[Path, Path]]:
    """A folder of the cache that is a repository's private tree, and its index; held until the context ends."""
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    folder = cache_folder() / "revisions" / name
    try:
        (folder / "tree").mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        message = f"no private copy can be made: {error.strerror}: {error.filename}"
        raise DiskError(message, "Free some space in the cache folder (XDG_CACHE_HOME), then try again.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another run is comparing revisions of {root}"
            raise LockedError(message, "Wait until it is done, then try again.") from error
        (folder / "index.lock").unlink(missing_ok=True)  # left by a git that was killed: the lock is ours
        yield folder / "tree", folder / "index"
