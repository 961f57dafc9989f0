"""The reference runtime is sound before anything is split: its tests, its lints, its exports."""

import re

import lief
import pytest
from built import FEATURES, folder, library_of

# One worker runs these in order, so that each finds the build of the one before.
pytestmark = pytest.mark.xdist_group("native_ref")

# Later releases of clippy invent lints that this tree cannot know: for those only real faults count.
NEWEST_CLIPPY_TRIED = 95  # of Rust 1.95

EXPORT = re.compile(
    r"(?P<attributes>(?:#\[(?:[^\[\]]|\[[^\[\]]*\])*\]\s*)+)"
    r"[^;{}#$]*?\b(?:fn|static(?:\s+mut)?)\s+(?P<name>\w+)"
)


@pytest.mark.parametrize("features", FEATURES)
def test_cargo_tests_pass(cargo, native_ref, features):
    done = cargo("test", "--locked", *FEATURES[features], cwd=native_ref, target=folder(features))
    passed = sum(map(int, re.findall(r"^test result: ok\. (\d+) passed", done.stdout, re.MULTILINE)))
    assert passed, f"no test ran\n{done.stdout}"


@pytest.mark.parametrize("features", FEATURES)
def test_library_exports_what_the_source_marks(cargo, native_ref, features):
    source = (native_ref / "src/value/ffi.rs").read_text(encoding="utf-8")
    marked = exports(source, gated=features == "all-features")
    assert marked, "no #[no_mangle] found in ffi.rs"
    missing = marked - built_exports(cargo, native_ref, features)
    assert not missing, f"marked #[no_mangle], not exported: {sorted(missing)}"


def test_clippy_is_content(cargo, native_ref):
    version = cargo("clippy", "--version", cwd=native_ref, target="none", check=False)
    if version.returncode:
        pytest.skip("clippy is not installed with this toolchain")
    release = int(re.findall(r"\d+", version.stdout)[2])  # clippy 0.1.95
    strict = release <= NEWEST_CLIPPY_TRIED
    deny = ("warnings",) if strict else ("clippy::correctness", "clippy::suspicious")
    lints = [word for lint in deny for word in ("-D", lint)]
    for features, flags in FEATURES.items():
        target = folder(features)
        cargo("clippy", "--locked", "--all-targets", *flags, "--", *lints, cwd=native_ref, target=target)


def test_rustfmt_would_change_nothing(cargo, native_ref):
    if cargo("fmt", "--version", cwd=native_ref, target="none", check=False).returncode:
        pytest.skip("rustfmt is not installed with this toolchain")
    cargo("fmt", "--all", "--check", cwd=native_ref, target="none")


def test_a_gated_export_is_told_from_one_with_a_twin():
    source = """
    #[no_mangle] // fn comment
    /// fn doc
    pub extern "C" fn plain() {}
    #[cfg(feature = "x")]
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn gated() {}
    #[cfg(feature = "x")]
    #[no_mangle]
    pub extern "C" fn twin() {}
    #[cfg(not(feature = "x"))]
    #[no_mangle]
    pub extern "C" fn twin() {}
    #[inline]
    pub extern "C" fn hidden() {}
    """
    assert exports(source, gated=True) == {"plain", "gated", "twin"}
    assert exports(source, gated=False) == {"plain", "twin"}


def exports(source, *, gated):
    """The names that stand under `#[no_mangle]`, with or without those that need a feature."""
    bare = re.sub(r"//[^\n]*", "", source)
    found = [found for found in EXPORT.finditer(bare) if "no_mangle" in found["attributes"]]
    return {each["name"] for each in found if gated or not needs_feature(each["attributes"])}


def needs_feature(attributes):
    return "feature" in attributes and "not(feature" not in attributes


def built_exports(cargo, native_ref, features):
    binary = lief.parse(library_of(cargo, native_ref, features))  # held by name: its symbols die with it
    return {symbol.name for symbol in binary.exported_symbols}
