"""What stands at the edges of a file: a shebang, the start of a program, text that does not end."""

import pytest

from splitter.errors import SourceError
from splitter.source.parse import parse


def keys(data, path="src/ffi.rs"):
    return [item.key for item in parse(path, data).items]


def test_a_shebang_is_an_item_of_its_own():
    file = parse("src/main.rs", b"#!/usr/bin/env run\n#![allow(dead_code)]\nfn a() {}\n")
    assert [item.key for item in file.items] == ["inner:shebang", "inner", "fn:a"]
    assert file.whole(file.items[0]) == b"#!/usr/bin/env run\n"


def test_a_shebang_may_follow_a_byte_order_mark():
    assert keys(b"\xef\xbb\xbf#!/bin/x\r\nfn a() {}") == ["inner:bom", "inner:shebang", "fn:a"]


def test_an_inner_attribute_is_no_shebang():
    assert keys(b"#! [allow(dead_code)]\nfn a() {}") == ["inner", "fn:a"]


@pytest.mark.parametrize("path", ["src/main.rs", "src/bin/tool.rs", "build.rs"])
def test_the_function_in_which_a_program_begins_stays(path):
    item = parse(path, b"fn main() {}\nfn a() {}\n").by_key["fn:main"]
    assert not item.movable
    assert item.stays == "the program begins here"


def test_main_is_a_function_like_others_elsewhere():
    assert parse("src/ffi.rs", b"fn main() {}\n").by_key["fn:main"].movable


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"fn a() {}\n/* never closed\nfn b() {}\n", 2),
        (b'fn a() {}\nconst B: &str = "never closed;\n', 2),
        (b"fn a() {}\n<<<<<<< HEAD\nfn b() {}\n=======\nfn b() { 1 }\n>>>>>>> other\n", 2),
    ],
)
def test_what_does_not_end_or_begin_is_refused_where_it_stands(data, line):
    with pytest.raises(SourceError, match=rf"^src/ffi\.rs:{line}: "):
        parse("src/ffi.rs", data)


@pytest.mark.parametrize("attribute", ["proc_macro", "proc_macro_derive(A, attributes(a))", "proc_macro_attribute"])
def test_a_procedural_macro_stays_in_the_root(attribute):
    text = f"#[{attribute}]\npub fn made(input: TokenStream) -> TokenStream {{\n    input\n}}\n\nfn other() {{}}\n"
    stays = {item.key: item.stays for item in parse("src/lib.rs", text.encode()).items}
    assert stays == {"fn:made": "a procedural macro has to stand in the root of its crate", "fn:other": None}
