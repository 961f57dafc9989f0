"""The bed of our own crate, where cargo's work is kept between runs; its tests belong to one worker."""

import sys
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


@pytest.fixture(scope="session")
def bed(root, recipe):
    """The sound split of it, with all that is known of the monolith."""
    with pytest.MonkeyPatch.context() as patched:
        quiet_git(patched, root)
        patched.setenv("XDG_CACHE_HOME", str(root / ".cache" / "planted" / "cache"))
        patched.setenv("SPLITTER_TARGET_DIR", str(root / ".cache" / "target" / "planted"))
        patched.setenv("CARGO_NET_OFFLINE", "true")
        with open_bed(recipe, root / ".cache" / "planted" / "tested" / recipe.name) as opened:
            yield opened
