"""Circles of uses, against a definition that a reader can check."""

from hypothesis import given
from hypothesis import strategies as st

from splitter.planner.cycles import group_cycles

graphs = st.integers(1, 8).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size).map(
        lambda rows: {str(at): [str(one) for one in row] for at, row in enumerate(rows)}
    )
)


def reached(uses, start):
    found, open_keys = {start}, [start]
    while open_keys:
        fresh = set(uses[open_keys.pop()]) - found
        found |= fresh
        open_keys += fresh
    return found


def test_a_circle_is_one_group_and_comes_after_its_user():
    assert group_cycles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": [], "e": ["a"]}) == [
        ("e",),
        ("a", "b", "c"),
        ("d",),
    ]


@given(graphs)
def test_a_group_is_what_reaches_each_other_and_users_come_first(uses):
    groups = group_cycles(uses)
    assert sorted(key for group in groups for key in group) == sorted(uses)
    number = {key: at for at, group in enumerate(groups) for key in group}
    for key in uses:
        for other in reached(uses, key):
            assert number[key] <= number[other]
            assert (number[key] == number[other]) == (key in reached(uses, other))


def test_a_long_chain_needs_no_deep_stack():
    chain = {str(at): [str(at + 1)] for at in range(5000)} | {"5000": []}
    assert group_cycles(chain) == [(str(at),) for at in range(5001)]
