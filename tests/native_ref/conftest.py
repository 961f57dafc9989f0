"""Where the reference runtime stands."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def native_ref(root):
    return root / "native_ref"
