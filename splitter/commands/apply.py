"""`splitter apply`: carves out phases of a plan, each proved before the tree changes.

Invariant: with `--dry-run`, stdout is the diff and nothing else, so that it can be piped.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from splitter.commands import wiring
from splitter.commands.options import (
    build_options,
    complete_checks,
    complete_phases,
    format_option,
    level_option,
    plan_argument,
    require_check,
)
from splitter.commands.output import exit_code, show, show_json, show_text
from splitter.commands.progress import open_progress
from splitter.errors import UsageError
from splitter.model.check import Level

if TYPE_CHECKING:
    from splitter.model.outcome import RunResult
    from splitter.system.workbench import BuildOptions


@click.command("apply", short_help="Carve out phases of a plan, each proved before the tree changes.")
@plan_argument
@click.option(
    "--phase", type=click.IntRange(min=1), metavar="N", shell_complete=complete_phases, help="This phase alone."
)
@click.option("--next", "following", is_flag=True, help="The next phase; so it is where nothing is said.")
@click.option("--all", "every", is_flag=True, help="Every phase that is not applied yet.")
@click.option("--dry-run", is_flag=True, help="Print the unified diff, and change nothing.")
@level_option
@click.option(
    "--accept-missing",
    multiple=True,
    metavar="CHECK",
    shell_complete=complete_checks,
    help="Go on though this check cannot be made here.",
)
@click.option("--commit", is_flag=True, help="Make one git commit a phase.")
@build_options
@format_option("table", "json")
def apply_command(  # noqa: PLR0913, PLR0917 - one parameter an option
    plan: Path,
    phase: int | None,
    following: bool,
    every: bool,
    dry_run: bool,
    level: Level,
    accept_missing: tuple[str, ...],
    commit: bool,
    build: "BuildOptions",
    form: str,
) -> int:
    """Carve out the next phase of PLAN, one by its number, or all of them.

    Each phase is built and checked in a private copy; your tree changes only when every check has passed.
    """
    if (phase is not None) + following + every > 1:
        message = "--phase, --next and --all exclude one another"
        raise UsageError(message, "Say which phases once.")
    if dry_run and commit:
        message = "--dry-run changes nothing, so there is nothing to commit"
        raise UsageError(message, "Leave out one of the two.")
    for name in accept_missing:
        require_check(name)
    with wiring.open_plan(plan, writes="" if dry_run else "apply") as file, open_progress() as steps:
        result = wiring.apply_plan(
            file,
            build,
            steps,
            phases="all" if every else phase or "next",
            level=level,
            dry_run=dry_run,
            accept=frozenset(accept_missing),
            commit=commit,
        )
    _show(result, form)
    return exit_code(result.verdict)


def _show(result: "RunResult", form: str) -> None:
    if form == "json":
        from splitter.report.json_shapes import run_shape

        show_json(run_shape(result))
        return
    from splitter.report.run_table import run_table

    diff = "".join(phase.diff for phase in result.phases)
    if diff and sys.stdout.isatty():
        from splitter.report.diff_text import diff_text

        show(diff_text(diff))
    elif diff:
        show_text(diff)
    show(run_table(result), sys.stderr if diff else None)
