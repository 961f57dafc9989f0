"""Rules that users write."""

import pytest

from splitter.errors import PlanError
from splitter.planner.rules import parse_rules

TEXT = """
keep = ["rt_sha1_free"]

[modules]
"digests/one" = ["fn:rt_sha1_*", "/fn:rt_sha256_(new|free)/"]
"""


def test_a_rule_decides_and_the_first_that_matches_wins(plan, runtime):
    placed = plan(runtime, rules=parse_rules(TEXT, "rules.toml")).placed
    assert placed["fn:rt_sha1_new"] == placed["fn:rt_sha256_new"] == "digests/one"
    assert placed["fn:rt_sha256_write"] != "digests/one"
    assert "fn:rt_sha1_free" not in placed


def test_a_rule_moves_types_with_their_impls(plan, runtime):
    rules = parse_rules('[modules]\nstates = ["*State"]\n', "rules.toml")
    placed = plan(runtime, rules=rules).placed
    assert placed["impl:Drop for MapState"] == placed["struct:Sha1State"] == "states"


def test_a_module_whose_name_is_taken_is_refused_with_one_that_is_free(plan, runtime):
    rules = parse_rules('[modules]\nmutex = ["rt_sha1_*"]\n', "r.toml")
    taken = runtime.replace("use std::sync::Mutex;", "use std::sync as mutex;\nuse std::sync::Mutex;")
    assert plan(runtime, rules=rules).placed["fn:rt_sha1_new"] == "mutex"
    with pytest.raises(PlanError) as caught:
        plan(taken, rules=rules)
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert "`mutex`" in problem.message
    assert "mutex_" in problem.suggestion


def test_rules_that_match_nothing_are_named_all_at_once(plan, runtime):
    rules = parse_rules('keep = ["rt_sha1_fre"]\n[modules]\nx = ["fn:nothing_*", "fn:rt_map_new"]\n', "r.toml")
    with pytest.raises(PlanError) as caught:
        plan(runtime, rules=rules)
    first, second = caught.value.problems
    assert (first.line, second.line) == (1, 3)
    assert "rt_sha1_free" in first.suggestion


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("keep = [", 1, "Invalid"),
        ('modul = "x"\n', 1, "modules"),
        ('[modules]\n"a b" = ["x"]\n', 2, "module path"),
        ("[modules]\na = 1\n", 2, "list"),
        ('\nkeep = ["/(/"]\n', 2, "regular expression"),
    ],
)
def test_wrong_rules_are_refused_with_their_line(text, line, word):
    with pytest.raises(PlanError) as caught:
        parse_rules(text, "r.toml")
    problem = caught.value.problems[0]
    assert problem.line == line
    assert word in str(problem)
