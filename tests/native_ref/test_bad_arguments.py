"""Every exported function survives null, stale and foreign handles, garbage values, NaN and impossible lengths."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from built import FEATURES, functions_of, library_of

pytestmark = pytest.mark.xdist_group("native_ref")

CALLER = Path(__file__).with_name("bad_arguments.py")
CHILDREN = 6


@pytest.mark.parametrize("features", FEATURES)
def test_bad_arguments_never_crash_hang_or_unwind(cargo, native_ref, tmp_path, features):
    library = library_of(cargo, native_ref, features)
    symbols = sorted(functions_of(native_ref.parent, gated=features == "all-features"))
    made = 0
    for number in range(CHILDREN):
        done, last = run(library, symbols[number::CHILDREN], tmp_path / str(number))
        assert done.returncode == 0, f"{last} ended the process: {done.returncode}\n{done.stderr[-2000:]}"
        made += int(re.search(rb"\ncalls made: (\d+)\n$", done.stdout)[1])
    assert made > 10 * len(symbols)


def test_a_crash_and_a_hang_are_told_with_the_call(tmp_path):
    source = tmp_path / "faulty.c"
    source.write_text(FAULTY)
    library = tmp_path / "faulty.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    done, last = run(library, ["rt_alloc"], tmp_path / "crash")
    assert done.returncode < 0
    assert last.startswith("rt_alloc(")
    done, last = run(library, ["rt_math_sqrt"], tmp_path / "hang", "SECONDS = 1")
    assert done.returncode < 0
    assert last.startswith("rt_math_sqrt(")


def run(library, symbols, folder, setting=""):
    """How a child ended that calls these functions, and the call that it made last."""
    folder.mkdir()
    journal = folder / "journal"
    code = CALLER.read_text(encoding="utf-8").replace("SECONDS = 10", setting or "SECONDS = 10")
    child = folder / "child.py"
    child.write_text(code.replace("Path(__file__).parents[2]", f"Path({str(CALLER.parents[2])!r})"), encoding="utf-8")
    command = [sys.executable, child, library, journal]
    done = subprocess.run(command, input=" ".join(symbols).encode(), capture_output=True, cwd=folder, check=False)
    return done, journal.read_text(encoding="utf-8").strip()


FAULTY = """
#include <stdlib.h>
long rt_atomic_new(long a) { return a; }
int rt_atomic_free(long a) { return 1; }
unsigned long rt_array_new(long a) { return 3; }
int rt_heap_free(unsigned long a) { return 1; }
unsigned long rt_tuple_new(long a) { return 3; }
unsigned long rt_value_int(long a) { return a; }
long rt_value_as_int(unsigned long a) { return a; }
void *rt_alloc(long a) { abort(); }
double rt_math_sqrt(double a) { for (;;) ; }
"""
