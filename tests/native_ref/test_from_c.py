"""Programs in C and C++ that link the library, by the generated header, get from each domain what it promises."""

import shutil
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
    sources = sorted((native_ref / "ctest").glob("*.c"))
    subprocess.run([*command, *sources, *linked], check=True)
    done = subprocess.run([program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) >= 27
    assert all(line.endswith(": ok") for line in lines), done.stdout


def test_it_is_called_from_cxx_by_the_same_names(cargo, native_ref, tmp_path):
    if not shutil.which("c++"):
        pytest.skip("no C++ compiler")
    folder = Path(library_of(cargo, native_ref, "default")).parent
    (tmp_path / "main.cc").write_text(CXX, encoding="utf-8")
    command = ["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{native_ref / 'include'}", "main.cc"]
    linked = [f"-L{folder}", "-lnative_ref", f"-Wl,-rpath,{folder}", "-o", "main"]
    subprocess.run([*command, *linked], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "42\n")


CXX = """
#include "native_ref.h"
#include <cstdio>
#include <string>

int main() {
    const std::string source = "twice(21)", name = "twice";
    auto bytes = [](const std::string &text) { return reinterpret_cast<const uint8_t *>(text.data()); };
    rt_interp_register(bytes(name), name.size(), [](int64_t, const RuntimeValue *arguments) {
        return rt_value_int(2 * rt_value_as_int(arguments[0]));
    });
    std::printf("%lld\\n", static_cast<long long>(rt_value_as_int(rt_interp_eval(bytes(source), source.size()))));
}
"""
