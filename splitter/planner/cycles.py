"""Items that use one another in a circle, found so that they can be placed as one.

Invariant: each key is in exactly one group; a group comes after every group that uses it.
"""

from collections.abc import Mapping


def group_cycles(uses: Mapping[str, list[str]]) -> list[tuple[str, ...]]:
    """Strongly connected groups of keys, users first; `uses` says for each key which others it uses.

    Source: networkx, `strongly_connected_components`: Tarjan's algorithm, which ends with what uses all else.
    """
    from networkx import DiGraph, strongly_connected_components

    graph: DiGraph[str] = DiGraph()
    graph.add_nodes_from(uses)
    graph.add_edges_from((key, other) for key, used in uses.items() for other in used)
    return [tuple(sorted(group)) for group in strongly_connected_components(graph)][::-1]
