"""Builds every case once for all tests of this folder, as the packages of one workspace."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from snippet_build import Batch
from snippet_case import load_cases, write_after
from snippet_run import run_all


@pytest.fixture(scope="session")
def built(root, cargo_target):
    """What became of each case: by names alone, and with the compiler's help.

    With `RECORD_SNIPPETS=1` in the environment the `after` parts of the cases are written anew; review the
    difference before it is committed.
    """
    cases = load_cases(root / "fixtures" / "snippets")
    cases = [case for case in cases if not case.refused]
    batch = Batch(root / ".cache" / "snippets", cargo_target / "snippets")
    results = run_all(cases, batch)
    batch.tidy()
    if os.environ.get("RECORD_SNIPPETS"):
        for case in cases:
            assert not results[case.name].error, results[case.name].error
            write_after(case, results[case.name].settled)
    return results
