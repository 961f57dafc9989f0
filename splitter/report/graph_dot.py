"""The graph in the language of Graphviz.

Source: Graphviz, "DOT Language".
Invariant: pure; each item is a node, each module a cluster inside its phase's.
"""

from splitter.model.graph import SymbolGraph, Tie
from splitter.model.plan import Plan
from splitter.report.graph_boxes import columns_of
from splitter.report.words import shown

_STYLE = {Tie.USES: "", Tie.IMPLEMENTS: " [style=dashed]", Tie.TWIN: " [style=dotted, dir=none]"}


def dot_text(graph: SymbolGraph, plan: Plan) -> str:
    """A digraph with nested clusters."""
    lines = ["digraph splitter {", "  rankdir=LR;", "  compound=true;", "  node [shape=box, fontsize=10];"]
    drawn: set[str] = set()
    for column in columns_of(graph, plan):
        name = f"{column.number} {column.name}" if column.number else column.name
        lines += [f"  subgraph cluster_{column.number} {{", f"    label={_quote(name)};"]
        for at, box in enumerate(column.boxes):
            lines += [f"    subgraph cluster_{column.number}_{at} {{", f"      label={_quote(box.path)};"]
            for item in box.items:
                drawn.add(item.key)
                tooltip = f"{item.key}, line {item.line}"
                bold = ", style=bold" if item.symbol else ""
                attributes = f"label={_quote(shown(item.key))}, tooltip={_quote(tooltip)}{bold}"
                lines.append(f"      {_quote(item.key)} [{attributes}];")
            lines.append("    }")
        lines.append("  }")
    for reference in graph.references:
        if reference.src in drawn and reference.dst in drawn:
            lines.append(f"  {_quote(reference.src)} -> {_quote(reference.dst)}{_STYLE[reference.tie]};")
    return "\n".join([*lines, "}"]) + "\n"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
