"""Reads TOML that other tools check: what cannot be read is an empty table.

Invariant: never raises; cargo and rustfmt say what is wrong with their files.
"""

import tomllib
from pathlib import Path
from typing import Any


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a file; empty where it cannot be read."""
    try:
        return parse_toml(path.read_bytes())
    except OSError:
        return {}


def parse_toml(data: bytes) -> dict[str, Any]:
    """The table that some bytes hold; empty where they are no TOML."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError:
        return {}
