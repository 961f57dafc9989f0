"""`splitter graph`: draws how the items of a file hang together."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from splitter.commands import wiring
from splitter.commands.options import source_argument
from splitter.errors import UsageError

if TYPE_CHECKING:
    from splitter.model.graph import SymbolGraph
    from splitter.model.plan import Plan


@click.command("graph", short_help="Draw how the items of a file hang together.")
@source_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file that ends in .svg, .html, .dot or .json.",
)
def graph_command(source: Path, output: Path) -> None:
    """Draw the items of SOURCE, gathered into the modules that a plan would make of them.

    No cargo is needed.
    """
    writers = _writers()
    writer = writers.get(output.suffix)
    if writer is None:
        message = f"{output}: the ending says what to draw"
        raise UsageError(message, f"Choose one of {', '.join(writers)}.")
    wiring.save(output, writer(*wiring.make_graph(source)))
    click.echo(f"wrote {output}", err=True)


def _writers() -> "dict[str, Callable[[SymbolGraph, Plan], str]]":
    from splitter.report.graph_dot import dot_text
    from splitter.report.graph_html import html_text
    from splitter.report.graph_json import graph_shape
    from splitter.report.graph_svg import svg_text
    from splitter.report.json_shapes import dump

    def json_text(graph: "SymbolGraph", plan: "Plan") -> str:
        return dump(graph_shape(graph, plan)) + "\n"

    return {".svg": svg_text, ".html": html_text, ".dot": dot_text, ".json": json_text}
