"""Joins runs that belong together though they stand apart.

Invariant: knows no names; a cluster is a sorted tuple of unit numbers, clusters together hold each unit once.
Source: Sokal and Michener, "A statistical method for evaluating systematic relationships" (1958): average linkage.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splitter.planner.similarity import Matrix

Cluster = tuple[int, ...]


def join_runs(similarity: "Matrix", runs: Iterable[Iterable[int]], count: int) -> list[Cluster]:
    """The runs joined, two at a time and the most alike on average first, until `count` are left."""
    import numpy as np

    clusters: dict[int, list[int]] = {number: list(run) for number, run in enumerate(runs)}
    belongs = np.zeros((len(similarity), len(clusters)), dtype=np.float64)
    for number, run in clusters.items():
        belongs[run, number] = 1.0
    between = belongs.T @ similarity @ belongs
    size = belongs.sum(axis=0)
    average = between / np.outer(size, size)
    np.fill_diagonal(average, -np.inf)
    while len(clusters) > max(1, count):
        left, right = sorted(int(at) for at in np.unravel_index(average.argmax(), average.shape))
        clusters[left] += clusters.pop(right)
        between[left] += between[right]
        between[:, left] += between[:, right]
        size[left] += size[right]
        average[left] = between[left] / (size[left] * size)
        average[:, left] = average[left]
        average[right] = average[:, right] = -np.inf
        average[left, [number for number in range(len(size)) if number not in clusters]] = -np.inf
        average[:, left] = average[left]
        average[left, left] = -np.inf
    return sorted(tuple(sorted(cluster)) for cluster in clusters.values())
