"""`format` catches bytes that nobody accounts for, and files that rustfmt would no longer leave alone."""

from dataclasses import replace

import pytest
from hand_split import COUNTER, MONOLITH

from splitter.model.change import Added, ChangeSet, Kept, Why
from splitter.model.check import Outcome
from splitter.model.evidence import Evidence, Missing
from splitter.model.source import Span
from splitter.verify.format import check_format

OLD = b"fn one() {}\n\nfn two() {}\n"


@pytest.fixture
def change():
    rows = {
        MONOLITH: (Added(b"mod counter;\n\n", Why.MOD), Kept(MONOLITH, Span(0, 12))),
        COUNTER: (Added(b"//! Two.\n", Why.HEADER), Kept(MONOLITH, Span(12, len(OLD)))),
    }
    return ChangeSet({MONOLITH: OLD}, rows, ())


@pytest.fixture
def trees(change):
    return Evidence({MONOLITH: OLD}, unformatted={}), Evidence(change.after(), unformatted={})


def test_what_the_change_set_accounts_for_passes(trees, change, scope):
    result = check_format(*trees, scope, change)
    assert (result.outcome, result.compared, result.equal) == (Outcome.PASSED, 2, 2)


def test_a_byte_too_many_is_found_on_its_line(trees, change, scope):
    before, after = trees
    spoilt = replace(after, files={**after.files, COUNTER: after.files[COUNTER].replace(b"{}", b"{ }")})
    assert [(f.path, f.line) for f in check_format(before, spoilt, scope, change).findings] == [(COUNTER, 3)]


def test_a_file_that_the_phase_does_not_touch_stays_as_it_is(trees, change, scope):
    before, after = (replace(tree, files={**tree.files, "src/b.rs": b"fn b() {}\n"}) for tree in trees)
    assert check_format(before, after, scope, change).outcome is Outcome.PASSED
    spoilt = replace(after, files={**after.files, "src/b.rs": b"fn b() { }\n"})
    assert check_format(before, spoilt, scope, change).outcome is Outcome.FAILED


def test_a_file_that_was_clean_has_to_stay_clean(trees, change, scope):
    before, after = trees
    result = check_format(before, replace(after, unformatted={COUNTER: 7}), scope, change)
    assert [(f.path, f.line) for f in result.findings] == [(COUNTER, 7)]


def test_a_file_that_was_not_clean_is_held_to_its_bytes_and_named(trees, change, scope):
    dirty = {MONOLITH: 3, COUNTER: 7}
    before, after = trees
    result = check_format(replace(before, unformatted={MONOLITH: 3}), replace(after, unformatted=dirty), scope, change)
    assert result.outcome is Outcome.PASSED
    assert result.reason == f"not clean under rustfmt beforehand: {MONOLITH}"


def test_without_rustfmt_bytes_alone_are_compared_and_it_says_so(trees, change, scope):
    absent = Missing("rustfmt is not installed", applicable=False)
    before, after = (replace(tree, unformatted=absent) for tree in trees)
    result = check_format(before, after, scope, change)
    assert (result.outcome, result.reason) == (Outcome.PASSED, "rustfmt is not installed: bytes alone were compared")
    assert check_format(before, after, scope, None).outcome is Outcome.NOT_APPLICABLE


def test_rustfmt_that_cannot_read_a_file_leaves_the_check_open(trees, change, scope):
    before, after = trees
    assert check_format(before, replace(after, unformatted=Missing("no")), scope, change).outcome is Outcome.SKIPPED
