"""Every byte of a file lies in exactly one item, or the file is refused with a place."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rust_files import real_files
from rust_text import rust_files, soups

from splitter.errors import SourceError
from splitter.graph.build import build_graph
from splitter.model.source import is_partition
from splitter.source.parse import parse
from splitter.source.tokens import tokenize


def must_hold(source):
    assert is_partition([item.span for item in source.items], len(source.data))
    assert len(source.by_key) == len(source.items)
    for item in source.items:
        assert item.span.contains(item.core)
        assert item.span.start <= item.lead <= item.core.start


def parse_or_refusal(data):
    try:
        return parse("src/ffi.rs", data)
    except SourceError as error:
        return error


@given(st.one_of(soups(), st.binary(max_size=40)))
@settings(max_examples=500)
def test_a_soup_of_tokens_is_refused_with_a_line_or_partitioned(text):
    found = parse_or_refusal(text)
    if isinstance(found, SourceError):
        assert re.match(r"src/ffi\.rs:\d+: ", found.message)
        assert found.advice
    else:
        must_hold(found)
        build_graph(found)


@given(rust_files())
def test_a_file_of_items_is_partitioned(text):
    must_hold(parse("src/ffi.rs", text))


@given(st.one_of(rust_files(), soups()))
def test_tokens_and_the_white_space_between_them_make_up_the_text(text):
    at = 0
    for token in tokenize(text):
        assert not text[at : token.start].strip()
        assert text[token.start : token.end] == token.text
        at = token.end
    assert not text[at:].strip()


@pytest.mark.parametrize("path", real_files(), ids=lambda path: "/".join(path.parts[-3:]))
def test_real_files_are_partitioned(path):
    source = parse(path.name, path.read_bytes())
    must_hold(source)
    kept = [item for item in source.items if item.kind == "opaque"]
    assert len(kept) <= len(source.items) // 10, [item.key for item in kept]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"fn a() {", b"fn a() }", b"\xff\xfe"])
def test_what_is_no_rust_is_refused(data):
    with pytest.raises(SourceError, match=r"^src/ffi\.rs:1: "):
        parse("src/ffi.rs", data)
