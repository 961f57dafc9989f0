"""Headers that a crate's build script or the `cbindgen` command makes of its sources, found and compared."""

import os

import pytest

from splitter.model.check import Outcome
from splitter.model.evidence import Configuration, Evidence, Missing, Scope
from splitter.system.cargo import Cargo
from splitter.system.evidence import written_headers
from splitter.system.mirror import open_mirror
from splitter.system.package import find_package
from splitter.verify.header import check_header

pytestmark = [pytest.mark.usefixtures("cargo"), pytest.mark.xdist_group("headers")]

DEFAULT = Configuration("default")
MANIFEST = '[package]\nname = "tiny-header"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n'
# A header as cbindgen writes one: following `mod` lines, and leaving a file alone that says it already.
SCRIPT = """\
use std::{env, fs, path::Path};

fn declarations(file: &Path, below: &Path, header: &mut String) {
    let text = fs::read_to_string(file).unwrap();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("mod ").or_else(|| line.strip_prefix("pub mod ")) {
            let name = name.trim_end_matches(';');
            declarations(&below.join(format!("{name}.rs")), &below.join(name), header);
        }
        if let Some((_, rest)) = line.split_once("extern \\"C\\" fn ") {
            *header += &format!("int32_t {}(void);\\n", &rest[..rest.find('(').unwrap()]);
        }
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let mut header = String::from("#include <stdint.h>\\n");
    declarations(Path::new("src/lib.rs"), Path::new("src"), &mut header);
    let file = match env::var("OUT") {
        Ok(name) => Path::new(&env::var("OUT_DIR").unwrap()).join(name),
        Err(_) => Path::new("include/tiny.h").to_path_buf(),
    };
    if fs::read_to_string(&file).ok().as_deref() != Some(&header) {
        fs::write(file, header).unwrap();
    }
}
"""
ONE = '#[no_mangle]\npub extern "C" fn rt_one() -> i32 { 1 }\n'
TWO = ONE.replace("one", "two").replace("1", "2")
BEFORE = {"src/ffi.rs": ONE + TWO}
AFTER = {"src/ffi.rs": f"mod two;\npub use self::two::*;\n{ONE}", "src/ffi/two.rs": TWO}
SCOPE = Scope("tiny_header", ("ffi",), "src/ffi.rs", "src/ffi.rs", modules={"two": "src/ffi/two.rs"})
COMMITTED = "#include <stdint.h>\nint32_t rt_one(void);\nint32_t rt_two(void);\n"
OTHER = "/* by hand */\nint other(void);\n"
FILES = {
    "Cargo.toml": MANIFEST,
    "build.rs": SCRIPT,
    "include/tiny.h": COMMITTED,
    "include/other.h": OTHER,
    "src/lib.rs": "pub mod ffi;\n",
    **BEFORE,
}


@pytest.fixture
def crate(tmp_path, monkeypatch):
    """Opens a crate with these files; returns what gives the headers of a tree, and the mirror."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("SPLITTER_TARGET_DIR", "RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "OUT"):
        monkeypatch.delenv(name, raising=False)
    opened = []

    def open_crate(files):
        root = tmp_path / "tiny"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        package = find_package(root, root / "src/ffi.rs")
        context = open_mirror(root, package)
        mirror = context.__enter__()
        opened.append(context)

        def observe(tree):
            mirror.write({path: text.encode() for path, text in tree.items()})
            found = written_headers(Cargo(mirror, package), DEFAULT)
            headers = found if isinstance(found, Missing) else {"default": found}
            evidence = Evidence({path: text.encode() for path, text in tree.items()}, headers=headers)
            mirror.sync()
            return evidence

        return observe, mirror

    yield open_crate
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Puts a `cbindgen` on PATH that prints what it was asked, or takes any away."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(script):
        if script is not None:
            (folder / "cbindgen").write_text(script)
            (folder / "cbindgen").chmod(0o755)
        others = [p for p in os.environ["PATH"].split(os.pathsep) if not os.path.lexists(f"{p}/cbindgen")]
        monkeypatch.setenv("PATH", os.pathsep.join((str(folder), *others)))

    return put


def test_a_header_that_the_build_script_writes_into_the_tree_is_compared(crate):
    """Though the script says that it need not run again, and leaves a file alone that says the same already."""
    observe, mirror = crate(FILES)
    before, after = observe(BEFORE), observe(AFTER)
    assert before.headers == {"default": {"include/tiny.h": COMMITTED}}
    result = check_header(before, after, SCOPE, None)
    assert (result.outcome, result.compared, result.equal) == (Outcome.PASSED, 3, 3)
    assert result.lawful == ("order of declarations in include/tiny.h",)
    for name, text in (("include/tiny.h", COMMITTED), ("include/other.h", OTHER)):
        assert mirror.inside(mirror.root / name).read_text() == text


def test_a_function_that_the_header_has_lost_is_found(crate):
    observe, _ = crate(FILES)
    hidden = AFTER | {"src/ffi.rs": AFTER["src/ffi.rs"].replace("mod two;", '#[path = "ffi/two.rs"]  mod  two;')}
    found = check_header(observe(BEFORE), observe(hidden), SCOPE, None).findings
    assert [(f.item, f.path, f.message) for f in found] == [
        ("fn:rt_two", "src/ffi/two.rs", "`rt_two` in include/tiny.h is declared no more")
    ]


def test_with_cbindgen_among_the_dependencies_the_script_s_own_folder_counts(crate, monkeypatch, tmp_path):
    near = tmp_path / "cbindgen"
    (near / "src").mkdir(parents=True)
    (near / "src/lib.rs").touch()
    (near / "Cargo.toml").write_text('[package]\nname = "cbindgen"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n')
    uses = MANIFEST + '\n[build-dependencies]\nfor-headers = { package = "cbindgen", path = "../cbindgen" }\n'
    monkeypatch.setenv("OUT", "made.h")
    observe, _ = crate(FILES | {"Cargo.toml": uses})
    assert observe(BEFORE).headers == {"default": {"OUT_DIR/made.h": COMMITTED}}


def test_a_header_of_an_earlier_run_is_none_of_this_one_s(crate, command):
    """Many build scripts say nothing where cbindgen fails, and leave there what they wrote before."""
    command(None)
    quiet = SCRIPT.replace(
        "fs::write(file, header)", 'if header.contains("rt_two") { fs::write(file, header) } else { Ok(()) }'
    )
    observe, _ = crate(FILES | {"build.rs": quiet, "cbindgen.toml": ""})
    assert observe(BEFORE).headers == {"default": {"include/tiny.h": COMMITTED}}
    headers = observe({"src/ffi.rs": ONE}).headers
    assert isinstance(headers, Missing)
    assert "writes no header" in headers.reason


def test_where_nothing_makes_a_header_it_does_not_apply(crate):
    observe, _ = crate({**FILES, "build.rs": "fn main() {}\n"})
    headers = observe(BEFORE).headers
    assert isinstance(headers, Missing)
    assert not headers.applicable


GENERATED = {"Cargo.toml": MANIFEST, "cbindgen.toml": 'language = "C"\n', "src/lib.rs": "pub mod ffi;\n", **BEFORE}


def test_without_a_build_script_the_command_makes_the_header(crate, command):
    command('#!/bin/sh\necho "/* $* */"\ngrep -h "fn rt_" -r src | sed "s/.*fn //; s/ .*/;/"\n')
    observe, _ = crate(GENERATED)
    before, after = observe(BEFORE), observe(AFTER)
    assert before.headers["default"]["cbindgen"].startswith("/* --config cbindgen.toml --crate tiny-header . */\n")
    assert check_header(before, after, SCOPE, None).outcome is Outcome.PASSED


def test_a_crate_that_uses_cbindgen_where_there_is_none_is_skipped_with_advice(crate, command):
    command(None)
    observe, _ = crate(GENERATED)
    result = check_header(observe(BEFORE), observe(AFTER), SCOPE, None)
    assert result.outcome is Outcome.SKIPPED
    assert "cargo install cbindgen" in result.reason


def test_a_command_that_fails_is_skipped_with_its_words(crate, command):
    command("#!/bin/sh\necho 'no such option' >&2\nexit 1\n")
    observe, _ = crate({**GENERATED, "include/tiny.h": "/* Generated with cbindgen */\n"})
    headers = observe(BEFORE).headers
    assert isinstance(headers, Missing)
    assert "no such option" in headers.reason
