"""The bed of our own crate, where cargo's work is kept between runs; its tests belong to one worker."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from bed import open_bed
from fault import read_recipe
from trial import quiet_git


@pytest.fixture(scope="session")
def recipe(root):
    """Our own crate and its faults."""
    return read_recipe((root / "fixtures/faults/faults.toml").read_text(encoding="utf-8"))


def _surround(patch, root):
    """Give a bed its git, and folders of its own for what it builds."""
    quiet_git(patch, root)
    patch.setenv("XDG_CACHE_HOME", str(root / ".cache" / "planted" / "cache"))
    patch.setenv("SPLITTER_TARGET_DIR", str(root / ".cache" / "target" / "planted"))
    patch.setenv("CARGO_NET_OFFLINE", "true")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, root):
    _surround(monkeypatch, root)


@pytest.fixture(scope="session")
def bed(root, recipe):
    """The sound split of it, with all that is known of the monolith; made once, and open until the end."""
    with ExitStack() as stack:
        # What a bed needs around it must not be around the tests of other folders.
        with pytest.MonkeyPatch.context() as patch:
            _surround(patch, root)
            opened = stack.enter_context(open_bed(recipe, root / ".cache" / "planted" / "tested" / recipe.name))
        yield opened
