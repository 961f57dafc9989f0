"""The sound split and its evidence as fixtures; each test spoils one thing."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hand_split import AFTER, BEFORE, COUNTER, MIR_AFTER, MIR_BEFORE, MONOLITH, SCOPE, evidence


@pytest.fixture
def before():
    return evidence({MONOLITH: BEFORE}, MIR_BEFORE)


@pytest.fixture
def after():
    return evidence(AFTER, MIR_AFTER, "ffi::counter")


@pytest.fixture
def scope():
    return SCOPE


@pytest.fixture
def edited(after):
    """The tree after with one text replaced, as a person or a faulty tool would leave it."""

    def edit(old, new, path=COUNTER):
        text = after.files[path].decode()
        assert old in text, f"{old!r} is not in {path}"
        return replace(after, files={**after.files, path: text.replace(old, new, 1).encode()})

    return edit


@pytest.fixture
def remirrored(after):
    """The tree after with one text of its MIR replaced."""

    def edit(old, new):
        text = after.mir["default"]
        assert old in text, f"{old!r} is not in the MIR"
        return replace(after, mir={"default": text.replace(old, new, 1)})

    return edit
