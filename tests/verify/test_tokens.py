"""`tokens` catches what is lost, doubled, altered or cut off from its item, and nothing else."""

from dataclasses import replace

import pytest
from hand_split import COUNTER, MONOLITH

from splitter.model.check import Outcome
from splitter.verify.tokens import check_tokens

FAULTS = {
    "no_mangle dropped": ("#[no_mangle]\n/// The", "/// The", COUNTER),
    "attribute above a doc cut off": (
        "#[no_mangle]\n/// The next number.\n",
        "/// The next number.\n#[no_mangle]\n",
        COUNTER,
    ),
    "inline(never) lost": ("#[inline(never)]\n", "", COUNTER),
    "doc lost": ("/// The next number.\n", "", COUNTER),
    "doc changed": ("The next number.", "The next one.", COUNTER),
    "comment inside a body lost": ("    // Wraps around.\n", "", COUNTER),
    "constant altered": ("LIMIT: u32 = 9", "LIMIT: u32 = 8", MONOLITH),
    "cfg dropped": ('#[cfg(feature = "text")]\n', "", MONOLITH),
    "fields swapped": ("    pub left: u32,\n    right: u32,\n", "    right: u32,\n    pub left: u32,\n", MONOLITH),
    "helper's arguments swapped": ("n * 2", "2 * n", COUNTER),
    "super leads elsewhere": ("super::super::offset()", "super::offset()", COUNTER),
    "ABI changed": ('extern "C" fn rt_next', 'extern "system" fn rt_next', COUNTER),
    "test deleted": (
        "    #[test]\n    fn counts() {\n        assert_eq!(rt_next(1), twice(1));\n    }\n",
        "",
        MONOLITH,
    ),
    "tuple of one made plain": ("twice(1)\n", "twice((1,))\n", COUNTER),
    "static copied": (
        "pub(super) fn twice",
        "static NEXT: AtomicU32 = AtomicU32::new(0);\n\npub(super) fn twice",
        COUNTER,
    ),
    "free comment lost": ("// Everything below is called from C.\n\n", "", MONOLITH),
    "inner doc lost": ("//! The whole boundary.\n\n", "", MONOLITH),
    "function added": ("pub(super) fn twice", "fn thrice() {}\n\npub(super) fn twice", COUNTER),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault, before, edited, scope):
    result = check_tokens(before, edited(*FAULTS[fault]), scope, None)
    assert result.outcome is Outcome.FAILED
    assert result.findings


def test_a_finding_names_item_file_and_line(before, edited, scope):
    found = check_tokens(before, edited("n * 2", "n * 3"), scope, None).findings
    assert [(f.item, f.path, f.line) for f in found] == [("fn:twice", COUNTER, 16)]
    assert found[0].message == "was `2 }`, is `3 }`"


LAWFUL = {
    "visibility": ("pub(super) fn twice", "pub(in crate::ffi) fn twice", COUNTER),
    "line breaks": ("(n: u32) -> u32", "(\n    n: u32,\n) -> u32", COUNTER),
    "imports": ("use std::fmt::Write as _;\n", "use std::fmt::{Display, Write as _};\n", COUNTER),
    "an absolute path": ("super::super::offset()", "crate::offset()", COUNTER),
}


@pytest.mark.parametrize("edit", LAWFUL)
def test_what_a_move_may_change_is_no_fault(edit, before, edited, scope):
    assert check_tokens(before, edited(*LAWFUL[edit]), scope, None).outcome is Outcome.PASSED


NOTICE = b"// Copyright somebody.\n// SPDX-License-Identifier: MIT\n\n"


def with_notice(tree, *paths, notice=NOTICE):
    return replace(tree, files={path: (notice if path in paths else b"") + data for path, data in tree.files.items()})


@pytest.mark.parametrize("kept", [(), (MONOLITH,), (COUNTER,)])
def test_a_licence_notice_has_to_head_every_file(kept, before, after, scope):
    found = check_tokens(with_notice(before, MONOLITH), with_notice(after, *kept), scope, None).findings
    told = "the licence notice of the monolith does not stand at its head"
    assert {f.path for f in found if f.message == told} == {MONOLITH, COUNTER} - set(kept)


def test_a_notice_at_every_head_is_no_fault(before, after, scope):
    whole = with_notice(after, MONOLITH, COUNTER)
    assert check_tokens(with_notice(before, MONOLITH), whole, scope, None).outcome is Outcome.PASSED


def test_another_comment_at_the_head_is_no_notice(before, after, scope):
    plain = b"// The boundary.\n\n"
    trees = with_notice(before, MONOLITH, notice=plain), with_notice(after, MONOLITH, notice=plain)
    assert check_tokens(*trees, scope, None).outcome is Outcome.PASSED


def test_a_file_that_is_no_rust_is_a_finding_with_its_line(before, edited, scope):
    result = check_tokens(before, edited("n * 2\n}", "n * 2\n"), scope, None)
    assert result.outcome is Outcome.FAILED
    assert result.findings[0].path == COUNTER


QUOTED = "quote! { pub mod made { use super::*; } }"


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (QUOTED, Outcome.PASSED),
        (QUOTED.replace("super::*", "super::super::*"), Outcome.FAILED),
        (QUOTED.replace("pub mod", "mod"), Outcome.FAILED),
        (QUOTED.replace("super::*;", "crate::*;"), Outcome.FAILED),
    ],
)
def test_what_a_macro_takes_as_text_stays_to_the_letter(now, outcome, before, edited, scope):
    was = {path: data.replace(b"n * 2", QUOTED.encode()) for path, data in before.files.items()}
    assert check_tokens(replace(before, files=was), edited("n * 2", now), scope, None).outcome is outcome
