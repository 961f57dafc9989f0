"""`api` catches a path that no longer leads where it led, and one that leads farther."""

import pytest
from hand_split import COUNTER, MONOLITH

from splitter.model.check import Outcome
from splitter.model.evidence import Evidence, Scope
from splitter.verify.api import check_api

FAULTS = {
    "re-export lost": ("pub use self::counter::rt_next;\n", "", MONOLITH),
    "re-export narrower": ("pub use self::counter::rt_next", "pub(crate) use self::counter::rt_next", MONOLITH),
    "re-export under a cfg of its own": ("pub use self::", "#[cfg(unix)]\npub use self::", MONOLITH),
    "re-export of another item": ("counter::rt_next;", "counter::twice as rt_next;", MONOLITH),
    "private name made public": ("#[cfg(test)]\nuse self::counter::twice;", "pub use self::counter::twice;", MONOLITH),
    "private name made public by a glob": ("use self::counter::rt_next;", "use self::counter::*;", MONOLITH),
    "item no longer public": ("pub const LIMIT", "const LIMIT", MONOLITH),
    "cfg dropped": ('#[cfg(feature = "text")]\n', "", MONOLITH),
    "field no longer public": ("pub left: u32", "left: u32", MONOLITH),
    "private field made public": ("    right: u32", "    pub right: u32", MONOLITH),
    "module under a cfg": ("mod counter;", "#[cfg(unix)]\nmod counter;", MONOLITH),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault, before, edited, scope):
    after = edited(*FAULTS[fault])
    if "private name" in fault:
        after.files[COUNTER] = after.files[COUNTER].replace(b"pub(super) fn twice", b"pub fn twice")
    result = check_api(before, after, scope, None)
    assert result.outcome is Outcome.FAILED, result


def test_a_private_name_may_be_seen_in_its_old_module(before, edited, scope):
    after = edited("    right: u32", "    pub(super) right: u32", MONOLITH)
    assert check_api(before, after, scope, None).outcome is Outcome.FAILED  # `super` of the monolith is outside
    moved = edited("n * 2", "n  *  2")
    assert check_api(before, moved, scope, None).outcome is Outcome.PASSED


def trees(old, residue, module):
    scope = Scope("tiny", ("ffi",), MONOLITH, MONOLITH, modules={"counter": COUNTER})
    return Evidence({MONOLITH: old}), Evidence({MONOLITH: residue, COUNTER: module}), scope, None


SOUND = {
    "twins under opposite cfgs need no cfg on the re-export": (
        b"#[cfg(unix)]\npub fn a() {}\n#[cfg(not(unix))]\npub fn a() {}\n",
        b"mod counter;\npub use self::counter::a;\n",
        b"#[cfg(unix)]\npub fn a() {}\n#[cfg(not(unix))]\npub fn a() {}\n",
    ),
    "a cfg may stand on the mod line": (
        b"#[cfg(unix)]\npub fn a() {}\n",
        b"#[cfg(unix)]\nmod counter;\n#[cfg(unix)]\npub use self::counter::a;\n",
        b"pub fn a() {}\n",
    ),
    "two cfgs are one with all": (
        b'#[cfg(unix)]\n#[cfg(feature = "x")]\npub fn a() {}\n',
        b'mod counter;\n#[cfg(all(feature = "x", unix))]\npub use self::counter::a;\n',
        b'#[cfg(unix)]\n#[cfg(feature = "x")]\npub fn a() {}\n',
    ),
    "a glob re-export carries what is public": (
        b"pub fn a() {}\nfn b() {}\n",
        b"mod counter;\npub use counter::*;\n",
        b"pub fn a() {}\npub(super) fn b() {}\n",
    ),
    "pub(super) is written from the new place": (
        b"pub(super) fn a() {}\n",
        b"mod counter;\npub(super) use self::counter::a;\n",
        b"pub(in super::super) fn a() {}\n",
    ),
    "a re-export of another module stays": (
        b"pub use super::core::Value;\npub fn a() {}\n",
        b"mod counter;\npub use super::core::Value;\npub use self::counter::a;\n",
        b"pub fn a() {}\n",
    ),
    "a macro of the parent makes public functions in the module": (
        b"macro_rules! make { ($n:ident) => { pub fn $n() {} } }\nmake!(a);\n",
        b"macro_rules! make { ($n:ident) => { pub fn $n() {} } }\nmod counter;\npub use self::counter::a;\n",
        b"make!(a);\n",
    ),
    "a macro for the whole crate is there wherever it stands": (
        b"#[macro_export]\nmacro_rules! m { () => {} }\n",
        b"mod counter;\npub use self::counter::m;\n",
        b"#[macro_export]\nmacro_rules! m { () => {} }\n",
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_move_passes(case):
    assert check_api(*trees(*SOUND[case])).findings == ()


def test_a_lost_reexport_of_what_a_macro_made_is_found():
    macro = b"macro_rules! make { ($n:ident) => { pub fn $n() {} } }\n"
    result = check_api(*trees(macro + b"make!(a);\n", macro + b"mod counter;\n", b"make!(a);\n"))
    assert [f.message for f in result.findings] == ["`a` does not resolve in its old place any more"]


def test_a_file_that_shows_nothing_is_not_applicable():
    assert check_api(*trees(b"fn a() {}\n", b"mod counter;\n", b"fn a() {}\n")).outcome is Outcome.NOT_APPLICABLE
