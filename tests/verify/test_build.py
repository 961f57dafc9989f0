"""`build` catches what no longer builds and what warns anew; what moved with its code is not new."""

from dataclasses import replace

from hand_split import COUNTER, DEFAULT, MONOLITH, WARNING

from splitter.model.check import Outcome
from splitter.model.evidence import Build, Configuration, Diagnostic
from splitter.verify.build import check_build


def judged(before, after, scope, *diagnostics, succeeded=True):
    build = Build(DEFAULT, succeeded=succeeded, diagnostics=diagnostics)
    return check_build(before, replace(after, builds=(build,)), scope, None)


def test_an_error_is_found_where_it_stands(before, after, scope):
    error = Diagnostic("error", "E0425", "cannot find `x`", COUNTER, 3, targets=("lib",))
    result = judged(before, after, scope, error, succeeded=False)
    assert [(f.path, f.line) for f in result.findings] == [(COUNTER, 3)]


def test_a_configuration_that_is_not_built_any_more_is_found(before, after, scope):
    more = (*before.builds, Build(Configuration("all features", ("--all-features",)), succeeded=True))
    result = check_build(replace(before, builds=more), after, scope, None)
    assert (result.outcome, result.compared, result.equal) == (Outcome.FAILED, 2, 1)


def test_a_new_warning_is_found(before, after, scope):
    new = Diagnostic("warning", "dead_code", "function `twice` is never used", COUNTER, 15, targets=("lib",))
    result = judged(before, after, scope, WARNING, new)
    assert [f.message for f in result.findings] == ["new warning: function `twice` is never used (default)"]


def test_a_warning_that_comes_twice_where_it_came_once_is_found(before, after, scope):
    assert judged(before, after, scope, WARNING, replace(WARNING, line=90)).outcome is Outcome.FAILED


def test_a_warning_in_one_more_target_is_found(before, after, scope):
    assert judged(before, after, scope, replace(WARNING, targets=("lib", "lib(test)"))).outcome is Outcome.FAILED


def test_a_warning_that_moved_is_not_new(before, after, scope):
    there = replace(WARNING, path=COUNTER, line=2)
    assert judged(before, after, scope, there).outcome is Outcome.PASSED


def test_a_path_in_a_warning_is_read_through_the_split(before, after, scope):
    old = replace(WARNING, message="type `ffi::Pair` is more private than `ffi::f`")
    new = replace(WARNING, message="type `ffi::counter::Pair` is more private than `ffi::counter::f`")
    before = replace(before, builds=(Build(DEFAULT, succeeded=True, diagnostics=(old,)),))
    assert judged(before, after, scope, new).outcome is Outcome.PASSED


def test_unused_imports_may_regroup(before, after, scope):
    both = Diagnostic("warning", "unused_imports", "unused imports: `a` and `b`", MONOLITH, 1, targets=("lib",))
    one = replace(both, message="unused import: `b`")
    before = replace(before, builds=(Build(DEFAULT, succeeded=True, diagnostics=(both,)),))
    assert judged(before, after, scope, one).outcome is Outcome.PASSED
    assert judged(before, after, scope, replace(one, message="unused import: `super::b`")).outcome is Outcome.PASSED
    assert judged(before, after, scope, replace(one, message="unused import: `c`")).outcome is Outcome.FAILED
    assert judged(before, after, scope, replace(one, message="unused import: `super::c`")).outcome is Outcome.FAILED
    before = replace(before, builds=(Build(DEFAULT, succeeded=True, diagnostics=(replace(one, message="`a::b`"),)),))
    assert judged(before, after, scope, replace(one, message="unused import: `c::b`")).outcome is Outcome.FAILED


def test_what_did_not_build_beforehand_is_listed(before, after, scope):
    result = check_build(replace(before, left_out={"all features": "src/lib.rs:1: no"}), after, scope, None)
    assert result.outcome is Outcome.PASSED
    assert result.lawful == ("all features did not build beforehand: src/lib.rs:1: no",)
