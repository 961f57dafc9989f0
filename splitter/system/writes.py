"""Elementary writes, each announced before it happens, so that a test can stop the world at any of them.

Invariant: nothing else in a transaction changes the disk; a file is whole and on disk when `write` returns.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Writes:
    """Writes to the disk; `announce` hears of each one before it happens, and may raise."""

    announce: Announce

    def write(self, path: Path, data: bytes, mode: int | None, like: os.stat_result | None = None) -> None:
        """Make a file that is not there yet; its mode is as given, else that of `like`, else the usual."""
        self.announce(f"write {path.name}")
        if mode is None and like is not None:
            mode = like.st_mode & 0o7777
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(path, flags, 0o666 if mode is None else 0o600)
        try:
            _write_all(handle, data[: len(data) // 2])
            self.announce(f"write the rest of {path.name}")
            _write_all(handle, data[len(data) // 2 :])
            if like is not None and (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):  # only root may give files away
                    os.fchown(handle, like.st_uid, like.st_gid)
            if mode is not None:
                os.fchmod(handle, mode)
            self.announce(f"sync {path.name}")
            os.fsync(handle)
        finally:
            os.close(handle)

    def keep(self, path: Path, copy: Path) -> None:
        """Give a file a second name, or where the file system cannot, make a copy with its times and mode."""
        self.announce(f"keep {path.name}")
        try:
            os.link(path, copy)
        except FileExistsError:
            raise
        except OSError:
            shutil.copy2(path, copy)
        self.announce(f"sync {copy.name}")
        sync(copy)

    def replace(self, source: Path, target: Path) -> None:
        """Rename a file, over another one if there is one."""
        self.announce(f"replace {target.name}")
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a file that may be gone already."""
        self.announce(f"unlink {path.name}")
        path.unlink(missing_ok=True)

    def mkdir(self, path: Path) -> None:
        """Make a folder that may be there already."""
        self.announce(f"mkdir {path.name}")
        path.mkdir(exist_ok=True)

    def rmdir(self, path: Path) -> bool:
        """Remove a folder if it is empty; say whether it is gone."""
        self.announce(f"rmdir {path.name}")
        try:
            path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def sync_folder(self, path: Path) -> None:
        """Bring the names in a folder to the disk, where the folder is there and the system can."""
        self.announce(f"sync folder {path.name}")
        with contextlib.suppress(FileNotFoundError, PermissionError):
            sync(path)


def sync(path: Path) -> None:
    """Bring a file's or folder's content to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file's bytes; nothing where there is no file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
