"""Shuts a process of ours in before it calls code that nobody has read: files, network, other processes, resources.

Source: Linux `landlock(7)`, `unshare(2)`, `setrlimit(2)`.
Invariant: what could not be shut is said by name, so that the caller leaves out what needs it; cannot be undone.
"""

import contextlib
import ctypes
import os
import resource
import struct
import sys
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every Linux
_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_READING = 1 << 2 | 1 << 3  # files, folders
_ALL_SINCE = {1: 13, 2: 14, 3: 15, 5: 16}  # file rights by Landlock's version
_EXECUTE = 1

FILES, NETWORK, PROCESSES = "files", "network", "processes"


def confine(folder: Path, readable: tuple[Path, ...], memory: int) -> frozenset[str]:
    """Shut this process in; returns what is shut of `FILES`, `NETWORK` and `PROCESSES`.

    Only `folder` can be written, only it and `readable` can be read, nothing can be executed; `memory` is bytes of
    address space.
    """
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 64 << 20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (limit, limit))
    if not sys.platform.startswith("linux"):
        return frozenset()
    libc = ctypes.CDLL(None, use_errno=True)
    shut = set()
    if libc.unshare(_NEW_USER | _NEW_NET) == 0 or libc.unshare(_NEW_NET) == 0:
        shut.add(NETWORK)
    version = libc.syscall(_CREATE, None, 0, _VERSION)
    if version > 0 and _landlock(libc, version, folder, readable):
        shut.add(FILES)
        if version >= 6:  # signals are kept inside from this version on
            shut.add(PROCESSES)
    return frozenset(shut)


def _landlock(libc: ctypes.CDLL, version: int, folder: Path, readable: tuple[Path, ...]) -> bool:
    rights = (1 << max(count for since, count in _ALL_SINCE.items() if since <= version)) - 1
    network, scope = (0b11 if version >= 4 else 0), (0b11 if version >= 6 else 0)
    sizes = {1: 8, 4: 16, 6: 24}
    size = sizes[max(since for since in sizes if since <= version)]
    rules = libc.syscall(_CREATE, struct.pack("QQQ", rights, network, scope)[:size], size, 0)
    if rules < 0:
        return False
    try:
        for path, allowed in ((folder, rights & ~_EXECUTE), *((one, _READING) for one in readable)):
            _allow(libc, rules, path, allowed)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not path.is_dir():
        rights &= 1 << 1 | 1 << 2  # what a file can be: written, read
    libc.syscall(_ADD, rules, _PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
    os.close(handle)
