"""`splitter status`: how far a split has come."""

from pathlib import Path

import click

from splitter.commands import wiring
from splitter.commands.options import format_option, plan_argument
from splitter.commands.output import show, show_json, show_text


@click.command("status", short_help="Show how far a split has come.")
@plan_argument
@format_option("table", "json", "markdown")
def status_command(plan: Path, form: str) -> None:
    """Show the phases of PLAN that are done and to come, with figures before and now.

    No cargo is needed.
    """
    with wiring.open_plan(plan) as file:
        status = wiring.status_of(file)
    if form == "json":
        from splitter.report.json_shapes import status_shape

        show_json(status_shape(status))
    elif form == "markdown":
        from splitter.report.status_markdown import status_text

        show_text(status_text(status))
    else:
        from splitter.report.status_table import status_table

        show(status_table(status))
