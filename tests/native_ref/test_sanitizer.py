"""The runtime's own tests under AddressSanitizer: no access out of bounds or after a free, in any configuration.

Source: The rustc book, "Sanitizers": stable toolchains bring the runtime, the flag has to be unlocked.
"""

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("native_ref")


@pytest.fixture(scope="module")
def host():
    """The triple of this machine, if its toolchain can do it."""
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    triple = re.search(r"^host: (\S+)$", told, re.MULTILINE)[1]
    root = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    if not list(Path(root, "lib/rustlib", triple, "lib").glob("*rt.asan.a")):
        pytest.skip("this toolchain brings no AddressSanitizer")
    return triple


def test_the_address_sanitizer_finds_nothing(cargo, native_ref, host):
    surroundings = {
        "RUSTC_BOOTSTRAP": "1",
        "RUSTFLAGS": "-Zsanitizer=address",
        "ASAN_OPTIONS": "allocator_may_return_null=1:detect_leaks=0",  # impossible sizes are asked for on purpose
    }
    arguments = ("test", "--lib", "--tests", "--locked", "--all-features", "--target", host)
    done = cargo(*arguments, cwd=native_ref, target="native_ref-address", variables=surroundings)
    assert sum(map(int, re.findall(r"ok\. (\d+) passed", done.stdout))) > 100


def test_the_address_sanitizer_is_at_work(cargo, tmp_path, host):
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "wild"\nedition = "2021"\n[workspace]\n', encoding="utf-8")
    (tmp_path / "src/lib.rs").write_text(WILD, encoding="utf-8")
    surroundings = {"RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": "-Zsanitizer=address"}
    done = cargo("test", "--lib", "--target", host, cwd=tmp_path, target="wild", variables=surroundings, check=False)
    assert done.returncode
    assert "heap-use-after-free" in done.stdout + done.stderr


WILD = """
#[test]
fn reads_what_is_gone() {
    let text = Box::into_raw(Box::new(7_u8));
    unsafe { drop(Box::from_raw(text)) };
    assert_eq!(unsafe { std::ptr::read_volatile(text) }, 7);
}
"""
