"""Lets the tests of this folder use the same generated and real files as those of the rewriter."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "snippets"))
