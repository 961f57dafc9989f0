"""Lets the tests of this folder share `trees.py` with the program `killed.py`, which is run by itself."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
