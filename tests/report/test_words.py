"""Wordings that all reports share."""

import pytest

from splitter.report.words import counted, listed, plain, shown, time_of


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("fn:rt_alloc", "rt_alloc"),
        ("macro:ensure", "ensure!"),
        ("impl:Drop for Arena", "impl Drop for Arena"),
        ("use:std::fmt", "use std::fmt"),
        ("extern:C", "extern C"),
        ("inner", "inner"),
        ("static:NEXT#2", "NEXT#2"),
    ],
)
def test_items_are_called_as_people_call_them(key, name):
    assert shown(key) == name


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(0, "line", "0 lines"), (1, "library", "1 library"), (2, "library", "2 libraries"), (1200, "day", "1,200 days")],
)
def test_numbers_agree_with_their_nouns(number, noun, text):
    assert counted(number, noun) == text


def test_long_lists_say_how_many_more_there_are():
    assert listed(("fn:a", "fn:b", "fn:c")) == "a, b, c"
    assert listed(("fn:a", "fn:b", "fn:c", "fn:d", "fn:e")) == "a, b, c +2"


@pytest.mark.parametrize(("seconds", "text"), [(0.0, ""), (0.04, "0.0 s"), (9.94, "9.9 s"), (75.2, "75 s")])
def test_time_is_short(seconds, text):
    assert time_of(seconds) == text


def test_line_endings_of_other_systems_are_no_control_characters():
    assert plain("a\r\nb\tc\x1b") == "a\nb\tc�"
