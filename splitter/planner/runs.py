"""Cuts the file order into runs whose units are alike.

Invariant: knows no names; a run is a half-open range of unit numbers, runs together cover all units in order.
Source: Bellman, "On the approximation of curves by line segments using dynamic programming" (CACM 4, 1961);
the value of a run is kernel k-means' (Dhillon, Guan and Kulis, KDD 2004).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from splitter.planner.similarity import Matrix


#: Ends that are searched together; the starts behind them need not be looked at.
_STRIPE = 32


def cut_runs(similarity: "Matrix", count: int) -> list[range]:
    """The `count` runs that together have the greatest similarity inside, each by its size."""
    import numpy as np

    size = len(similarity)
    count = max(1, min(count, size))
    value = _values(similarity)
    stripes = [value[first : first + _STRIPE, : first + _STRIPE] for first in range(0, size + 1, _STRIPE)]
    best = value[:, 0]
    back: list[NDArray[np.intp]] = []
    for _ in range(count - 1):
        starts, values = [], []
        for stripe in stripes:
            reached = stripe + best[: stripe.shape[1]]
            starts.append(reached.argmax(axis=1))
            values.append(reached[np.arange(len(stripe)), starts[-1]])
        back.append(np.concatenate(starts))
        best = np.concatenate(values)
    stop, runs = size, []
    for step in reversed(back):
        start = int(step[stop])
        runs.append(range(start, stop))
        stop = start
    runs.append(range(stop))
    return runs[::-1]


def _values(similarity: "Matrix") -> "NDArray[np.float64]":
    """Value of the run that ends before a row's unit and starts at a column's; no run is empty."""
    import numpy as np

    size = len(similarity)
    prefix = np.zeros((size + 1, size + 1), dtype=np.float64)
    prefix[1:, 1:] = similarity
    prefix.cumsum(axis=0, out=prefix)
    prefix.cumsum(axis=1, out=prefix)
    diagonal = np.diag(prefix).copy()
    value = np.full_like(prefix, -np.inf)
    for end in range(1, size + 1):
        inside = diagonal[end] - prefix[end, :end] - prefix[:end, end] + diagonal[:end]
        value[end, :end] = inside / np.arange(end, 0, -1)
    return value
