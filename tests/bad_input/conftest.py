"""Fresh copies of the tiny crate: in git, or without."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from trial import built_trial, make_trial, quiet_git


@pytest.fixture(autouse=True)
def _git(monkeypatch, tmp_path):
    quiet_git(monkeypatch, tmp_path.parent)


@pytest.fixture
def trial(tmp_path):
    """The tiny crate in a git repository of its own, with its plan committed."""
    return make_trial(tmp_path / "tiny")


@pytest.fixture
def built(monkeypatch, root):
    """The tiny crate where cargo's work is kept between runs; its tests belong to one worker."""
    return built_trial(monkeypatch, root / ".cache")
