"""Cuts the file order into runs whose units are alike.

Invariant: knows no names; a run is a half-open range of unit numbers, runs together cover all units in order.
Source: Bellman, "On the approximation of curves by line segments using dynamic programming" (CACM 4, 1961);
the value of a run is kernel k-means' (Dhillon, Guan and Kulis, KDD 2004).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from splitter.planner.similarity import Matrix


def cut_runs(similarity: "Matrix", counts: Iterable[int], power: float = 0.95) -> dict[int, list[range]]:
    """For each count, the runs that together have the greatest similarity inside, by size to the power of `power`."""
    import numpy as np

    size = len(similarity)
    wanted = sorted({max(1, min(count, size)) for count in counts})
    prefix = np.zeros((size + 1, size + 1), dtype=np.float64)
    prefix[1:, 1:] = similarity.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    diagonal = np.diag(prefix)
    starts = np.arange(size + 1)
    length = np.maximum(starts[None, :] - starts[:, None], 1)
    value = (diagonal[None, :] - prefix - prefix.T + diagonal[:, None]) / length**power
    value[starts[:, None] >= starts[None, :]] = -np.inf
    best = value[0].copy()
    back: list[NDArray[np.intp]] = []
    for _ in range(wanted[-1] - 1):
        reached = best[:, None] + value
        back.append(reached.argmax(axis=0))
        best = np.take_along_axis(reached, back[-1][None, :], axis=0)[0]
    return {count: _trace(back[: count - 1], size) for count in wanted}


def _trace(back: "list[NDArray[np.intp]]", size: int) -> list[range]:
    stop, runs = size, []
    for step in reversed(back):
        start = int(step[stop])
        runs.append(range(start, stop))
        stop = start
    runs.append(range(stop))
    return runs[::-1]
