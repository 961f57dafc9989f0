"""`splitter verify`: proves finished phases by their receipts, and the tree as it stands."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from splitter.commands import wiring
from splitter.commands.options import build_options, format_option, level_option, plan_argument
from splitter.commands.output import exit_code, show, show_json, show_text
from splitter.commands.progress import open_progress
from splitter.model.check import Level

if TYPE_CHECKING:
    from splitter.model.outcome import RunResult
    from splitter.system.workbench import BuildOptions


@click.command("verify", short_help="Prove that nothing changed but the place.")
@plan_argument
@level_option
@build_options
@format_option("table", "json", "sarif", "markdown")
def verify_command(plan: Path, level: Level, build: "BuildOptions", form: str) -> int:
    """Verify each finished phase of PLAN by its receipt, and the tree as it stands."""
    with wiring.open_plan(plan) as file, open_progress() as steps:
        result = wiring.verify_plan(file, build, steps, level=level)
    _show(result, form)
    return exit_code(result.verdict)


def _show(result: "RunResult", form: str) -> None:
    if form == "json":
        from splitter.report.json_shapes import verify_shape

        show_json(verify_shape(result))
    elif form == "sarif":
        from splitter.report.sarif import sarif_shape

        summaries = {check.name: check.summary for check in wiring.known_checks()}
        show_json(sarif_shape(result, summaries, wiring.tool_version()))
    elif form == "markdown":
        from splitter.report.markdown import run_text

        show_text(run_text(result))
    else:
        from splitter.report.run_table import run_table

        show(run_table(result))
