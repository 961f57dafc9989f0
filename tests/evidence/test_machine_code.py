"""Machine code of a real crate, built: a sound split passes, faults that change what runs do not."""

from dataclasses import replace

import pytest

from splitter.model.check import Outcome
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.system import cargo as run_cargo
from splitter.system.cargo import Cargo
from splitter.system.configurations import configurations
from splitter.system.evidence import machine_code
from splitter.system.mirror import open_mirror
from splitter.system.object_file import read_object
from splitter.system.package import find_package
from splitter.verify.code import check_code

pytestmark = [pytest.mark.usefixtures("cargo"), pytest.mark.xdist_group("machine code")]

# Link-time optimisation, stripping and the rest are the user's; none of it may keep code from being compared.
MANIFEST = """\
[package]
name = "tiny-code"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[profile.release]
lto = "fat"
strip = true
panic = "abort"
debug = true
codegen-units = 4

[workspace]
"""
BEFORE = """\
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(1);

#[no_mangle]
#[link_section = "rt_table"]
pub static RT_VERSION: u32 = 7;

#[used]
#[link_section = ".init_array"]
static START: extern "C" fn() = start;

extern "C" fn start() {
    NEXT.store(5, Ordering::Relaxed);
}

pub trait Size {
    fn size(&self) -> u32 {
        11
    }
}

pub struct Arena {
    parts: Vec<u32>,
}

impl Size for Arena {}

impl Drop for Arena {
    fn drop(&mut self) {
        NEXT.fetch_sub(self.parts.len() as u32, Ordering::Relaxed);
    }
}

#[no_mangle]
pub extern "C" fn rt_next() -> u32 {
    NEXT.fetch_add(step(3), Ordering::Relaxed)
}

#[no_mangle]
pub extern "C" fn rt_size(at: usize) -> u32 {
    let arena = Arena { parts: vec![1, 2, 3] };
    arena.size() + arena.parts[at]
}

#[inline(never)]
fn step(by: u32) -> u32 {
    by ^ 0x5a5a
}

fn leap(by: u32) -> u32 {
    by ^ 0xa5a5
}

#[no_mangle]
pub extern "C" fn rt_leap(text: *const u8) -> u32 {
    assert!(!text.is_null(), "there is no text");
    leap(4)
}
"""
CUT = (BEFORE.index('#[no_mangle]\npub extern "C" fn rt_next'), BEFORE.index("fn leap"))
MODULE = "use super::*;\n\n" + BEFORE[CUT[0] : CUT[1]]
RESIDUE = (BEFORE[: CUT[0]] + "mod arena;\npub use self::arena::*;\n\n" + BEFORE[CUT[1] :]).lstrip()
AFTER = {"src/ffi.rs": RESIDUE, "src/ffi/arena.rs": MODULE}
SCOPE = Scope("tiny_code", ("ffi",), "src/ffi.rs", "src/ffi.rs", modules={"arena": "src/ffi/arena.rs"})


@pytest.fixture(scope="module")
def cargo_of(tmp_path_factory):
    """Cargo in the mirror of a crate."""
    root = tmp_path_factory.mktemp("code") / "tiny"
    for name, text in {"Cargo.toml": MANIFEST, "src/lib.rs": "pub mod ffi;\n", "src/ffi.rs": BEFORE}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root.parent / "cache"))
        patch.delenv("SPLITTER_TARGET_DIR", raising=False)
        for name in ("RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"):
            patch.delenv(name, raising=False)
        package = find_package(root, root / "src/ffi.rs")
        with open_mirror(root, package) as mirror:
            yield Cargo(mirror, package)


@pytest.fixture(scope="module")
def evidence_of(cargo_of):
    """Evidence with the machine code of a tree that holds these files."""

    def observe(files):
        data = {path: text.encode() for path, text in files.items()}
        cargo_of.mirror.write(data)
        (default,) = configurations(cargo_of.package)
        found = machine_code(cargo_of, default)
        cargo_of.mirror.sync()
        exported = frozenset(("rt_next", "rt_size", "rt_leap", "RT_VERSION"))
        return Evidence(data, symbols={"default": exported}, code={"default": found})

    return observe


@pytest.fixture(scope="module")
def before(evidence_of):
    return evidence_of({"src/ffi.rs": BEFORE})


def test_a_sound_split_passes(before, evidence_of):
    result = check_code(before, evidence_of(AFTER), SCOPE, None)
    assert (result.outcome, result.findings) == (Outcome.PASSED, ())
    assert result.compared == result.equal > 10
    assert result.lawful == tuple(
        f"fn:{name}: its panics name the new place (panic!)" for name in ("rt_leap", "rt_size")
    )


def test_what_was_built_once_is_not_built_again(before, evidence_of, monkeypatch):
    monkeypatch.setattr(run_cargo, "run", lambda *_, **__: pytest.fail("cargo was run"))
    assert evidence_of({"src/ffi.rs": BEFORE}) == before


COPIED = "static NEXT: AtomicU32 = AtomicU32::new(1);\n\n"
FAULTS = {
    "constant altered": ("arena", "step(3)", "step(2)", "rt_next"),
    "helpers swapped": ("arena", "step(3)", "leap(3)", "rt_next"),
    "inline(never) lost": ("arena", "#[inline(never)]\n", "", "rt_next"),
    "no_mangle lost": ("arena", '#[no_mangle]\npub extern "C" fn rt_size', 'pub extern "C" fn rt_size', "rt_size"),
    "Drop lost": ("ffi", "impl Drop for Arena {\n    fn drop", "impl Arena {\n    fn drop", "rt_size"),
    "another section": ("ffi", '"rt_table"', '"rt_other"', "RT_VERSION"),
    "section lost": ("ffi", '#[link_section = "rt_table"]\n', "", "RT_VERSION"),
    "runs at another time": ("ffi", '".init_array"', '".fini_array"', "tiny_code::ffi::START"),
    "static copied": ("arena", "#[no_mangle]", COPIED + "#[no_mangle]", "tiny_code::ffi::NEXT"),
    "value of a static": ("ffi", "AtomicU32::new(1)", "AtomicU32::new(2)", "tiny_code::ffi::NEXT"),
    "another message": ("ffi", "there is no text", "there is no word", "rt_leap"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(fault, before, evidence_of):
    where, old, new, name = FAULTS[fault]
    path = "src/ffi/arena.rs" if where == "arena" else "src/ffi.rs"
    assert old in AFTER[path]
    result = check_code(before, evidence_of(AFTER | {path: AFTER[path].replace(old, new, 1)}), SCOPE, None)
    assert result.outcome is Outcome.FAILED
    assert any(finding.message.startswith(f"`{name}` ") for finding in result.findings), result.findings


def test_a_lost_trait_import_by_which_another_method_is_called_is_caught(before, evidence_of):
    far = "pub trait Far { fn size(&self) -> u32; }\nimpl Far for Arena { fn size(&self) -> u32 { 12 } }\n"
    trees = []
    for imported in ("use super::{Arena, Size, NEXT};", "use super::{Arena, Far, NEXT};"):
        head = f"{imported}\nuse std::sync::atomic::Ordering;\n"
        module = MODULE.replace("use super::*;\n", head)
        trees.append(evidence_of({"src/ffi.rs": RESIDUE + far, "src/ffi/arena.rs": module}))
    found = check_code(trees[0], trees[1], SCOPE, None).findings
    assert [finding.item for finding in found] == ["fn:rt_size"]


def test_an_after_that_does_not_build_is_skipped_with_the_reason(before, evidence_of):
    after = evidence_of(AFTER | {"src/ffi/arena.rs": "nonsense!"})
    broken = replace(after, code=after.code["default"])
    assert isinstance(broken.code, Missing)
    result = check_code(before, broken, SCOPE, None)
    assert result.outcome is Outcome.SKIPPED
    assert "does not build (default): src/ffi/arena.rs:1" in result.reason


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"\xcf\xfa\xed\xfe", "this platform's are Mach-O"),
        (b"\x64\x86\x05\x00", "this platform's are COFF"),
        (b"\0asm", "this platform's are WebAssembly"),
        (b"what", "this platform's are of an unknown format"),
        (b"\x7fELF\x01", "64-bit machines only"),
        (b"\x7fELF\x02", "cannot be read"),
    ],
)
def test_objects_of_other_platforms_are_said_not_to_be_read(head, told):
    found = read_object(head + bytes(60))
    assert isinstance(found, Missing)
    assert found.applicable
    assert told in found.reason
