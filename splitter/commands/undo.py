"""`splitter undo`: takes finished phases back."""

from pathlib import Path

import click

from splitter.commands import wiring
from splitter.commands.options import complete_phases, format_option, plan_argument
from splitter.commands.output import exit_code, show, show_json
from splitter.commands.progress import open_progress
from splitter.errors import UsageError


@click.command("undo", short_help="Take the last phase back, or an earlier one with those after it.")
@plan_argument
@click.option("--phase", type=click.IntRange(min=1), metavar="N", shell_complete=complete_phases, help="This phase.")
@click.option("--and-later", is_flag=True, help="With --phase: also those after it.")
@format_option("table", "json")
def undo_command(plan: Path, phase: int | None, and_later: bool, form: str) -> int:
    """Take back the last phase of PLAN; an earlier one only with those after it.

    Refuses where that would lose later edits. No cargo is needed.
    """
    if and_later and phase is None:
        message = "--and-later says nothing without --phase"
        raise UsageError(message, "Name the first phase to take back: --phase N --and-later.")
    with wiring.open_plan(plan, writes="undo") as file, open_progress() as steps:
        result = wiring.undo_plan(file, steps, phase=phase, and_later=and_later)
    if form == "json":
        from splitter.report.json_shapes import undo_shape

        show_json(undo_shape(result.phases))
    else:
        from splitter.report.run_table import undo_table

        show(undo_table(result.phases))
    return exit_code(result.verdict)
