"""`state` catches a cell that is copied, lost or changed."""

import pytest
from hand_split import COUNTER, MONOLITH

from splitter.model.check import Outcome
from splitter.model.evidence import Evidence
from splitter.verify.state import check_state

NEXT = "static NEXT: AtomicU32 = AtomicU32::new(0);\n"


def test_a_static_copied_into_two_modules_is_found(before, edited, scope):
    after = edited("mod counter;\n", f"mod counter;\n{NEXT}", MONOLITH)
    found = check_state(before, after, scope, None).findings
    assert [f.message for f in found] == ["`NEXT` is defined 2 times, was 1"]
    assert found[0].item == "static:NEXT"


FAULTS = {
    "lost": (NEXT, ""),
    "made mutable": ("static NEXT", "static mut NEXT"),
    "another value": ("AtomicU32::new(0)", "AtomicU32::new(1)"),
    "another type": ("NEXT: AtomicU32", "NEXT: AtomicU64"),
    "made a constant": ("static NEXT", "const NEXT"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_changed_static_is_found(fault, before, edited, scope):
    assert check_state(before, edited(*FAULTS[fault]), scope, None).outcome is Outcome.FAILED


CELLS = {
    "thread_local": "thread_local! { static CELL: Cell<u32> = const { Cell::new(0) }; }\n",
    "two in one call": "thread_local! { static A: u8 = 1; pub static B: u8 = 2 }\n",
    "lazy_static": "lazy_static! { static ref MAP: Mutex<Map> = Mutex::new(Map::new()); }\n",
    "inside a function": "fn next() -> u32 { static LOCAL: AtomicU32 = AtomicU32::new(0); LOCAL.load(Relaxed) }\n",
    "inside a module": "mod inner { pub static INNER: u8 = 3; }\n",
    "in a macro": "macro_rules! cell { ($name:ident) => { static $name: u8 = 0; } }\n",
}


@pytest.mark.parametrize("cell", CELLS)
def test_cells_are_found_wherever_they_are_defined(cell, scope):
    once = Evidence({MONOLITH: CELLS[cell].encode()})
    twice = Evidence({MONOLITH: CELLS[cell].encode(), COUNTER: CELLS[cell].encode()})
    assert check_state(once, once, scope, None).outcome is Outcome.PASSED
    assert check_state(once, twice, scope, None).outcome is Outcome.FAILED


def test_a_file_that_is_compiled_as_two_modules_has_its_statics_twice(before, edited, scope):
    after = edited("mod counter;\n", 'mod counter;\n#[path = "ffi/counter.rs"]\nmod again;\n', MONOLITH)
    found = check_state(before, after, scope, None).findings
    assert [(f.path, f.message) for f in found] == [(COUNTER, "`NEXT` is defined 2 times, was 1")]


def test_declarations_of_one_module_exclude_one_another(before, edited, scope):
    both = "#[cfg(unix)]\nmod counter;\n#[cfg(not(unix))]\nmod counter;\n"
    assert check_state(before, edited("mod counter;\n", both, MONOLITH), scope, None).outcome is Outcome.PASSED


def test_modules_that_declare_each_other_come_to_an_end(scope):
    files = {MONOLITH: b"mod counter;\n", COUNTER: b'#[path = "../ffi.rs"]\nmod ffi;\nstatic A: u8 = 0;\n'}
    assert check_state(Evidence(files), Evidence(files), scope, None).outcome is Outcome.PASSED


def test_a_lifetime_is_no_static(scope):
    bare = Evidence({MONOLITH: b'fn name() -> &\'static str { "static X: u8 = 0;" }\n'})
    assert check_state(bare, bare, scope, None).outcome is Outcome.NOT_APPLICABLE
