"""The picture of the graph as a page to open in a browser.

Invariant: pure; one file that loads nothing and runs no script.
"""

from html import escape

from splitter.model.graph import SymbolGraph
from splitter.model.plan import Plan
from splitter.report.graph_svg import svg_text
from splitter.report.words import counted, plain

_CSS = """\
body { font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
main { overflow: auto }"""


def html_text(graph: SymbolGraph, plan: Plan) -> str:
    """A page with the picture, which tells names and references where the pointer rests."""
    modules = sum(len(phase.modules) for phase in plan.phases)
    size = f"{counted(graph.source.line_count, 'line')}, {counted(len(graph.references), 'reference')}"
    told = f"{size}, {counted(modules, 'module')} in {counted(len(plan.phases), 'phase')}."
    name = escape(plain(graph.source.path))
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{name}</title>
<style>
{_CSS}
</style>
</head>
<body>
<h1>{name}</h1>
<p>{told} A square is an item, pale where nothing is exported; a curve is what one module names of another.
Rest the pointer on anything to see what it is.</p>
<main>
{svg_text(graph, plan)}</main>
</body>
</html>
"""
