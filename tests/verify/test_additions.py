"""What a change set adds and drops has to be what its reason says."""

import pytest

from splitter.model.change import Added, ChangeSet, Dropped, Kept, Why
from splitter.model.source import Span
from splitter.verify.additions import find_wrong_reasons

OLD = b"fn one() {}\nuse a::b;\n"

FITTING = [
    (b"//! Words.\n", Why.HEADER),
    (b"use super::{a, b};\n", Why.IMPORT),
    (b"#[cfg(unix)]\npub(crate) use self::a::b as c;\n", Why.REEXPORT),
    (b"mod one;\n#[cfg(unix)]\npub(super) mod two;\n", Why.MOD),
    (b"pub(in super::super) ", Why.VISIBILITY),
    (b"super::super", Why.PATH),
    (b'"../text.txt"', Why.PATH),
    (b"\n\n", Why.BLANK),
    (b"\n    ,", Why.REWRAP),
]
WRONG = [
    (b"fn two() {}\n", Why.HEADER),
    (b"use a;\nconst X: u8 = 1;\n", Why.IMPORT),
    (b"mod one { fn two() {} }\n", Why.MOD),
    (b"unsafe ", Why.VISIBILITY),
    (b"one() + two", Why.PATH),
    (b"// word\n", Why.BLANK),
    (b"1", Why.REWRAP),
    (b"use a; // hidden\n", Why.IMPORT),
]


def change_with(text, why):
    return ChangeSet(
        {"a.rs": OLD}, {"a.rs": (Kept("a.rs", Span(0, 12)), Added(text, why), Kept("a.rs", Span(12, len(OLD))))}, ()
    )


@pytest.mark.parametrize(("text", "why"), FITTING)
def test_bytes_that_are_what_they_are_said_to_be_are_accepted(text, why):
    change = change_with(text, why)
    assert list(find_wrong_reasons(change, change.after())) == []


@pytest.mark.parametrize(("text", "why"), WRONG)
def test_code_under_a_false_reason_is_found(text, why):
    change = change_with(text, why)
    found = list(find_wrong_reasons(change, change.after()))
    assert [(f.path, f.line) for f in found] == [("a.rs", 2)]


def test_a_dropped_function_is_no_import():
    change = ChangeSet(
        {"a.rs": OLD}, {"a.rs": (Kept("a.rs", Span(12, len(OLD))),)}, (Dropped("a.rs", Span(0, 12), Why.IMPORT),)
    )
    assert [f.line for f in find_wrong_reasons(change, change.after())] == [1]


def test_a_dropped_import_is_one():
    change = ChangeSet(
        {"a.rs": OLD}, {"a.rs": (Kept("a.rs", Span(0, 12)),)}, (Dropped("a.rs", Span(12, len(OLD)), Why.IMPORT),)
    )
    assert list(find_wrong_reasons(change, change.after())) == []


def test_a_tree_that_is_not_what_the_phase_wrote_is_found():
    change = change_with(b"\n", Why.BLANK)
    assert [f.path for f in find_wrong_reasons(change, {"a.rs": b"fn one() {}\n"})] == ["a.rs"]
