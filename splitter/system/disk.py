"""Reads what the user names, and finds and copies what the package brings.

Invariant: reads only, but for `copy_tree`, which writes into a folder that was empty or absent.
"""

import errno
import shutil
import stat
from pathlib import Path

from splitter.errors import DiskError, SourceError, UsageError

_LARGEST = 64 * 2**20
_LEFT_OUT = shutil.ignore_patterns("target", ".git", ".splitter", "__pycache__")
_REASONS = {
    errno.ENOENT: ("there is no such file", "Check the path; it is relative to the folder that you are in."),
    errno.ENOTDIR: ("a part of the path is a file", "Check the path."),
    errno.EISDIR: ("this is a folder", "Name the Rust source file in it that is to be split."),
    errno.EACCES: ("reading it is not permitted", "Make it readable (`chmod u+r`), then run again."),
    errno.EPERM: ("reading it is not permitted", "Make it readable (`chmod u+r`), then run again."),
    errno.ELOOP: ("it is a loop of symbolic links", "Name the file itself."),
    errno.ENAMETOOLONG: ("the name is too long", "Check the path."),
}


def read_source(path: Path) -> bytes:
    """Content of a source file; raises `SourceError` with path, reason and advice where it cannot be read."""
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= _LARGEST:
            return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise SourceError(f"{path}: this is no path", "Check the path.") from error
    if stat.S_ISDIR(found.st_mode):
        raise _unreadable(path, IsADirectoryError(errno.EISDIR, ""))
    size = f"{found.st_size / 2**20:.0f} MiB is more than a source file has"
    reason = size if stat.S_ISREG(found.st_mode) else "this is no regular file"
    raise SourceError(f"{path}: {reason}", "Name a Rust source file.")


def package_data(name: str) -> Path:
    """Folder that comes with the package (`native_ref`, `plans`): inside it, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / f"_{name}", package.parent / name):
        if folder.is_dir():
            return folder
    message = f"this installation of splitter lacks {name}"
    raise DiskError(message, "Install it again from a wheel or a checkout.")


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder without what was built in it.

    Raises `UsageError` where the target is there and not an empty folder, `DiskError` where copying fails.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{target} is there already and not an empty folder", "Name a folder that is yet to be.")
    try:
        shutil.copytree(source, target, symlinks=True, ignore=_LEFT_OUT, dirs_exist_ok=True)
    except OSError as error:
        raise DiskError(f"copying to {target} failed: {error}", "Name another folder, or make room.") from error


def _unreadable(path: Path, error: OSError) -> SourceError:
    reason, advice = _REASONS.get(error.errno or 0, (error.strerror or str(error), "Make it readable."))
    if error.errno == errno.ENOENT and path.is_symlink():
        reason, advice = "it is a symbolic link that leads nowhere", "Name the file itself."
    return SourceError(f"{path}: {reason}", advice)
