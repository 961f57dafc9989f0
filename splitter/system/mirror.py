"""A private copy of a workspace in the cache folder, where trees are built before and after a phase.

Invariant: nothing outside the mirror is written. Every file lies at its absolute path below `files/`, so that
relative paths between crates stay right and cargo sees before and after at one place; only files whose content
changed are rewritten, so that cargo rebuilds no more than it has to.
"""

import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from splitter.errors import DiskError, LockedError
from splitter.system.package import Package

_SKIPPED = frozenset((".git", ".hg", ".jj", ".svn", ".splitter", ".venv", "node_modules", "__pycache__"))
#: Files above the workspace that decide how cargo, rustup and rustfmt behave in it.
_ABOVE = (
    ".cargo/config.toml",
    ".cargo/config",
    "rust-toolchain.toml",
    "rust-toolchain",
    ".rustfmt.toml",
    "rustfmt.toml",
)
_CACHE_TAG = "CACHEDIR.TAG"


@dataclass(slots=True)
class Mirror:
    """An open mirror of the tree at `root`; `digests` are those of the files as the mirror holds them.

    A file's digest covers its content, whether it is executable, and, for a symbolic link, its target.
    """

    root: Path
    folder: Path
    roots: tuple[Path, ...]
    target: Path
    digests: dict[str, str] = field(default_factory=dict)
    known: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    @property
    def files(self) -> Path:
        """Where the copies lie."""
        return self.folder / "files"

    @property
    def digest(self) -> str:
        """One digest for the whole content, with paths relative to the root of the tree."""
        rows = (f"{os.path.relpath(path, self.root)}\0{digest}\n" for path, digest in sorted(self.digests.items()))
        return hashlib.sha256("".join(rows).encode()).hexdigest()

    def inside(self, path: Path) -> Path:
        """Place of a path of the tree (relative to its root, or absolute) in the mirror."""
        return self.files / (self.root / path).relative_to("/")

    def relative(self, path: str, base: Path) -> str:
        """A path that a program printed while it ran in `base` of the tree, relative to the root of the tree.

        A path outside the tree comes back absolute.
        """
        full = Path(os.path.normpath(self.inside(base) / path))
        if not full.is_relative_to(self.files):
            return str(full)
        original = Path("/") / full.relative_to(self.files)
        return os.path.relpath(original, self.root) if original.is_relative_to(self.root) else str(original)

    def sync(self) -> None:
        """Make the mirror what the user's tree is; raises `DiskError`."""
        try:
            wanted = self._wanted()
            self._forget()
            for gone in self.digests.keys() - wanted.keys():
                self._remove(gone)
            for path, digest in wanted.items():
                if self.digests.get(path) != digest or not os.path.lexists(self.inside(Path(path))):
                    self._copy(Path(path))
        except OSError as error:
            raise _disk_error(error) from error
        self.digests = wanted
        self._save()

    def write(self, files: Mapping[str, bytes | None]) -> None:
        """Write files by their paths relative to the root of the tree (`None` removes one); raises `DiskError`."""
        try:
            self._forget()
            for name, data in files.items():
                path = self.root / name
                if data is None:
                    self._remove(str(path))
                    self.digests.pop(str(path), None)
                    continue
                target = self.inside(path)
                mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
                digest = _digest(data, executable=bool(mode & 0o100))
                if self.digests.get(str(path)) != digest:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                    self.digests[str(path)] = digest
        except OSError as error:
            raise _disk_error(error) from error
        self._save()

    def rust_files(self) -> Iterator[tuple[str, bytes]]:
        """Path, relative to the root of the tree, and content of every Rust file; raises `DiskError`."""
        try:
            for path, digest in sorted(self.digests.items()):
                if path.endswith(".rs") and not digest.startswith("link "):
                    yield os.path.relpath(path, self.root), self.inside(Path(path)).read_bytes()
        except OSError as error:
            raise _disk_error(error) from error

    def _wanted(self) -> dict[str, str]:
        wanted: dict[str, str] = {}
        for path in _listing(self.roots):
            status = path.lstat()
            if path.is_symlink():
                wanted[str(path)] = f"link {path.readlink()}"
                continue
            if not stat.S_ISREG(status.st_mode) or not os.access(path, os.R_OK):
                continue
            size, stamp = status.st_size, status.st_mtime_ns
            known = self.known.get(str(path))
            executable = bool(status.st_mode & 0o100)
            if known is None or known[:2] != (size, stamp) or (known[2][:1] == "x") != executable:
                known = (size, stamp, _digest(path.read_bytes(), executable=executable))
                self.known[str(path)] = known
            wanted[str(path)] = known[2]
        return wanted

    def _forget(self) -> None:
        """Without an index the copies are read anew: that is what a run finds which comes after a killed one."""
        (self.folder / "index.json").unlink(missing_ok=True)

    def _copy(self, path: Path) -> None:
        copy = self.inside(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        if not path.is_symlink():
            shutil.copyfile(path, copy)
            copy.chmod(path.stat().st_mode & 0o777 | 0o600)
            return
        target = path.readlink()
        mirrored = target.is_absolute() and any(target.is_relative_to(root) for root in self.roots)
        copy.symlink_to(self.inside(target) if mirrored else target)

    def _remove(self, path: str) -> None:
        copy = self.inside(Path(path))
        copy.unlink(missing_ok=True)
        folder = copy.parent
        while folder != self.files and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _save(self) -> None:
        record = {"digests": self.digests, "known": self.known}
        (self.folder / "index.json").write_text(json.dumps(record), encoding="utf-8")


@contextmanager
def open_mirror(root: Path, package: Package, *, wait: bool = True) -> Iterator[Mirror]:
    """The mirror of the tree at `root`, in step with it, held exclusively until the context ends.

    Raises `LockedError` when another run holds it and `wait` is false, `DiskError` when it cannot be written.
    """
    root = root.resolve()
    name = hashlib.sha256(f"{root}\0{package.workspace_root}".encode()).hexdigest()[:16]
    folder = cache_folder() / name
    shared = os.environ.get("SPLITTER_TARGET_DIR")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise _disk_error(error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            message = f"another run is building a copy of {root}"
            raise LockedError(message, "Wait until it is done, then try again.") from error
        roots = (package.workspace_root, *package.path_dependencies)
        mirror = Mirror(root, folder, roots, Path(shared) / name if shared else folder / "target")
        _load(mirror)
        mirror.sync()
        yield mirror


def cache_folder() -> Path:
    """Where mirrors and kept evidence live: `splitter/` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "splitter"


def _load(mirror: Mirror) -> None:
    try:
        record = json.loads((mirror.folder / "index.json").read_text(encoding="utf-8"))
        mirror.digests = dict(record["digests"])
        mirror.known = {path: (row[0], row[1], row[2]) for path, row in record["known"].items()}
    except (OSError, ValueError, KeyError, IndexError, AttributeError):
        mirror.digests = {
            str(Path("/") / copy.relative_to(mirror.files)): _digest_of(copy) for copy in _all_files(mirror.files)
        }


def _all_files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        yield from (Path(at) / name for name in (*names, *links))


def _digest_of(copy: Path) -> str:
    if copy.is_symlink():
        return f"link {copy.readlink()}"
    return _digest(copy.read_bytes(), executable=bool(copy.stat().st_mode & 0o100))


def _listing(roots: tuple[Path, ...]) -> Iterator[Path]:
    for root in roots:
        for folder, folders, names in os.walk(root):
            at = Path(folder)
            links = [name for name in folders if (at / name).is_symlink()]
            folders[:] = sorted(n for n in folders if n not in links and not _is_skipped(at, n))
            yield from (at / name for name in sorted((*names, *links)))
    for above in roots[0].parents:
        yield from (above / name for name in _ABOVE if (above / name).is_file())


def _is_skipped(folder: Path, name: str) -> bool:
    if name in _SKIPPED or (folder / name / _CACHE_TAG).is_file():
        return True
    return name == "target" and (folder / "Cargo.toml").is_file()


def _digest(data: bytes, *, executable: bool) -> str:
    return ("x " if executable else "- ") + hashlib.sha256(data).hexdigest()


def _disk_error(error: OSError) -> DiskError:
    message = f"the copy for building could not be made: {error.strerror}: {error.filename}"
    return DiskError(message, "Free some space in the cache folder (XDG_CACHE_HOME), then try again.")
