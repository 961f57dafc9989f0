"""Items that use one another in a circle, found so that they can be placed as one.

Invariant: each key is in exactly one group; a group comes after every group that uses it.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter


def group_cycles(uses: Mapping[str, list[str]]) -> list[tuple[str, ...]]:
    """Strongly connected groups of keys, users first; `uses` says for each key which others it uses.

    Source: `graphlib`, which orders what has no circle; networkx, `strongly_connected_components`: Tarjan's algorithm,
    which ends with what uses all else. Most files have no circle, and do not wait for networkx to load.
    """
    used = {key: [other for other in others if other != key] for key, others in uses.items()}
    groups: list[tuple[str, ...]]
    try:
        groups = [(key,) for key in TopologicalSorter(used).static_order()]
    except CycleError:
        from networkx import DiGraph, strongly_connected_components

        graph: DiGraph[str] = DiGraph()
        graph.add_nodes_from(used)
        graph.add_edges_from((key, other) for key, others in used.items() for other in others)
        groups = [tuple(sorted(group)) for group in strongly_connected_components(graph)]
    return groups[::-1]
