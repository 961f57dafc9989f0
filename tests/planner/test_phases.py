"""Phases are small enough to review, lose no module, and each has a name that tells it from the others."""

from hypothesis import given
from hypothesis import strategies as st

from splitter.planner.lexicon import load_lexicon
from splitter.planner.phases import Block, order_phases

ROWS = st.lists(st.tuples(st.sampled_from(["files", "sync", "pytorch"]), st.integers(1, 1500)), min_size=1, max_size=30)


def blocks(*rows):
    return [Block(path, path.split("/")[0], lines, at, "", frozenset()) for at, (path, lines) in enumerate(rows)]


def names(*rows):
    return [step.name for step in order_phases(blocks(*rows), load_lexicon())]


def test_phases_of_one_group_are_told_apart_by_their_modules():
    assert names(("torch/tensor", 800), ("torch/layers/linear", 500), ("torch/layers/norm", 300)) == [
        "torch (tensor)",
        "torch (layers)",
    ]
    assert names(("torch/a", 1000), *[(f"torch/{name}", 150) for name in "bcdef"])[1] == "torch (b, c, d and 2 more)"


def test_a_group_in_one_phase_needs_no_more_than_its_name():
    assert names(("torch/tensor", 500), ("torch/layers", 300)) == ["torch"]


def test_a_last_piece_of_next_to_nothing_joins_the_one_before():
    assert names(*[(f"torch/{name}", 150) for name in "abcdef"], ("torch/g", 80)) == ["torch"]
    assert len(names(*[(f"torch/{name}", 150) for name in "abcdef"], ("torch/g", 300))) == 2


@given(ROWS)
def test_every_module_is_in_exactly_one_phase(rows):
    made = blocks(*[(f"{group}/{at}", lines) for at, (group, lines) in enumerate(rows)])
    steps = order_phases(made, load_lexicon())
    assert sorted(path for step in steps for path in step.paths) == sorted(block.path for block in made)
    assert len({step.name for step in steps}) == len(steps)
