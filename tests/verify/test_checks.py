"""What holds for every check: sound trees pass, equal trees give no finding, nothing compared is nothing passed."""

import pytest
from hand_split import DEFAULT

from splitter.model.check import Level, Outcome
from splitter.model.evidence import Build, Evidence, Scope
from splitter.verify.checks import CHECKS, run_checks

NOTHING = Evidence(
    files={},
    builds=(),
    symbols={"default": frozenset()},
    mir={"default": ""},
    tests=(),
    unformatted={},
    code={},
    headers={},
)
#: What calls of two libraries came to is known only where both can be loaded.
ALL = [check.name for check in CHECKS if check.name != "behaviour"]


def test_a_sound_split_passes_every_check(before, after, scope):
    results = [result for result in run_checks(Level.FULL, before, after, scope) if result.name in ALL]
    assert [(r.name, r.outcome, r.findings) for r in results] == [(name, Outcome.PASSED, ()) for name in ALL]


def test_two_equal_trees_give_no_finding(before, after, scope):
    for tree in (before, after):
        results = [result for result in run_checks(Level.FULL, tree, tree, scope) if result.name in ALL]
        assert {r.outcome for r in results} == {Outcome.PASSED}
        assert not [finding for r in results for finding in r.findings]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_an_empty_comparison_never_passes(check):
    scope = Scope("tiny", ("ffi",), "src/ffi.rs", "src/ffi.rs")
    assert check.judge(NOTHING, NOTHING, scope, None).outcome is not Outcome.PASSED


@pytest.mark.parametrize("check", [c for c in CHECKS if c.name not in ("tokens", "state", "api")], ids=lambda c: c.name)
def test_evidence_that_was_not_gathered_is_skipped(check, before, after, scope):
    bare = Evidence(after.files)
    assert check.judge(before, bare, scope, None).outcome is Outcome.SKIPPED
    assert check.judge(Evidence(before.files), bare, scope, None).outcome is Outcome.SKIPPED


def test_a_level_contains_the_ones_before_it(before, after, scope):
    names = [{r.name for r in run_checks(level, before, after, scope)} for level in Level]
    assert names[0] == {"tokens"}
    assert names[0] < names[1] < names[2] < names[3]
    assert names[3] - names[2] == {"code", "behaviour", "header"}


def test_every_check_explains_itself():
    for check in CHECKS:
        assert "Why:" in check.text
        assert "Cannot see:" in check.text


def test_the_time_of_the_evidence_is_reported(before, after, scope):
    before.seconds["build"], after.seconds["build"] = 1.5, 2.0
    build = next(r for r in run_checks(Level.QUICK, before, after, scope) if r.name == "build")
    assert build.seconds == 3.5
    assert before.builds == (Build(DEFAULT, succeeded=True, diagnostics=before.builds[0].diagnostics),)
