"""Keeps what was observed of a tree by a digest of everything that it depends on.

Invariant: an entry is whole or not there; one that cannot be read counts as not there.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

_MOST = 400
_FORMAT = 1
_PREFIXES = ("RUST", "CARGO", "CC", "CFLAGS", "CXX", "LDFLAGS", "AR", "PKG_CONFIG")
_IGNORED = frozenset(
    ("CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUST_BACKTRACE", "CARGO_TERM_COLOR", "RUSTC_WRAPPER")
)


def key_of(*parts: object) -> str:
    """Digest of what an observation depends on; the variables that steer compilers are added."""
    steering = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith(_PREFIXES) and k not in _IGNORED)
    return hashlib.sha256(repr((_FORMAT, parts, steering)).encode()).hexdigest()


def find(folder: Path, key: str) -> Any | None:  # noqa: ANN401 - whatever JSON holds
    """What was kept under a key, or nothing."""
    path = folder / f"{key}.json.z"
    try:
        found = json.loads(zlib.decompress(path.read_bytes()))
        os.utime(path)
    except (OSError, ValueError, zlib.error):
        return None
    return found


def keep(folder: Path, key: str, value: object) -> None:
    """Keep a value; the oldest go where there are too many. A full disk keeps nothing and is no error."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(zlib.compress(json.dumps(value).encode(), 1))
        Path(file.name).replace(folder / f"{key}.json.z")
        entries = sorted(folder.glob("*.json.z"), key=lambda path: path.stat().st_mtime)
        for old in entries[:-_MOST]:
            old.unlink()
