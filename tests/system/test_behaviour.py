"""Two libraries answer the same calls alike, or the shortest sequence that tells them apart is found."""

import subprocess

import pytest

from splitter.graph.signatures import Types, by_symbol, read_functions
from splitter.graph.symbols import find_symbols
from splitter.model.calls import Call, Earlier
from splitter.source.parse import parse
from splitter.system.behaviour import compare_behaviour
from splitter.verify.behaviour import reproduction

DECLARED = b"""
#[repr(C)] pub struct Pair { a: i32, b: f64 }
pub struct Inside;
#[no_mangle] pub extern "C" fn rt_scale(x: i64) -> i64 { 0 }
#[no_mangle] pub extern "C" fn rt_level_set(level: i64) {}
#[no_mangle] pub extern "C" fn rt_level_get() -> i64 { 0 }
#[no_mangle] pub extern "C" fn rt_box_new(size: i32) -> *mut Inside { 0 }
#[no_mangle] pub extern "C" fn rt_box_size(inside: *const Inside) -> i32 { 0 }
#[no_mangle] pub extern "C" fn rt_box_free(inside: *mut Inside) {}
#[no_mangle] pub extern "C" fn rt_fill(out: *mut u8, cap: usize) -> usize { 0 }
#[no_mangle] pub extern "C" fn rt_pair(pair: Pair) -> Pair { 0 }
#[no_mangle] pub extern "C" fn rt_name(kind: i32) -> *const c_char { 0 }
#[no_mangle] pub extern "C" fn rt_say(count: i32) {}
#[no_mangle] pub extern "C" fn rt_each(count: i32, visit: extern "C" fn(i32) -> i32) -> i32 { 0 }
#[no_mangle] pub extern "C" fn rt_clock() -> i64 { 0 }
#[no_mangle] pub extern "C" fn rt_odd(text: &str) {}
"""

LIBRARY = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
typedef struct { int a; double b; } Pair;
static long level = 3;
static int factor(void) { return 2; }
static int other(void) { return 5; }
long rt_scale(long x) { return x * (long)factor() + other(); }
void rt_level_set(long value) { level = value; }
long rt_level_get(void) { return level; }
int *rt_box_new(int size) { int *box = malloc(sizeof(int)); *box = size; return box; }
int rt_box_size(const int *box) { return box ? *box : -1; }
void rt_box_free(int *box) { free(box); }
size_t rt_fill(unsigned char *out, size_t cap) { if (out) memset(out, 'x', cap < 4 ? cap : 4); return 4; }
Pair rt_pair(Pair pair) { pair.a ^= 1; return pair; }
const char *rt_name(int kind) { return kind == 0 ? "zero" : "many"; }
void rt_say(int count) { if (count > 0) { printf("more\n"); fflush(stdout); } }
int rt_each(int count, int (*visit)(int)) { return visit ? visit(count & 7) : 0; }
long rt_clock(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_nsec; }
void rt_odd(void) {}
"""

FAULTS = {
    "a constant is altered": ("return 2;", "return 3;", "rt_scale"),
    "two helpers are swapped": ("(long)factor() + other()", "(long)other() + factor()", "rt_scale"),
    "a static became two": (
        "long rt_level_get(void) {",
        "long rt_level_get(void) { static long level = 3;",
        "rt_level_get",
    ),
    "a handle's content differs": ("*box : -1", "*box + 1 : -1", "rt_box_size"),
    "a buffer is filled otherwise": ("'x', cap < 4 ? cap : 4", "'x', cap < 4 ? cap : 3", "rt_fill"),
    "a field is lost": ("pair.a ^= 1; return", "pair.a ^= 1; pair.b = 0; return", "rt_pair"),
    "a text differs": ('"zero" : "many"', '"zero" : "much"', "rt_name"),
    "another text is printed": ('"more\\n"', '"many\\n"', "rt_say"),
    "a callback gets another argument": ("visit(count & 7)", "visit(count & 3)", "rt_each"),
    "a crash is new": ("return x *", "if (x > 0) abort(); return x *", "rt_scale"),
    "a call does not come back": ("return x *", "while (x > 0) pause(); return x *", "rt_scale"),
}


@pytest.fixture(scope="module")
def functions():
    source = parse("src/ffi.rs", DECLARED)
    return dict(by_symbol(read_functions(find_symbols(source), Types((source,)))))


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("libraries")

    def run(text):
        number = len(list(folder.iterdir()))
        source, library = folder / f"{number}.c", folder / f"{number}.so"
        source.write_text(text, encoding="utf-8")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        return library

    return run


@pytest.fixture(scope="module")
def good(build):
    return build(LIBRARY)


def play(before, after, functions):
    return compare_behaviour(before, after, functions, {function.item: "all" for function in functions.values()})


def test_a_library_answers_as_its_own_copy_does(good, build, functions):
    found = play(good, build(LIBRARY.replace("static int other", "static double unused;\nstatic int other")), functions)
    assert not found.differences
    assert found.exercised.keys() == functions.keys() - {"rt_clock", "rt_odd"}
    assert min(found.exercised.values()) >= 5


def test_what_differs_from_itself_is_told_and_not_compared(good, functions):
    assert play(good, good, functions).unstable == ("rt_clock",)


def test_what_c_does_not_know_is_left_out_with_the_reason(good, functions):
    assert play(good, good, functions).left_out == {"rt_odd": "has a type that is not known to be one of C: &[ u8 ]"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_made_short(good, build, functions, fault):
    was, becomes, symbol = FAULTS[fault]
    assert LIBRARY.count(was) == 1
    found = play(good, build(LIBRARY.replace(was, becomes)), functions)
    assert {difference.symbol for difference in found.differences} == {symbol}
    assert min(len(difference.sequence) for difference in found.differences) <= 3


def test_the_calls_that_tell_are_printed_as_a_person_would_write_them(good, build, functions):
    found = play(good, build(LIBRARY.replace("*box : -1", "*box + 1 : -1")), functions)
    shortest = min(found.differences, key=lambda one: len(one.sequence))
    assert shortest.sequence == (Call("rt_box_new", (0,)), Call("rt_box_size", (Earlier(0),)))
    assert reproduction(shortest) == "r0 = rt_box_new(0); rt_box_size(r0)"
    assert (shortest.before, shortest.after) == ("rt_box_size: 0", "rt_box_size: 1")


def test_a_function_that_is_gone_is_left_out(good, build, functions):
    found = play(good, build(LIBRARY.replace("rt_level_get", "rt_level")), functions)
    assert found.left_out["rt_level_get"] == "is not exported by both libraries"
