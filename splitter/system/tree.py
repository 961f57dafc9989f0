"""The user's tree: its files, what earlier phases recorded beside them, and git where it is used.

Invariant: fulfils `ports.Tree`; writes only through a transaction, under the tree's lock where the caller holds it.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from splitter.errors import LockedError
from splitter.model.receipt import Receipt
from splitter.model.standing import Standing
from splitter.system import git
from splitter.system.disk import read_source
from splitter.system.mentions import find_mentions
from splitter.system.receipt_json import digest_of_receipt
from splitter.system.records import find_receipts, find_records, forget, read_base, record
from splitter.system.standing import find_standing, taken_names
from splitter.system.transaction import FileChange, commit, recover
from splitter.system.writes import digest_of

#: Seconds; writing a phase takes a fraction of one.
_PATIENCE = 5.0
_SKIPPED = frozenset(("target", ".git", ".splitter", "node_modules", ".venv"))


@dataclass(frozen=True, slots=True)
class DiskTree:
    """A tree on disk; `root` is the git root, or without git the folder that was named."""

    root: Path

    @property
    def revision(self) -> str:
        """The commit that is checked out; empty without git, and before the first commit."""
        return git.find_head(self.root)

    def read(self, path: str) -> bytes:
        """Bytes of a file; raises `SourceError`."""
        return read_source(self.root / path)

    def exists(self, path: str) -> bool:
        """Say whether something stands at the path."""
        return (self.root / path).exists() or (self.root / path).is_symlink()

    def place(self, source: str) -> Standing:
        """Where a source file stands in its crate."""
        return find_standing(self.root, source)

    def taken(self, source: str) -> frozenset[str]:
        """Names of files and folders that stand where modules of the source would go."""
        return taken_names(self.root, self.place(source)) - {Path(source).stem}

    def rust_files(self, folder: str) -> dict[str, bytes]:
        """All Rust files below a folder, by path."""
        found = {p.relative_to(self.root).as_posix(): p for p in _rust_files(self.root / folder)}
        return {path: file.read_bytes() for path, file in sorted(found.items())}

    def mentions(self, text: str) -> tuple[str, ...]:
        """Places (`file:line`) in build scripts, manifests and CI files that name the path."""
        return find_mentions(self.root, text)

    def dirty(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of the paths that differ from the last commit; empty without git."""
        return git.find_dirty(self.root, tuple(paths))

    def receipts(self, source: str) -> tuple[Receipt, ...]:
        """Receipts of the finished phases of a source, in order."""
        return find_receipts(self.root, source)

    def recall(self, path: str, digest: str) -> bytes | None:
        """An earlier content of a file by its SHA-256: as it stands, kept before a phase, or from git's history."""
        here = [self.read(path)] if self.exists(path) else []
        kept = [read_base(self.root, digest)] if (self.root / ".splitter/base" / digest).is_file() else []
        for data in (*here, *kept):
            if hashlib.sha256(data).hexdigest() == digest:
                return data
        history = git.past_contents(self.root, path) if git.is_repository(self.root) else iter(())
        return next((data for data in history if hashlib.sha256(data).hexdigest() == digest), None)

    def base(self, digest: str) -> bytes:
        """Content that was kept before a phase, by its SHA-256."""
        return read_base(self.root, digest)

    def commit(self, files: Mapping[str, bytes | None], receipt: Receipt) -> None:
        """Write the files of a phase and its receipt, all or nothing."""
        contents = {path: (self.root / path).read_bytes() for path in receipt.before}
        modes = {path: (self.root / path).stat().st_mode & 0o7777 for path in receipt.before}
        now = dt.datetime.now(dt.UTC).replace(microsecond=0).isoformat()
        earlier = self.receipts(receipt.source)
        previous = digest_of_receipt(earlier[-1]) if earlier else None
        filed = replace(receipt, time=now, modes=modes, previous=previous)
        usual = min(modes.values()) & 0o666 if modes else None  # who may read the source may read its modules
        changes = tuple(
            FileChange(path, receipt.before.get(path), data, modes.get(path, usual)) for path, data in files.items()
        )
        commit(self.root, (*changes, *record(self.root, filed, contents)))

    def undo(self, files: Mapping[str, bytes | None], receipts: tuple[Receipt, ...]) -> None:
        """Write files back to before the first of the receipts and take these away, all or nothing.

        A file that is back already is left alone; raises `DirtyError` at one that is neither as the receipts left
        it nor back.
        """
        modes: dict[str, int] = {}
        left: dict[str, str | None] = {}
        for receipt in receipts:
            modes = receipt.modes | modes
            left |= receipt.after
        changes = []
        for path, data in files.items():
            wanted = None if data is None else hashlib.sha256(data).hexdigest()
            is_back = digest_of(self.root / path) == wanted
            changes.append(FileChange(path, wanted if is_back else left.get(path), data, modes.get(path)))
        commit(self.root, (*changes, *forget(self.root, receipts)))

    def save(self, path: str, text: str) -> None:
        """Write one file of ours (a plan), all or nothing."""
        target = self.root / path
        old = hashlib.sha256(target.read_bytes()).hexdigest() if target.is_file() else None
        commit(self.root, (FileChange(path, old, text.encode()),))

    def git_commit(self, paths: Iterable[str], message: str) -> str:
        """Commit exactly these paths, and our records unless git ignores them; returns the revision."""
        records = find_records(self.root)
        ignored = git.find_ignored(self.root, records)
        ours = tuple(path for path in git.find_dirty(self.root, records) if path not in ignored)
        return git.commit_paths(self.root, (*paths, *ours), message)


def open_tree(path: Path) -> DiskTree:
    """Tree that contains `path`, with what an interrupted run left there finished or taken back.

    A run that is only just writing is waited for. Raises `LockedError` where that takes too long.
    """
    folder = path if path.is_dir() else path.parent
    root = git.find_root(path, folder).resolve()
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            recover(root)
        except LockedError:
            if time.monotonic() > patience:
                raise
            time.sleep(0.05)
        else:
            return DiskTree(root)


def _rust_files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name in _SKIPPED:
            continue
        if entry.is_dir():
            yield from _rust_files(entry)
        elif entry.suffix == ".rs":
            yield entry
