"""Lets a benchmark be called with any Python: where that lacks the tool, the project's own environment goes on."""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def enter() -> None:
    """Run the present script again in `.venv` unless the tool can be imported here; exits where neither has it."""
    if all(importlib.util.find_spec(name) for name in ("splitter", "click", "tree_sitter")):
        return
    python = ROOT / ".venv/bin/python"
    if not python.exists() or Path(sys.prefix).resolve() == (ROOT / ".venv").resolve():
        sys.exit("splitter is not installed here; run `make setup` first")
    os.execv(python, [str(python), *sys.argv])
