"""From a symbol back to the item that defines it."""

import pytest

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


@pytest.mark.parametrize("symbol", ITEMS)
def test_a_method_comes_from_the_impl_that_defines_it(symbol):
    scope = Scope("tiny", ("ffi",), "src/ffi.rs", "src/ffi.rs")
    places = Places({"src/ffi.rs": parse("src/ffi.rs", SOURCE.encode())}, scope, "")
    assert places.item(symbol)[0] == ITEMS[symbol]
