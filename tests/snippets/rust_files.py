"""Rust files that people wrote: those of this project, and those of crates that cargo has on this machine."""

import os
from pathlib import Path

LARGEST = 150_000
MOST = 40


def real_files():
    """The larger files, so that each has many items; a steady choice, spread over the crates."""
    root = Path(__file__).parents[2]
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    crates = sorted((home / "registry" / "src").glob("*/*/src"))
    own = sorted((root / "native_ref" / "src").rglob("*.rs"))
    found = [file for crate in crates for file in largest(crate)]
    step = max(1, len(found) // MOST)
    return [*own, *found[::step][:MOST]]


def largest(folder):
    files = [(file.stat().st_size, file) for file in sorted(folder.rglob("*.rs"))]
    fitting = [(size, file) for size, file in files if 8_000 < size < LARGEST]
    return [file for _, file in sorted(fitting, reverse=True)[:3]]
