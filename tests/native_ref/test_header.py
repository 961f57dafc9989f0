"""The C header says what the library exports: no function more, none less, and C and C++ compilers take it."""

import subprocess
import sys
from pathlib import Path

import lief
import pytest
from built import FEATURES, functions_of, library_of

pytestmark = pytest.mark.xdist_group("native_ref")

TOOLS = Path(__file__).parents[2] / "tools"


def test_the_header_is_that_of_the_sources(root):
    made = subprocess.run([sys.executable, TOOLS / "header.py"], capture_output=True, text=True, check=True).stdout
    committed = (root / "native_ref/include/native_ref.h").read_text(encoding="utf-8")
    assert committed == made, "run `make header`"


@pytest.mark.parametrize("features", FEATURES)
def test_the_library_exports_the_header_and_nothing_else(cargo, native_ref, features):
    binary = lief.parse(library_of(cargo, native_ref, features))
    exported = {symbol.name for symbol in binary.exported_symbols}
    ours = {name for name in exported if not name.startswith(FOREIGN)}
    assert ours == functions_of(native_ref.parent, gated=features == "all-features")


@pytest.mark.parametrize("compiler", [("cc", "-std=c11", "-xc"), ("c++", "-std=c++17", "-xc++")], ids=lambda c: c[0])
@pytest.mark.parametrize("features", [(), ("-DNATIVE_REF_COMPILER",)], ids=["default", "all-features"])
def test_compilers_take_it(native_ref, compiler, features):
    header = native_ref / "include/native_ref.h"
    command = [*compiler, *features, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", header]
    subprocess.run(command, check=True)


FOREIGN = ("rust_eh_personality", "_init", "_fini", "__rust")
