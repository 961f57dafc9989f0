"""Cuts the file order into runs whose units are alike.

Invariant: knows no names; a run is a half-open range of unit numbers, runs together cover all units in order.
Source: Bellman, "On the approximation of curves by line segments using dynamic programming" (CACM 4, 1961);
the value of a run is kernel k-means' (Dhillon, Guan and Kulis, KDD 2004).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from splitter.planner.similarity import Matrix


def cut_runs(similarity: "Matrix", count: int) -> list[range]:
    """The `count` runs that together have the greatest similarity inside, each by its size."""
    import numpy as np

    size = len(similarity)
    count = max(1, min(count, size))
    prefix = np.zeros((size + 1, size + 1), dtype=np.float64)
    prefix[1:, 1:] = similarity.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    diagonal = np.diag(prefix)
    edges = np.arange(size + 1)
    length = np.maximum(edges[None, :] - edges[:, None], 1)
    value = (diagonal[None, :] - prefix - prefix.T + diagonal[:, None]) / length
    value[edges[:, None] >= edges[None, :]] = -np.inf
    ending = np.ascontiguousarray(value.T)  # a row for each end, since a row is searched faster than a column
    best, reached = ending[:, 0].copy(), np.empty_like(ending)
    back: list[NDArray[np.intp]] = []
    for _ in range(count - 1):
        np.add(ending, best, out=reached)
        back.append(reached.argmax(axis=1))
        best = reached[edges, back[-1]]
    stop, runs = size, []
    for step in reversed(back):
        start = int(step[stop])
        runs.append(range(start, stop))
        stop = start
    runs.append(range(stop))
    return runs[::-1]
