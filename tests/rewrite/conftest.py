"""Lets the tests of this folder compare items as the snippets do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "snippets"))
