"""A nested `use` loses leaves and stays as rustfmt would have it."""

import pytest

from splitter.rewrite.prune_use import pruned
from splitter.source.parse import parse
from splitter.source.uses import use_leaves

NESTED = """\
use crate::{
    alphabet::{Alphabet, STANDARD, URL_SAFE},
    encode::add_padding,
    engine::{general_purpose, naive, DecodeEstimate, DecodeMetadata, DecodePaddingMode, Engine},
};
"""
NESTED_LEFT = """\
use crate::{
    alphabet::{Alphabet, URL_SAFE},
    encode::add_padding,
    engine::{general_purpose, DecodeEstimate, DecodeMetadata, DecodePaddingMode, Engine},
};"""


def without(text, *names):
    file = parse("src/ffi.rs", text.encode())
    item = file.items[0]
    return pruned(file, item, frozenset(leaf.span for leaf in use_leaves(file, item) if leaf.name not in names))


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("use a::{B, C, D};", ["C"], "use a::{B, D};"),
        ("use a::{B, C};", ["B"], "use a::C;"),
        ("pub(crate) use a::{self, B as E, C};", ["C"], "pub(crate) use a::{self, B as E};"),
        ("use a::{self, B};", ["B"], "use a::{self};"),
        ("use a::{b::{C, D}, e::F};", ["F"], "use a::b::{C, D};"),
        ("use a::{b::{C, D}, e::F};", ["D"], "use a::{b::C, e::F};"),
        (
            NESTED,
            ["STANDARD", "naive"],
            NESTED_LEFT,
        ),
        ("use a::{B, C}; // why", [], "use a::{B, C};"),
    ],
)
def test_groups_stay_as_they_were_made(text, gone, left):
    assert without(text, *gone) == left


def test_nothing_is_left_of_a_declaration_without_leaves():
    assert without("use a::{B, c::D};", "B", "D") is None


def test_a_declaration_with_comments_inside_is_left_to_others():
    assert without("use a::{\n    B, // why\n    C,\n};", "C") is None
