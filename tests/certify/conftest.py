"""Splits of the tiny crate with their receipts, and ways to forge these."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from trial import Trial, make_trial, quiet_git


@pytest.fixture(autouse=True)
def _git(monkeypatch, tmp_path):
    quiet_git(monkeypatch, tmp_path.parent)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The tiny crate after its three phases, each a commit; made once, and copied."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        quiet_git(patch, folder.parent)
        trial = make_trial(folder / "tiny")
        trial.apply("--all", "--commit")
    return trial


@pytest.fixture
def split(finished, tmp_path):
    """A copy of the finished split, to do with as one likes."""
    return Trial(shutil.copytree(finished.root, tmp_path / "tiny"))
