"""`tests` catches a test that is gone, new, or ends in another way."""

from dataclasses import replace

import pytest

from splitter.model.check import Outcome
from splitter.model.evidence import Missing, TestOutcome
from splitter.verify.tests import check_tests

NO_TESTS = Missing("the crate has no tests", applicable=False)


def test_a_deleted_test_is_found(before, after, scope):
    fewer = replace(after, tests=tuple(t for t in after.tests if t.binary != "lib"))
    found = check_tests(before, fewer, scope, None).findings
    assert [(f.item, f.message) for f in found] == [("fn:counts", "lib ffi::tests::counts (default): was ok, is gone")]


def test_a_test_that_fails_now_is_found(before, after, scope):
    worse = replace(after, tests=tuple(replace(t, outcome="FAILED") for t in after.tests))
    messages = [f.message for f in check_tests(before, worse, scope, None).findings]
    assert "lib ffi::tests::counts (default): was ok, is FAILED" in messages


def test_a_new_test_is_found(before, after, scope):
    more = replace(after, tests=(*after.tests, TestOutcome("lib", "ffi::tests::more", "ok")))
    assert check_tests(before, more, scope, None).outcome is Outcome.FAILED


def test_a_lost_doc_test_is_found(before, after, scope):
    fewer = replace(after, tests=tuple(t for t in after.tests if t.binary != "doc"))
    assert check_tests(before, fewer, scope, None).outcome is Outcome.FAILED


def test_names_are_read_through_the_split(before, after, scope):
    moved = tuple(replace(t, name=t.name.replace("ffi::tests", "ffi::counter::tests")) for t in after.tests)
    assert check_tests(before, replace(after, tests=moved), scope, None).outcome is Outcome.PASSED


def test_a_function_may_have_the_name_of_its_module(before, after, scope):
    old = (TestOutcome("doc", "src/ffi.rs - ffi::counter", "ok"),)
    new = (TestOutcome("doc", "src/ffi/counter.rs - ffi::counter::counter", "ok"),)
    assert check_tests(replace(before, tests=old), replace(after, tests=new), scope, None).outcome is Outcome.PASSED


@pytest.mark.parametrize("mode", ["", " - compile", " - compile fail"])
def test_a_doctest_may_only_be_compiled(before, after, scope, mode):
    old = (TestOutcome("doc", f"src/ffi.rs - ffi::rt_next{mode}", "ok"),)
    new = (TestOutcome("doc", f"src/ffi/counter.rs - ffi::counter::rt_next{mode}", "ok"),)
    assert check_tests(replace(before, tests=old), replace(after, tests=new), scope, None).outcome is Outcome.PASSED
    other = (replace(new[0], name=new[0].name.removesuffix(mode) + " - should panic"),)
    assert check_tests(replace(before, tests=old), replace(after, tests=other), scope, None).outcome is Outcome.FAILED


def test_what_failed_before_may_fail_after_and_is_said(before, after, scope):
    result = check_tests(before, after, scope, None)
    assert (result.outcome, result.lawful) == (Outcome.PASSED, ("1 tests failed before as well",))


def test_a_crate_without_tests_is_not_applicable(before, after, scope):
    result = check_tests(replace(before, tests=NO_TESTS), replace(after, tests=NO_TESTS), scope, None)
    assert (result.outcome, result.reason) == (Outcome.NOT_APPLICABLE, "the crate has no tests")


def test_losing_all_tests_is_a_failure(before, after, scope):
    assert check_tests(before, replace(after, tests=NO_TESTS), scope, None).outcome is Outcome.FAILED
