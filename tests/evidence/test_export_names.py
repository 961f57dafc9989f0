"""Exported names are read from every kind of library, and are those of the crate alone."""

import subprocess

import pytest

from splitter.errors import ToolError
from splitter.system.export_names import exported_names

pytestmark = pytest.mark.usefixtures("cargo")

SOURCE = """\
#[no_mangle]
pub extern "C" fn rt_one() -> u32 { hidden::<u32>(1) }
#[no_mangle]
pub static RT_STATE: u32 = 7;
#[export_name = "other_name"]
pub extern "C" fn two() { println!("{}", rt_one()) }
pub fn hidden<T>(t: T) -> T { t }
extern "C" { fn malloc(size: usize) -> *mut u8; }
pub fn plain() -> *mut u8 { unsafe { malloc(1) } }
"""


@pytest.mark.parametrize("kind", ["cdylib", "rlib", "staticlib", "obj"])
def test_names_are_those_that_the_source_exports(kind, tmp_path):
    (tmp_path / "small.rs").write_text(SOURCE)
    emit = ["--emit=obj", "--crate-type=rlib"] if kind == "obj" else [f"--crate-type={kind}"]
    subprocess.run(["rustc", *emit, "-Cdebuginfo=0", "small.rs"], cwd=tmp_path, check=True, capture_output=True)
    (made,) = (path for path in tmp_path.iterdir() if path.suffix != ".rs")
    assert exported_names(made, "small") == {"rt_one", "RT_STATE", "other_name"}


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.so").write_bytes(b"nonsense")
    with pytest.raises(ToolError, match=r"a\.so: this is no ELF, Mach-O or PE file"):
        exported_names(tmp_path / "a.so", "a")
