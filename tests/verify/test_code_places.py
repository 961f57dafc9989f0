"""From a symbol back to the item that defines it, and from a position in the object to the source."""

from dataclasses import replace

import pytest
from hand_object import make_object

from splitter.model.evidence import Scope
from splitter.source.parse import parse
from splitter.verify.code_places import Places

SOURCE = """\
pub trait Loud {
    fn sum(&self) -> u8;
}

impl Loud for crate::other::Pair {
    fn sum(&self) -> u8 {
        1
    }
}

impl Loud for u8 {
    fn sum(&self) -> u8 {
        2
    }
}

impl crate::other::Pair {
    fn twice(&self) -> u8 {
        3
    }
}

fn free() {}
"""
ITEMS = {
    "_RNvXNtC4tiny3ffiNtNtC4tiny5other4PairNtNtC4tiny3ffi4Loud3sum": "impl:Loud for crate::other::Pair",
    "_RNvXs_NtC4tiny3ffihNtNtC4tiny3ffi4Loud3sum": "impl:Loud for u8",
    "_RNvMs0_NtC4tiny3ffiNtNtC4tiny5other4Pair5twice": "impl:crate::other::Pair",
    "_RNCNvMs0_NtC4tiny3ffiNtNtC4tiny5other4Pair5twice0B5_": "impl:crate::other::Pair",
    "_RNvNtC4tiny3ffi4free": "fn:free",
    "_RNvMNtC4tiny5otherNtNtC4tiny5other4Pair5twice": "",
}

SCOPE = Scope("tiny", ("ffi",), "src/ffi.rs", "src/ffi.rs")


@pytest.mark.parametrize("symbol", ITEMS)
def test_a_method_comes_from_the_impl_that_defines_it(symbol):
    places = Places({"src/ffi.rs": parse("src/ffi.rs", SOURCE.encode())}, SCOPE, make_object())
    assert places.item(symbol)[0] == ITEMS[symbol]


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ("src/ffi.rs", True),
        ("/tree/member/src/ffi.rs", True),
        ("../member/src/ffi.rs", True),
        ("ffi.rs", False),
        ("/registry/other-1.0.0/src/ffi.rs", False),
        ("/tree/member/vendor/other/src/ffi.rs", False),
    ],
)
def test_a_file_of_another_crate_is_not_taken_for_one_of_the_split(file, known):
    scope = replace(SCOPE, monolith="member/src/ffi.rs", residue_file="member/src/ffi.rs")
    code = replace(make_object(folder="member"), root="/tree")
    places = Places({"member/src/ffi.rs": parse("member/src/ffi.rs", SOURCE.encode())}, scope, code)
    assert (places.position(file, 1, 1) is not None) == known
