"""Evidence of a real crate, built: a sound split passes, planted faults do not."""

from contextlib import contextmanager

import pytest

from splitter.errors import SourceError, ToolError
from splitter.model.check import Level, Outcome, Verdict, verdict_of
from splitter.model.evidence import Missing, Scope
from splitter.system import cargo as run_cargo
from splitter.system.cargo import Cargo
from splitter.system.cargo_check import check
from splitter.system.evidence import choose, gather
from splitter.system.mirror import open_mirror
from splitter.system.package import find_package
from splitter.verify.checks import run_checks

pytestmark = [pytest.mark.usefixtures("cargo"), pytest.mark.xdist_group("gather")]

MANIFEST = """\
[package]
name = "tiny-ffi"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["rlib", "cdylib"]

[features]
text = []
"""
BEFORE = """\
#![allow(unused_imports)]
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// The next number.
///
/// ```
/// assert!(tiny_ffi::ffi::rt_next() > 0);
/// ```
#[no_mangle]
pub extern "C" fn rt_next() -> u32 {
    NEXT.fetch_add(one(), Ordering::Relaxed)
}

#[no_mangle]
pub extern "C" fn rt_peek() -> u32 {
    NEXT.load(Ordering::Relaxed)
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

#[no_mangle]
pub extern "C" fn rt_two() -> u32 {
    let sum = |n: u32| n + two();
    sum(0)
}

#[cfg(feature = "text")]
#[no_mangle]
pub extern "C" fn rt_text() -> *const u8 {
    b"text".as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn two_is_two() {
        assert_eq!(rt_two(), 2);
    }
}
"""
MODULE = """\
//! Counting.

use std::sync::atomic::{AtomicU32, Ordering};

"""
CUT = (BEFORE.index("static NEXT"), BEFORE.index("fn two()"))
RESIDUE = (
    BEFORE[: CUT[0]].replace("use std::sync::atomic::{AtomicU32, Ordering};\n", "")
    + "mod count;\n\npub use self::count::{rt_next, rt_peek};\n\n"
    + BEFORE[CUT[1] :]
)
AFTER = {"src/ffi.rs": RESIDUE, "src/ffi/count.rs": MODULE + BEFORE[CUT[0] : CUT[1]].rstrip() + "\n"}
SCOPE = Scope("tiny_ffi", ("ffi",), "src/ffi.rs", "src/ffi.rs", modules={"count": "src/ffi/count.rs"})
OUTSIDE = "#[test]\nfn counts() {\n    assert!(tiny_ffi::ffi::rt_next() > 0);\n}\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A crate with its mirror open, in which trees are written and observed."""
    root = tmp_path_factory.mktemp("gather") / "tiny"
    files = {"Cargo.toml": MANIFEST, "src/lib.rs": "pub mod ffi;\n", "src/ffi.rs": BEFORE, "tests/outside.rs": OUTSIDE}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root.parent / "cache"))
        patch.delenv("SPLITTER_TARGET_DIR", raising=False)
        for name in ("RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"):
            patch.delenv(name, raising=False)
        package = find_package(root, root / "src/ffi.rs")
        with open_mirror(root, package) as mirror:
            choice = choose(Cargo(mirror, package), ("text",))
            yield root, choice


@pytest.fixture(scope="module")
def before(bench):
    _, choice = bench
    choice.cargo.mirror.sync()
    return gather(choice, {"src/ffi.rs": BEFORE.encode()}, Level.STANDARD)


@contextmanager
def written(choice, files):
    choice.cargo.mirror.write({path: text.encode() for path, text in files.items()})
    yield {path: text.encode() for path, text in files.items()}
    choice.cargo.mirror.sync()


def judged(bench, before, files):
    with written(bench[1], files) as tree:
        after = gather(bench[1], tree, Level.STANDARD)
    return run_checks(Level.STANDARD, before, after, SCOPE)


def failed(results):
    return {result.name for result in results if result.outcome is Outcome.FAILED}


def test_the_package_of_a_file_is_found(bench):
    package = bench[1].cargo.package
    assert (package.crate, package.module, package.edition) == ("tiny_ffi", ("ffi",), "2021")


def test_what_is_built_follows_from_the_features(bench):
    assert [c.name for c in bench[1].configurations] == ["default", "all features"]
    assert bench[1].thorough == bench[1].configurations


ALLOWED = "#[allow(unused_imports)]\nuse std::fmt::Debug;\n"
SHOWN = "use std::fmt::Write;\n"


@pytest.mark.parametrize(
    ("uses", "unused", "shown"),
    [(ALLOWED, ["Debug"], []), (SHOWN + ALLOWED, ["Write", "Debug"], ["Write"]), (SHOWN, ["Write"], ["Write"])],
)
def test_an_import_that_allows_itself_to_be_unused_is_found_and_no_warning(bench, uses, unused, shown):
    text = BEFORE.replace("#![allow(unused_imports)]\nuse std::collections::HashMap;\n", uses)
    text = text[: text.index("#[cfg(test)]")]
    with written(bench[1], {"src/ffi.rs": text}):
        build = check(bench[1].cargo, bench[1].configurations[1])
    assert build.succeeded
    assert [d.span_text for d in build.unused_imports] == [f"std::fmt::{name}" for name in unused]
    assert [d.span_text for d in build.diagnostics] == [f"std::fmt::{name}" for name in shown]


def test_evidence_holds_exports_bodies_and_tests(before):
    assert before.symbols == {
        "default": {"rt_next", "rt_peek", "rt_two"},
        "all features": {"rt_next", "rt_peek", "rt_two", "rt_text"},
    }
    assert "fn ffi::one()" in before.mir["default"]
    assert {(t.binary, t.name, t.outcome) for t in before.tests} == {
        ("lib", "ffi::tests::two_is_two", "ok"),
        ("test:outside", "counts", "ok"),
        ("doc", "src/ffi.rs - ffi::rt_next", "ok"),
    }


def test_unused_imports_are_forced_out_and_count_as_no_warning(before):
    build = before.builds[0]
    assert [(d.span_text, d.targets) for d in build.unused_imports] == [
        ("std::collections::HashMap", ("lib", "lib(test)")),
        ("std::rc::Rc", ("lib(test)",)),
    ]
    assert not [d for d in build.diagnostics if d.code == "unused_imports"]


def test_a_sound_split_passes(bench, before):
    results = judged(bench, before, AFTER)
    assert not [f for r in results for f in r.findings]
    assert verdict_of(results) is Verdict.PASSED
    mir = next(r for r in results if r.name == "mir")
    assert mir.compared == mir.equal > 10


def test_what_was_observed_once_is_not_built_again(bench, before, monkeypatch):
    monkeypatch.setattr(run_cargo, "run", lambda *_, **__: pytest.fail("cargo was run"))
    again = gather(bench[1], {"src/ffi.rs": BEFORE.encode()}, Level.STANDARD)
    assert again == before


STATIC = BEFORE[CUT[0] : BEFORE.index("/// The next")]
FAULTS = {
    "no_mangle dropped": ("count", "#[no_mangle]\npub extern", "pub extern", {"tokens", "symbols"}),
    "helpers swapped": ("count", "one()", "super::two()", {"tokens", "mir"}),
    "constant altered": ("count", "    1\n", "    3\n", {"tokens", "mir"}),
    "test deleted": ("ffi", "    #[test]\n", "    #[allow(dead_code)]\n", {"tokens", "tests"}),
    "does not build": ("count", "-> u32 {\n    1", "-> u64 {\n    1", {"tokens", "build"}),
    "swapped through an alias": (
        "ffi",
        "fn two() -> u32 {\n    2",
        "use u8 as u32;\nfn two() -> u32 {\n    2",
        {"mir"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(fault, bench, before):
    where, old, new, expected = FAULTS[fault]
    path = "src/ffi/count.rs" if where == "count" else "src/ffi.rs"
    assert old in AFTER[path]
    assert expected <= failed(judged(bench, before, AFTER | {path: AFTER[path].replace(old, new, 1)}))


def test_a_static_copied_into_two_modules_is_caught(bench, before):
    copied = AFTER["src/ffi.rs"].replace("fn two()", f"use std::sync::atomic::AtomicU32;\n{STATIC}fn two()", 1)
    assert {"tokens", "state", "mir"} <= failed(judged(bench, before, AFTER | {"src/ffi.rs": copied}))


def test_an_after_that_does_not_build_leaves_evidence_missing_and_says_why(bench):
    with written(bench[1], AFTER | {"src/ffi/count.rs": "nonsense!"}) as tree:
        after = gather(bench[1], tree, Level.STANDARD)
    assert not after.builds[0].succeeded
    assert isinstance(after.symbols, Missing)
    assert "does not build" in after.symbols.reason


def test_a_crate_that_does_not_build_is_refused_before_anything(bench):
    cargo = bench[1].cargo
    cargo.mirror.write({"src/ffi.rs": b"fn broken( {}\n"})
    with pytest.raises(ToolError, match=r"does not build as it is: src/ffi\.rs:1"):
        choose(cargo)
    cargo.mirror.sync()


def test_a_file_outside_every_crate_is_refused(bench, tmp_path):
    root, _ = bench
    (root / "src/loose.rs").write_text("fn a() {}\n")
    with pytest.raises(SourceError, match="no `mod` declaration"):
        find_package(root, root / "src/loose.rs")
    (root / "src/loose.rs").unlink()
    (tmp_path / "a.rs").write_text("fn a() {}\n")
    with pytest.raises(ToolError, match=r"no Cargo\.toml"):
        find_package(tmp_path, tmp_path / "a.rs")


def test_another_test_command_is_read_the_same_way(bench, before):
    cargo = Cargo(bench[1].cargo.mirror, bench[1].cargo.package, test_command="cargo test --test outside")
    cargo.mirror.sync()
    found = run_cargo.tests(cargo, bench[1].configurations[0])
    assert [(t.binary, t.name) for t in found] == [("test:outside", "counts")]


def test_the_user_s_tree_is_not_touched(bench):
    root, _ = bench
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert names == {"Cargo.toml", "src/lib.rs", "src/ffi.rs", "tests/outside.rs"}
    assert (root / "src/ffi.rs").read_text() == BEFORE


def test_a_dependency_by_path_outside_the_workspace_comes_along(tmp_path):
    for name, more in (("app", '[dependencies]\nnear = { path = "../near" }\n'), ("near", "")):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "src/lib.rs").write_text("pub fn a() {}\n")
        (tmp_path / name / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\n{more}')
    package = find_package(tmp_path / "app", tmp_path / "app/src/lib.rs")
    assert package.path_dependencies == (tmp_path / "near",)
    assert not (tmp_path / "app/Cargo.lock").exists()


def test_a_manifest_that_cargo_refuses_is_a_build_that_fails_with_its_words(bench):
    cargo = bench[1].cargo
    with written(bench[1], {"Cargo.toml": "[package"}):
        build = check(cargo, bench[1].configurations[0])
    assert not build.succeeded
    assert "Cargo.toml" in build.diagnostics[0].message
