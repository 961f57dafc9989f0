"""Figures on divisions, against values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitter.planner.metrics import adjusted_rand, cohesion, mojofm, ties_between

divisions = st.dictionaries(st.integers(0, 30).map(str), st.integers(0, 4), min_size=1)


def division(*groups):
    return {key: number for number, group in enumerate(groups) for key in group}


@given(divisions)
def test_a_division_is_wholly_like_itself(one):
    renamed = {key: f"m{value}" for key, value in one.items()}
    assert mojofm(renamed, one) == pytest.approx(100)
    assert adjusted_rand(renamed, one) == pytest.approx(100)


@given(divisions, st.lists(st.integers(0, 4), min_size=31, max_size=31))
def test_mojofm_lies_between_0_and_100(theirs, labels):
    ours = {key: labels[int(key)] for key in theirs}
    assert 0 <= mojofm(ours, theirs) <= 100


def test_one_item_astray_costs_one_move():
    theirs = division("abc", "def")
    # The farthest division needs 6 - 2 = 4 operations, this one a single move.
    assert mojofm(division("ab", "cdef"), theirs) == pytest.approx(100 * (1 - 1 / 4))


def test_one_module_too_many_costs_one_join():
    assert mojofm(division("abc", "de", "f"), division("abc", "def")) == pytest.approx(100 * (1 - 1 / 4))


def test_keys_that_only_one_side_has_do_not_count():
    assert mojofm(division("abz", "c"), division("abx", "c")) == 100


def test_adjusted_rand_of_a_known_table():
    # Two groups of three, one item swapped each way: 2 of 15 pairs together in both, 2.4 expected, 6 at most.
    ours, theirs = division("abd", "cef"), division("abc", "def")
    assert adjusted_rand(ours, theirs) == pytest.approx(100 * (2 - 2.4) / (6 - 2.4))


def test_cohesion_is_the_share_of_ties_that_stay_inside():
    one = division("ab", "cd", "e")
    ties = [("a", "b"), ("a", "c"), ("c", "d")]
    assert cohesion(one, ties) == {0: 0.5, 1: 0.5, 2: 1.0}
    assert ties_between(one, ties) == {(0, 1): 1}
