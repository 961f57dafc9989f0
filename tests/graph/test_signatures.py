"""Signatures are read as C sees them: aliases resolved, macros filled in, what C cannot say named as such."""

import signal
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from splitter.graph.signatures import Types, by_symbol, read_functions, resolved
from splitter.graph.symbols import find_symbols
from splitter.model.signature import Callback, Opaque, Parameter, Pointer, Scalar, Struct
from splitter.source.parse import parse

SOURCE = b"""
type Handle = u32;
type Hook = extern "C" fn(data: *mut c_void, Handle) -> bool;
#[repr(C)]
pub struct Point { pub x: i32, y: [u8; 4], pub(crate) z: Option<Hook> }
#[repr(transparent)]
struct Word(u64);
struct Inside { handle: Handle }

macro_rules! updates {
    ($($name:ident: $ty:ty => $op:ident;)+) => {
        $(
            #[no_mangle]
            pub unsafe extern "C" fn $name(cell: *mut $ty, operand: $ty) -> $ty { 0 }
        )+
    };
}
updates! { rt_add: i32 => add; rt_sub: u32 => sub; }

#[no_mangle]
pub extern "C" fn rt_point(point: Point, mut other: &mut Point, word: Option<Box<Word>>, count: libc::size_t) {}
#[no_mangle]
pub extern "C" fn rt_word(#[allow(unused)] word: Word, hook: Option<Hook>) -> *const *const std::os::raw::c_char {}
#[no_mangle]
pub extern "C" fn rt_many(first: i64, ...) -> Handle {}
#[no_mangle]
pub extern "C" fn rt_odd(text: &str, list: &'static [u8], pair: (u8, i8), inside: *mut Inside) -> ! {}
#[no_mangle]
pub extern "C" fn rt_late(
    hook: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            level: i32,
            ...
        ),
    >,
    data: *mut c_void,
) {}
#[no_mangle]
pub static RT_VERSION: u32 = 1;
"""

I32, U32, U64 = Scalar("i32"), Scalar("u32"), Scalar("u64")
HOOK = Callback((Pointer(Opaque("c_void"), mutable=True), U32), Scalar("bool"))
POINT = Struct("Point", (("x", I32), ("y", Opaque("[ u8 ; 4 ]")), ("z", HOOK)))
WORD = Struct("Word", (("0", U64),), transparent=True)


@pytest.fixture(scope="module")
def functions():
    source = parse("src/ffi.rs", SOURCE)
    return by_symbol(read_functions(find_symbols(source), Types((source,))))


def test_statics_are_no_functions(functions):
    assert set(functions) == {"rt_add", "rt_sub", "rt_point", "rt_word", "rt_many", "rt_odd", "rt_late"}


def test_a_macro_fills_in_the_types_of_each_turn(functions):
    for symbol, type_ in {"rt_add": I32, "rt_sub": U32}.items():
        function = functions[symbol]
        assert function.parameters == (Parameter("cell", Pointer(type_, mutable=True)), Parameter("operand", type_))
        assert function.returns == type_


def test_structs_references_and_boxes_are_what_c_passes(functions):
    function = functions["rt_point"]
    assert function.parameters == (
        Parameter("point", POINT),
        Parameter("other", Pointer(POINT, mutable=True)),
        Parameter("word", Pointer(WORD, mutable=True)),
        Parameter("count", Scalar("usize")),
    )
    assert function.returns is None


def test_newtypes_callbacks_and_pointers_to_pointers(functions):
    function = functions["rt_word"]
    assert function.parameters == (Parameter("word", WORD), Parameter("hook", HOOK))
    assert function.returns == Pointer(Pointer(Scalar("i8")))
    assert resolved(WORD) == U64


def test_variadic_functions_say_so(functions):
    assert functions["rt_many"].variadic
    assert functions["rt_many"].parameters == (Parameter("first", Scalar("i64")),)


def test_a_variadic_callback_over_several_lines(functions):
    void = Pointer(Opaque("c_void"), mutable=True)
    assert functions["rt_late"].parameters == (Parameter("hook", Callback((void, I32), None)), Parameter("data", void))


def test_what_c_cannot_say_is_known_by_its_text(functions):
    text, array, pair, inside = (one.type for one in functions["rt_odd"].parameters)
    assert text == array == Opaque("&[ u8 ]")
    assert pair == Opaque("( u8 , i8 )")
    assert inside == Pointer(Opaque("Inside"), mutable=True)
    assert functions["rt_odd"].returns == Opaque("!")


SOUP = "fn x : , ( ) [ ] { } < > -> * & mut # ... :: Option dyn impl 'a u8 pub"


@given(some.lists(some.sampled_from(SOUP.split(" "))))
def test_whatever_stands_there_reading_comes_to_an_end(tokens):
    symbol = next(iter(find_symbols(parse("a.rs", b'#[no_mangle] pub extern "C" fn rt_x(a: u8) {}'))))
    soup = parse("b.rs", b"#[repr(C)] struct S { a: u8 }")
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, 5)
    try:
        text = " ".join(tokens)
        list(read_functions([replace(symbol, signature=f"fn f({text})")], Types((soup,))))
        list(read_functions([replace(symbol, signature=f"fn f(a: fn {text}")], Types((soup,))))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_long(_signal, _frame):
    raise AssertionError("it goes on and on")
