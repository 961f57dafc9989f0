"""Rust files that people wrote: those of this project, and those of crates that cargo has on this machine."""

import os
import re
from pathlib import Path

LARGEST = 90_000
MOST = 16


def real_files():
    """The larger files, so that each has many items; one version of each crate, and a steady choice."""
    root = Path(__file__).parents[2]
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    folders = {re.sub(r"-\d.*", "", path.parent.name): path for path in sorted(home.glob("registry/src/*/*/src"))}
    own = sorted((root / "native_ref" / "src").rglob("*.rs"))
    found = [file for folder in folders.values() for file in largest(folder)]
    return [*own, *found[:: max(1, len(found) // MOST)][:MOST]]


def largest(folder):
    files = [(file.stat().st_size, file) for file in sorted(folder.rglob("*.rs"))]
    fitting = [(size, file) for size, file in files if 8_000 < size < LARGEST]
    return [file for _, file in sorted(fitting, reverse=True)[:2]]
