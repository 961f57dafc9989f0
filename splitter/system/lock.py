"""One run at a time in a tree.

Source: flock(2). The system itself lets go of the lock when a process ends, however it ends.
Invariant: who holds the lock holds it on the very file that the path names; the file is gone afterwards, and
where the process was killed, after the next one.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from splitter.errors import DiskError, LockedError

_PATH = ".splitter/lock"
_TRIES = 100
_held: set[Path] = set()


@contextmanager
def hold_lock(root: Path, command: str) -> Iterator[None]:
    """Hold the lock of the tree at `root`; `command` is told to whoever comes second.

    Raises `LockedError` at once where another process holds it, `DiskError` where there can be no lock file.
    """
    root = root.resolve()
    path = root / _PATH
    try:
        handle = _take(path)
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()} {command}\n".encode(errors="surrogateescape"))
    except OSError as error:
        message = f"{path} cannot be locked: {error.strerror}"
        raise DiskError(message, "The tree has to be writable, on a file system with locks.") from error
    _held.add(root)
    try:
        yield
    finally:
        _held.discard(root)
        with contextlib.suppress(OSError):
            path.unlink()  # while it is still ours: whoever opened it finds that the path names another file
        os.close(handle)
        with contextlib.suppress(OSError):
            path.parent.rmdir()


@contextmanager
def join_lock(root: Path, command: str) -> Iterator[None]:
    """Do with the lock that this process holds already, else hold it."""
    if root.resolve() in _held:
        yield
    else:
        with hold_lock(root, command):
            yield


def _take(path: Path) -> int:
    """A handle on the locked file; one that was removed between opening and locking does not count."""
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:
            if not path.parent.parent.is_dir():
                raise
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_named(path, handle):
                return handle
            os.close(handle)
        except BlockingIOError as error:
            holder = os.pread(handle, 500, 0).decode(errors="replace").strip()
            os.close(handle)
            raise _locked(path, holder) from error
        except OSError:
            os.close(handle)
            raise
    raise OSError(errno.EAGAIN, "other runs come and go too quickly")


def _is_named(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _locked(path: Path, holder: str) -> LockedError:
    process, _, command = holder.partition(" ")
    who = f"process {process} (`{command}`)" if command else "another process"
    message = f"{path.parent.parent} is in use by {who}"
    return LockedError(message, "Wait until it is done, or end it; what it has begun is then finished or taken back.")
