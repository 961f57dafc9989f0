"""Problems of a plan that only its source can tell."""

import pytest

from splitter.graph.build import build_graph
from splitter.planfile import check, load
from splitter.source.parse import parse

SOURCE = """\
//! Values.
use std::ffi::c_int;

// ---- values ----

pub struct Value(c_int);

impl Value {
    fn new() -> Self { Value(0) }
}

impl Drop for Value {
    fn drop(&mut self) {}
}

#[no_mangle]
pub extern "C" fn rt_value_int() -> c_int { Value::new().0 }

#[cfg(feature = "torch")]
fn engine() -> c_int { 1 }
#[cfg(not(feature = "torch"))]
fn engine() -> c_int { 0 }

mod child;
mod plain { pub fn f() {} }
#[cfg(test)]
mod tests { use super::*; }

struct hash;
"""
PLAN = """\
format = 1
source = {{ path = "src/ffi.rs", sha256 = "{sha}" }}
[[phase]]
number = 1
name = "one"
  [[phase.module]]
  path = "{first}"
  items = [
    {items}
  ]
[[phase]]
number = 2
name = "two"
  [[phase.module]]
  path = "{second}"
  items = [
    {others}
  ]
"""
GRAPH = build_graph(parse("src/ffi.rs", SOURCE.encode()))


def check_plan(*items, others=("mod:plain",), first="ops", second="rest", done=frozenset()):
    text = PLAN.format(
        sha="0" * 64,
        first=first,
        second=second,
        items=",\n    ".join(f'"{key}"' for key in items),
        others=",\n    ".join(f'"{key}"' for key in others),
    )
    plan = load(text, "plan.toml")
    return [str(p) for p in check(plan, text, "plan.toml", GRAPH, frozenset({"alloc", "c_int"}), done)]


VALUE = ("struct:Value", "impl:Value", "impl:Drop for Value")


def test_a_good_plan_has_no_problem():
    assert check_plan("note:values", *VALUE, "fn:rt_value_int", others=("mod:plain", "fn:engine", "fn:engine#2")) == []


def test_unknown_items_come_with_the_nearest_that_has_no_place_yet():
    assert check_plan("fn:rt_valu_int", "fn:nothing_like_it") == [
        "plan.toml:9: `fn:rt_valu_int` is not in src/ffi.rs (did you mean `fn:rt_value_int`?)",
        "plan.toml:10: `fn:nothing_like_it` is not in src/ffi.rs",
    ]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("use:std::ffi::c_int", "each module gets the imports that it needs"),
        ("inner", "inner docs and attributes belong to the file that they stand in"),
        ("mod:child", "a `mod` declaration says where its file is"),
        ("mod:tests", "the module uses `super`, which would mean another module there"),
    ],
)
def test_what_may_not_move_is_named_with_its_reason(key, reason):
    assert check_plan(key) == [f"plan.toml:9: `{key}` may not move: {reason} (delete it here: it stays in the source)"]


def test_twins_stay_together():
    told = (
        "twins of one name have to stay together: `fn:engine` is in {}, `fn:engine#2` is in {} "
        "(move all of them, or none)"
    )
    assert check_plan("fn:engine", others=("fn:engine#2",)) == ["plan.toml:17: " + told.format("`ops`", "`rest`")]
    assert check_plan("fn:engine#2") == ["plan.toml:9: " + told.format("the source", "`ops`")]
    assert check_plan("fn:engine") == ["plan.toml:9: " + told.format("`ops`", "the source")]
    assert check_plan("fn:engine", "fn:engine#2") == []


def test_an_impl_goes_with_its_type():
    told = "`impl:Drop for Value` has to go with its type `struct:Value`: "
    assert check_plan(*VALUE[:2], others=VALUE[2:]) == [
        f"plan.toml:18: {told}one is in `rest`, the other in `ops` (put both into `ops`)"
    ]
    assert check_plan("struct:Value", "impl:Value") == [
        f"plan.toml:9: {told}one is in the source, the other in `ops` (move both, or neither)"
    ]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("hash", "module `hash` shadows `struct:hash` (src/ffi.rs:29; choose another name)"),
        ("hash/sha1", "module `hash` shadows `struct:hash` (src/ffi.rs:29; choose another name)"),
        ("plain", "module `plain` shadows `mod:plain` (src/ffi.rs:25; choose another name)"),
        ("alloc", "module `alloc` shadows `alloc`, which is in use (try `alloc_fns` or `alloc_ops`)"),
        (
            "memory/alloc",
            "module `memory/alloc` shadows `alloc`, which is in use (try `alloc_fns` or `alloc_ops`)",
        ),
    ],
)
def test_a_module_may_not_shadow_what_is_there(path, said):
    assert check_plan("fn:rt_value_int", first=path) == [f"plan.toml:7: {said}"]


def test_a_nested_module_may_bear_a_name_that_stands_elsewhere():
    assert check_plan("fn:rt_value_int", first="values/hash") == []
    assert check_plan("fn:rt_value_int", first="values", second="values/hash", others=("struct:hash",)) == []


def test_a_nested_module_may_not_shadow_what_moves_into_its_parent():
    said = "plan.toml:16: module `values/hash` shadows `struct:hash` (src/ffi.rs:29; choose another name)"
    assert check_plan("fn:rt_value_int", "struct:hash", first="values", second="values/hash") == [said]


def test_phases_that_are_done_are_passed_over():
    gone = check_plan("fn:gone", first="plain", done=frozenset({1}))
    assert gone == []
    assert check_plan("fn:gone", first="plain", others=("fn:gone2",), done=frozenset({1}))[0].startswith(
        "plan.toml:17:"
    )


MACROS = b"""\
macro_rules! twice { ($x:expr) => { $x * 2 }; }
macro_rules! makers { ($($name:ident)+) => { $( fn $name() -> u8 { 1 } )+ }; }
#[macro_export]
macro_rules! open { () => {}; }
macro_rules! again { () => { 1 }; }
fn early() -> u8 { again!() }
macro_rules! again { () => { 2 }; }
makers! { make_one make_two }
fn user() -> u8 { twice!(make_one()) }
fn other() -> u8 { twice!(2) }
"""


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("macro:twice", "`macro:twice` is used by `fn:other` in the source, where it would not be seen"),
        ("macro:open", "`macro:open` may not move: an exported macro is found by its path"),
        ("macro:again", "`macro:again` may not move: the macro is defined more than once"),
        ("call:makers", "`call:makers` makes `make_one` private, and `fn:user` in the source uses it"),
    ],
)
def test_what_a_macro_ties_to_its_file_stays(key, said):
    graph = build_graph(parse("src/ffi.rs", MACROS))
    text = PLAN.format(sha="0" * 64, first="ops", second="rest", items=f'"{key}"', others='"fn:early"')
    problems = check(load(text, "plan.toml"), text, "plan.toml", graph, frozenset())
    assert any(said in str(problem) for problem in problems), problems
