"""Mangled names are read back into paths, and the split's modules are taken out of them exactly."""

import pytest

from splitter.verify.v0_names import read_name

NAMES = {
    "_RNvNtC4tiny3ffi7rt_next": "tiny::ffi::rt_next",
    "_RNvNtCs1234_7mycrate3foo3bar": "mycrate::foo::bar",
    "_RNvMNtC4tiny3ffiNtB2_4Pair3sum": "<tiny::ffi::Pair>::sum",
    "_RNvXs0_NtC4tiny3ffiNtB5_4PairNtNtNtC4core3ops4drop4Drop4drop": "<tiny::ffi::Pair as core::ops::drop::Drop>::drop",
    "_RNCNvNtC4tiny3ffi3two0B5_": "tiny::ffi::two::{closure:#0}",
    "_RNCNvNtC4tiny3ffi3twos_0B5_": "tiny::ffi::two::{closure:#1}",
    "_RINvNtC4core3ptr13drop_in_placeNtNtC4tiny3ffi4PairECs9_4tiny": "core::ptr::drop_in_place<tiny::ffi::Pair>",
    "_RINvC4tiny4takeTmhERShQeOxPNtC4core1VE": "tiny::take<(u32, u8), &[u8], &mut str, *mut i64, *const core::V>",
    "_RINvC4tiny4takeKj2a_Kb1_E": "tiny::take<2ausize, 1bool>",
    "_RINvC4tiny4takeAhj4_E": "tiny::take<[u8; 4usize]>",
    "_RINvC4tiny4callFUKChEuE": 'tiny::call<unsafe extern "C" fn(u8) -> ()>',
    "_RINvC4tiny4callDNtC4core8Iteratorp4ItemhEL_E": "tiny::call<dyn core::Iterator<Item = u8>>",
    "_RNvNtC4tiny3ffi3two.cold": "tiny::ffi::two.cold",
    "_RNvNtC4tiny3ffi3two.llvm.1234": "tiny::ffi::two",
    "rt_next": "rt_next",
    "_ZN4core3fmt5write17h0123456789abcdefE": "_ZN4core3fmt5write17h0123456789abcdefE",
    "_RNvNtC4tiny3ffi99too_short": "_RNvNtC4tiny3ffi99too_short",
}


@pytest.mark.parametrize("mangled", NAMES)
def test_a_name_is_read(mangled):
    assert read_name(mangled).text == NAMES[mangled]


def test_a_module_is_taken_out_and_a_function_of_its_name_is_not():
    def place(path):
        return tuple(name for name in path if name != "count")

    assert read_name("_RNvNtNtC4tiny3ffi5count3one", place).text == "tiny::ffi::one"
    assert read_name("_RNvNvNtC4tiny3ffi5count4SELF", place).text == "tiny::ffi::count::SELF"


def test_the_paths_in_a_name_are_told():
    name = read_name("_RINvNtC4core3ptr13drop_in_placeNtNtC4tiny3ffi4PairECs9_4tiny")
    assert name.paths == (("core", "ptr", "drop_in_place"), ("tiny", "ffi", "Pair"))


def test_where_the_impl_of_a_method_stands_is_told():
    inherent, of_a_trait, plain = list(NAMES)[2:4] + list(NAMES)[:1]
    assert read_name(inherent).impl == read_name(of_a_trait).impl == ("tiny", "ffi")
    assert read_name(plain).impl == ()


def test_a_reference_to_itself_ends():
    assert read_name("_RINvC4tiny4takeB_E").text == "_RINvC4tiny4takeB_E"
