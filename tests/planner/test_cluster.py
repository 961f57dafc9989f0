"""Cutting, joining and labelling, on matrices small enough to see."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from splitter.planner.join import join_runs
from splitter.planner.runs import cut_runs

similarities = st.integers(1, 12).flatmap(
    lambda size: arrays(np.float32, (size, size), elements=st.floats(0, 4, width=16)).map(
        lambda half: (half + half.T) * (1 - np.eye(size, dtype=np.float32))
    )
)


def blocks(*labels):
    row = np.array(labels)
    return (row[:, None] == row[None, :]).astype(np.float32) - np.eye(len(row), dtype=np.float32)


def test_runs_end_where_likeness_ends():
    assert cut_runs(blocks(0, 0, 0, 1, 1, 2, 2, 2), 3) == [range(3), range(3, 5), range(5, 8)]


@given(similarities, st.integers(1, 15))
def test_runs_cover_everything_once_and_in_order(similarity, count):
    runs = cut_runs(similarity, count)
    assert [at for run in runs for at in run] == list(range(len(similarity)))
    assert len(runs) == min(count, len(similarity))


@given(similarities)
def test_runs_are_the_best_cut(similarity):
    def value(cut):
        pieces = [range(cut), range(cut, len(similarity))]
        return sum(similarity[np.ix_(piece, piece)].sum(dtype=np.float64) / len(piece) for piece in pieces)

    if len(similarity) > 1:
        best = max(value(cut) for cut in range(1, len(similarity)))
        assert abs(value(cut_runs(similarity, 2)[0].stop) - best) < 1e-6 * (1 + best)


def test_distant_runs_that_are_alike_are_joined():
    alike = blocks(0, 0, 1, 1, 0, 0)
    assert join_runs(alike, cut_runs(alike, 3), 2) == [(0, 1, 4, 5), (2, 3)]


@given(similarities, st.integers(1, 15), st.integers(1, 15))
def test_joining_keeps_every_unit_once(similarity, runs, count):
    cut = cut_runs(similarity, runs)
    joined = join_runs(similarity, cut, count)
    assert sorted(at for cluster in joined for at in cluster) == list(range(len(similarity)))
    assert len(joined) == min(count, len(cut))
