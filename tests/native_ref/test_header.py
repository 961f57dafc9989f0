"""The C header says what the library exports: no function more, none less, and C and C++ compilers take it."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import lief
import pytest
from built import FEATURES, functions_of, library_of

pytestmark = pytest.mark.xdist_group("native_ref")

TOOLS = Path(__file__).parents[2] / "tools"
COMPILERS = [("cc", "-std=c11", "-xc"), ("c++", "-std=c++17", "-xc++")]


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


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda c: c[0])
@pytest.mark.parametrize("features", [(), ("-DNATIVE_REF_COMPILER",)], ids=["default", "all-features"])
def test_compilers_take_it(native_ref, compiler, features):
    take(compiler, *features, native_ref / "include/native_ref.h")


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda c: c[0])
def test_words_of_c_and_cxx_are_no_names_of_parameters(tmp_path, compiler):
    crate = tmp_path / "native_ref/src/value"
    crate.mkdir(parents=True)
    (crate / "core.rs").write_text("#[repr(transparent)]\npub struct RuntimeValue(u64);\n", encoding="utf-8")
    (crate / "heap.rs").write_text("//! Nothing here.\n", encoding="utf-8")
    (crate / "ffi.rs").write_text(AWKWARD, encoding="utf-8")
    text = runpy.run_path(str(TOOLS / "header.py"))["header"](tmp_path)
    assert "int64_t rt_set(int64_t new_, const uint8_t *class_, bool default_, int64_t size);" in text
    assert "void rt_put(int64_t register_, RuntimeValue signed_, uint8_t typeof_);" in text
    header = tmp_path / "awkward.h"
    header.write_text(text, encoding="utf-8")
    take(compiler, header)


def take(compiler, *arguments):
    """Has a compiler read a header and nothing else."""
    if not shutil.which(compiler[0]):
        pytest.skip(f"no {compiler[0]} here")
    subprocess.run([*compiler, *arguments, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"], check=True)


FOREIGN = ("rust_eh_personality", "_init", "_fini", "__rust")
AWKWARD = """
#[no_mangle]
pub extern "C" fn rt_set(new: i64, class: *const u8, default: bool, size: i64) -> i64 { 0 }
#[no_mangle]
pub extern "C" fn rt_put(register: i64, _signed: RuntimeValue, r#typeof: u8) {}
"""
