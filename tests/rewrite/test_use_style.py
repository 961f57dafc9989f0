"""Imports come out as rustfmt sorts them, in either style: rustfmt itself is asked."""

import random
import subprocess

import pytest

from splitter.rewrite.use_text import UseLine, UseStyle
from splitter.source.parse import parse
from splitter.source.uses import UseLeaf, use_leaves

NAMES = [
    "a",
    "ab",
    "a_b",
    "aB",
    "B",
    "Bc",
    "B_C",
    "BC",
    "x1",
    "x10",
    "x2",
    "x02",
    "x_1",
    "x_10",
    "T",
    "TCGETS2",
    "termios2",
    "Stdin",
    "stdin",
    "u8",
    "u16",
    "r#match",
    "matches",
    "_x",
    "__y",
    "A1B2",
    "A1b",
    "a1b10c",
    "a1b9c",
    "zz",
    "Z_z",
    "iOS",
    "IO",
    "Io",
    "io",
]


def block(choose, style):
    """The imports of one module: a list with some aliases, and a few names by themselves."""
    listed = choose.sample(NAMES, choose.randint(2, 7))
    leaves = [
        UseLeaf(("p", name), None if name[0] == "_" else choose.choice((None, "Q", "q2", "q10"))) for name in listed
    ]
    leaves += [UseLeaf((choose.choice(NAMES), choose.choice(NAMES))) for _ in range(3)]
    return style.render(tuple(UseLine(leaf) for leaf in leaves))


@pytest.mark.usefixtures("cargo")
@pytest.mark.parametrize(("edition", "versions"), [("2021", False), ("2024", True)])
def test_rustfmt_has_nothing_to_change(edition, versions):
    choose = random.Random(edition)
    text = "\n".join(block(choose, UseStyle(versions)) for _ in range(300))
    command = ("rustfmt", "--edition", edition, "--emit", "stdout")
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert done.stdout == text


DECLARATIONS = [
    "use u::{a::B, c::D};",
    "use u::{p, q};",
    "use u::p;",
    "use u::z::*;",
    "use u::{self, z};",
    "use u::a::{B, C};",
    "use u::a::b::C;",
    "use u::{a::{B, C}, d};",
    "use u::*;",
    "use u::{b, a::C};",
    "use u::{a::*, b::C};",
    "use u::{x as y, x};",
]


@pytest.mark.usefixtures("cargo")
@pytest.mark.parametrize(("edition", "versions"), [("2021", False), ("2024", True)])
def test_declarations_are_ranked_as_rustfmt_sorts_them(edition, versions):
    command = ("rustfmt", "--edition", edition, "--emit", "stdout")
    every = "\n".join(DECLARATIONS) + "\n"
    sorted_text = subprocess.run(command, input=every, capture_output=True, text=True, check=True).stdout
    source = parse("a.rs", sorted_text.encode())
    style = UseStyle(versions)
    orders = [style.order(use_leaves(source, item)) for item in source.items]
    assert len(orders) == len(DECLARATIONS)
    assert orders == sorted(orders)
