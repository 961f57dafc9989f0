"""The graph as node-link JSON.

Source: networkx, `node_link_data`, whose counterpart `node_link_graph` reads it.
Invariant: pure; every item is a node, the frame of the file included.
"""

from typing import Any

from splitter.model.graph import SymbolGraph
from splitter.model.plan import Plan


def graph_shape(graph: SymbolGraph, plan: Plan) -> dict[str, Any]:
    """Nodes with kind, place and module, edges with tie and count."""
    placed = plan.placed
    phases = {key: phase.number for phase in plan.phases for key in phase.keys}
    nodes = [
        {
            "id": item.key,
            "kind": item.kind.value,
            "name": item.name,
            "line": item.line,
            "lines": item.end_line - item.line + 1,
            "symbol": item.symbol,
            "module": placed.get(item.key),
            "phase": phases.get(item.key),
        }
        for item in graph.source.items
    ]
    edges = [
        {"source": r.src, "target": r.dst, "key": r.tie.value, "tie": r.tie.value, "count": r.count}
        for r in graph.references
    ]
    about = {"source": graph.source.path, "sha256": graph.source.digest}
    return {"directed": True, "multigraph": True, "graph": about, "nodes": nodes, "edges": edges}
