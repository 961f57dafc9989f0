"""A C program that links the library, by the generated header, gets from each domain what it promises."""

import subprocess
from pathlib import Path

import pytest
from built import FEATURES, library_of

pytestmark = pytest.mark.xdist_group("native_ref")


@pytest.mark.parametrize("features", FEATURES)
def test_each_domain_works_from_c(cargo, native_ref, tmp_path, features):
    folder = Path(library_of(cargo, native_ref, features)).parent
    program = tmp_path / "ctest"
    defined = ("-DNATIVE_REF_COMPILER",) if features == "all-features" else ()
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *defined, f"-I{native_ref / 'include'}"]
    linked = [f"-L{folder}", "-lnative_ref", "-lm", f"-Wl,-rpath,{folder}", "-o", program]
    subprocess.run([*command, native_ref / "ctest/main.c", *linked], check=True)
    done = subprocess.run([program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) >= 11
    assert all(line.endswith(": ok") for line in lines), done.stdout
