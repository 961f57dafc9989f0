"""Changes to files as a caller asks for them, made out against the tree as it is.

Invariant: changes nothing; what it lets through lies inside the tree, is a regular file or none, and is what
the caller says that it is.
"""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from splitter.errors import DirtyError, DiskError
from splitter.system.journal import Entry, Journal
from splitter.system.writes import digest_of

_LINKED = "Replace the symbolic link by the file, then run again."


@dataclass(frozen=True, slots=True)
class FileChange:
    """New bytes for a file, or none to remove it; `old_digest` is that of the bytes that it has to have now.

    `path` is relative to the root, `old_digest` is none where no file may be there yet. Without `mode` a file
    keeps the one that it has.
    """

    path: str
    old_digest: str | None
    new: bytes | None
    mode: int | None = None


def begin(root: Path, changes: tuple[FileChange, ...]) -> tuple[Journal, dict[str, FileChange]]:
    """A journal of what is not as it should be yet, and the changes by real path.

    Symbolic links inside the tree are followed. Raises `DirtyError` where a file is not the one that its
    change says, `DiskError` where it cannot be written as a file of this tree.
    """
    changed: dict[str, FileChange] = {}
    entries: list[Entry] = []
    for change in changes:
        target = _real_path(root, change)
        path = target.relative_to(root).as_posix()
        if path in changed:
            message = f"{change.path} and {changed[path].path} are one file"
            raise DiskError(message, _LINKED)
        changed[path] = change
        seen = digest_of(target)
        if seen != change.old_digest:
            raise edited_error(change.path, "is not the file that was read")
        new = None if change.new is None else hashlib.sha256(change.new).hexdigest()
        same_mode = seen is None or change.mode is None or target.stat().st_mode & 0o7777 == change.mode
        if seen != new or not same_mode:
            entries.append(Entry(path, seen, new))
    folders = sorted(
        {
            parent.as_posix()
            for entry in entries
            if entry.new is not None
            for parent in PurePosixPath(entry.path).parents
            if not (root / parent).exists()
        }
    )
    return Journal(root, secrets.token_hex(4), tuple(entries), tuple(folders)), changed


def edited_error(path: str, what: str) -> DirtyError:
    """The error about a file that is not what it should be."""
    return DirtyError(f"{path} {what}", "Put it back, or commit your edit and plan again; nothing was overwritten.")


def _real_path(root: Path, change: FileChange) -> Path:
    given = root / change.path
    try:
        real = given.resolve()
    except (OSError, RuntimeError) as error:  # a loop is the one or the other, by the version of Python
        message = f"{change.path} is a loop of symbolic links"
        raise DiskError(message, _LINKED) from error
    if not real.is_relative_to(root) or real == root:
        message = f"{change.path} leads out of the tree"
        raise DiskError(message, _LINKED)
    if given.is_symlink() and (change.new is None or not real.exists()):
        message = f"{change.path} is a symbolic link, which cannot be removed or created as a file"
        raise DiskError(message, _LINKED)
    if real.exists() and not real.is_file():
        message = f"{change.path} is no regular file"
        raise DiskError(message, "Move it away, then run again.")
    return real
