"""`behaviour` passes only what was called and answered alike, and names the calls that tell two libraries apart."""

from dataclasses import replace

import pytest
from hand_split import COUNTER

from splitter.model.calls import Behaviour, Call, Difference, Earlier, Echo, Fields, Memory
from splitter.model.check import Outcome
from splitter.model.evidence import Missing
from splitter.verify.behaviour import check_behaviour, reproduction

ALIKE = Behaviour({"rt_count": 12, "rt_twice": 5}, sequences=9)
OTHER = Difference("twice", (Call("twice", (2,)),), "twice: 4", "twice: 6")


@pytest.fixture
def check(before, after, scope):
    return lambda played: check_behaviour(before, replace(after, behaviour=played), scope, None)


def test_functions_that_answer_alike_pass_and_are_counted(check):
    result = check({"default": ALIKE})
    assert (result.outcome, result.compared, result.equal) == (Outcome.PASSED, 2, 2)
    assert result.reason == "2 functions, 17 calls in 9 sequences"


def test_a_difference_fails_with_the_calls_item_file_and_line(check):
    result = check({"default": replace(ALIKE, differences=(OTHER,))})
    assert (result.outcome, result.compared, result.equal) == (Outcome.FAILED, 3, 2)
    (finding,) = result.findings
    assert (finding.item, finding.path, finding.line) == ("fn:twice", COUNTER, 15)
    assert finding.message == "`twice(2)` gave `twice: 4`, gives `twice: 6` (default)"


def test_a_difference_in_another_configuration_fails_too(check):
    found = check({"default": ALIKE, "all features": replace(ALIKE, differences=(OTHER,))})
    assert found.outcome is Outcome.FAILED


def test_too_many_that_differ_from_themselves_leave_it_incomplete(check):
    result = check({"default": replace(ALIKE, unstable=("rt_now",))})
    assert result.outcome is Outcome.SKIPPED
    assert result.reason == "1 of 3 functions differ from themselves on a second run"


def test_a_few_that_differ_from_themselves_are_listed(check):
    many = {f"rt_{number}": 1 for number in range(20)}
    result = check({"default": Behaviour(many, 20, unstable=("rt_now",), left_out={"rt_many": "takes any number"})})
    assert result.outcome is Outcome.PASSED
    assert result.lawful == (
        "not called (takes any number): rt_many (default)",
        "differ from themselves on a second run: rt_now (default)",
    )


def test_nothing_called_is_never_passed(check):
    assert check({"default": Behaviour()}).outcome is Outcome.NOT_APPLICABLE
    assert check({"default": Behaviour(left_out={"rt_odd": "odd"})}).outcome is Outcome.SKIPPED
    assert check(Missing("no library to load could be built")).outcome is Outcome.SKIPPED
    assert check(Missing("a program", applicable=False)).outcome is Outcome.NOT_APPLICABLE


def test_calls_are_written_as_a_person_would():
    calls = (
        Call("rt_new", (Memory(b"ab\0\0"), 2, None, True)),
        Call("rt_use", (Earlier(0), Echo(), Fields((1, 0.5)), Memory(bytes(4)))),
    )
    shown = reproduction(Difference("rt_use", calls, "", ""))
    assert shown == "r0 = rt_new(b'ab', 2, null, true); rt_use(r0, echo, {1, 0.5}, [0; 4])"
