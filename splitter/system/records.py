"""The folder `.splitter`: receipts of phases, and copies of what their files were before.

Invariant: writes nothing itself; what has to be written comes out as changes, for the transaction that the
phase is written with. Receipts are filed by the source's path, so a plan file may be renamed.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from splitter.errors import DiskError
from splitter.model.receipt import Receipt
from splitter.system.changes import FileChange
from splitter.system.receipt_json import read_receipt, write_receipt
from splitter.system.writes import digest_of

FOLDER = ".splitter"
_README = f"{FOLDER}/README.md"
_IGNORED = f"{FOLDER}/.gitignore"
_FRAME = {
    _README: """\
# What `splitter` did here

- `receipts/<source>/<phase>.json`: one phase that was applied. Digests of the files before and after, where
  each item went, every byte that was added or dropped and why, and what the checks said.
  `splitter certify` checks all that again, independently of what wrote it.
- `base/<sha256>`: what a file was before a phase, named by its digest; `splitter undo` and `splitter verify`
  need it, and `splitter certify` where git does not have it.
- `lock`, `journal/`: there while a command runs. After a crash the next command finishes the work, or takes
  it back.

Commit this folder to let others verify and undo the phases, or add `.splitter/` to `.gitignore`.
Without it the split code stays as it is, but no phase of it can be undone or verified by its receipt.
""",
    _IGNORED: "/lock\n/journal/\n",
}


def receipt_path(source: str, phase: int) -> str:
    """Where the receipt of a phase lies, below the root."""
    return f"{_receipts(source)}/{phase:02}.json"


def find_receipts(root: Path, source: str) -> tuple[Receipt, ...]:
    """Receipts of the finished phases of a source, by number; raises `DiskError` at a damaged one."""
    return tuple(sorted(_read_all(root, root / _receipts(source)), key=lambda receipt: receipt.phase))


def find_records(root: Path) -> tuple[str, ...]:
    """Everything that is kept for good in our folder, as paths below the root; not the lock and the journal."""
    folder = root / FOLDER
    passing = (folder / "lock", folder / "journal")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(f.relative_to(root).as_posix() for f in files if not any(f.is_relative_to(p) for p in passing))


def read_base(root: Path, digest: str) -> bytes:
    """Content that a file had before a phase; raises `DiskError` where the copy is lost or damaged."""
    path = root / FOLDER / "base" / digest
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise DiskError(
            message, "Bring it back from git or a backup; without it this phase cannot be undone."
        ) from error
    if hashlib.sha256(data).hexdigest() != digest:
        message = f"{path} is damaged: its digest is not its name"
        raise DiskError(message, "Bring it back from git or a backup.")
    return data


def record(root: Path, receipt: Receipt, contents: Mapping[str, bytes]) -> tuple[FileChange, ...]:
    """Changes that file a receipt; `contents` are the bytes of the files in `receipt.before`."""
    wanted = {path: text.encode() for path, text in _FRAME.items()}
    wanted |= {f"{FOLDER}/base/{digest}": contents[path] for path, digest in receipt.before.items()}
    wanted[receipt_path(receipt.source, receipt.phase)] = write_receipt(receipt)
    return tuple(FileChange(path, digest_of(root / path), data) for path, data in wanted.items())


def forget(root: Path, receipts: tuple[Receipt, ...]) -> tuple[FileChange, ...]:
    """Changes that remove receipts and the base copies that only they need; after the last, the rest too."""
    gone = {receipt_path(receipt.source, receipt.phase) for receipt in receipts}
    left = [
        receipt
        for receipt in _read_all(root, root / FOLDER / "receipts")
        if receipt_path(receipt.source, receipt.phase) not in gone
    ]
    needed = {digest for receipt in left for digest in receipt.before.values()}
    bases = {digest for receipt in receipts for digest in receipt.before.values()} - needed
    paths = [*sorted(gone), *(f"{FOLDER}/base/{digest}" for digest in sorted(bases))]
    if not left:
        paths += _FRAME
    digests = {path: digest_of(root / path) for path in paths}
    return tuple(FileChange(path, digest, None) for path, digest in digests.items() if digest)


def _receipts(source: str) -> str:
    """A folder that says which source it is about, and that no other source has."""
    mark = hashlib.sha256(source.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{FOLDER}/receipts/{PurePosixPath(source).stem}-{mark}"


def _read_all(root: Path, folder: Path) -> list[Receipt]:
    paths = sorted(folder.rglob("*.json"))
    try:
        return [read_receipt(path.read_bytes(), path.relative_to(root).as_posix()) for path in paths]
    except OSError as error:
        message = f"a receipt cannot be read: {error}"
        raise DiskError(message, "Make it readable, then run again.") from error
