"""Items that see where they stand, by a macro or by a function of `std::any`; not those that only sound like it."""

import pytest

from splitter.source.parse import parse
from splitter.source.positions import PANIC, askers, asking_macros, positional_items, told, untold

MACRO = "macro_rules! note {\n    ($text:expr) => {\n        log($text, line!())\n    };\n}\n"


def asked(text):
    return positional_items([parse("src/ffi.rs", text.encode())])


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("fn f() -> u32 {\n    line!()\n}\n", "line!"),
        ('fn f() {\n    warn!("late");\n}\n', "warn!"),
        ("fn f() -> &'static str {\n    std::any::type_name::<u8>()\n}\n", "type_name"),
        ("use std::any;\nfn f() -> &'static str {\n    any::type_name::<u8>()\n}\n", "type_name"),
        ("use core::any::type_name_of_val;\nfn f(x: &u8) -> &str {\n    type_name_of_val(x)\n}\n", "type_name_of_val"),
        ("use std::any::*;\nfn f() -> &'static str {\n    type_name::<u8>()\n}\n", "type_name"),
        ("use std::any::type_name as tn;\nfn f() -> &'static str {\n    tn::<u8>()\n}\n", "tn"),
        ("use std::any as a;\nfn f() -> &'static str {\n    a::type_name::<u8>()\n}\n", "type_name"),
        ("fn f() -> &'static str {\n    use std::any::{Any, type_name};\n    type_name::<u8>()\n}\n", "type_name"),
        (MACRO + 'fn f() {\n    note!("x");\n}\n', "note!"),
    ],
)
def test_what_sees_its_place(text, by):
    assert asked(text)["fn:f"] == by


@pytest.mark.parametrize(
    "text",
    [
        "fn f(x: &Shape) -> &str {\n    x.type_name()\n}\n",
        "fn f() -> u8 {\n    type_name(3)\n}\nfn type_name(x: u8) -> u8 {\n    x\n}\n",
        "fn f() -> u8 {\n    shapes::type_name(3)\n}\n",
        "mod any {\n    pub fn type_name() {}\n}\nfn f() {\n    any::type_name()\n}\n",
        "use std::any::type_name;\nfn f() -> u8 {\n    1\n}\n",
        "fn f(line: u32) -> bool {\n    line != 3\n}\n",
    ],
)
def test_what_is_only_called_alike(text):
    assert asked(text) == {}


ELSEWHERE = b"""
macro_rules! outer { ($x:expr) => { inner!($x) }; }
macro_rules! inner { ($x:expr) => { log::debug!("{}", $x) }; }
macro_rules! named { () => { ::std::any::type_name::<u8>() }; }
macro_rules! plain { ($x:expr) => { $x + 1 }; }
"""


def test_macros_of_other_files_ask_for_their_callers():
    others = asking_macros([ELSEWHERE, b"fn f() {}\n"])
    assert others == {"outer", "inner", "named"}
    text = "fn f() {\n    outer!(1)\n}\nfn g() -> u8 {\n    plain!(1)\n}\n"
    assert positional_items([parse("src/ffi.rs", text.encode())], others) == {"fn:f": "outer!"}


def test_a_macro_of_the_file_hides_one_of_another_file():
    text = b"macro_rules! inner {\n    ($x:expr) => {\n        $x\n    };\n}\nfn f() -> u8 {\n    inner!(1)\n}\n"
    assert positional_items([parse("src/ffi.rs", text)], asking_macros([ELSEWHERE])) == {}


def test_names_that_can_be_accepted_are_those_of_the_file_too():
    names = askers(parse("src/ffi.rs", (MACRO + "fn f() {\n    remark!(1)\n}\n").encode()))
    assert names >= {"line!", "note!", "remark!", "type_name"}
    assert "f" not in names


def test_the_text_of_a_difference_can_be_read_back():
    assert untold(told("impl:From<A> for B", "line!")) == ("impl:From<A> for B", "line!")
    assert untold(told("impl:A::B", PANIC, "its panics name the new place")) == ("impl:A::B", "panic!")
    assert untold("order of declarations in ffi.h") == ("", "")
