"""Histories of two commits in which a split was made by hand, sound or with a fault."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from history import make_history
from trial import quiet_git


@pytest.fixture(autouse=True)
def _git(monkeypatch, tmp_path):
    quiet_git(monkeypatch, tmp_path.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def history(tmp_path):
    """Makes a history: the sound split, with some texts replaced in the tree after."""
    return lambda *edits, **options: make_history(tmp_path / "crate", *edits, **options)
