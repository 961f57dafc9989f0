"""`splitter verify`: proves finished phases by their receipts, and the tree as it stands."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from splitter.commands import wiring
from splitter.commands.options import build_options, format_option, level_option
from splitter.commands.output import exit_code, show, show_json, show_text
from splitter.commands.progress import open_progress
from splitter.commands.revisions import verify_revisions
from splitter.errors import UsageError
from splitter.model.check import Level

if TYPE_CHECKING:
    from splitter.model.outcome import RunResult
    from splitter.system.workbench import BuildOptions


@click.command("verify", short_help="Prove that nothing changed but the place.")
@click.argument("plan", metavar="PLAN|SOURCE", type=click.Path(path_type=Path))
@click.option("--before", metavar="REV", help="Git revision before a split of SOURCE, however it was made.")
@click.option("--after", metavar="REV", help="Git revision after it.")
@level_option
@build_options
@format_option("table", "json", "sarif", "markdown")
def verify_command(
    plan: Path, before: str | None, after: str | None, level: Level, build: "BuildOptions", form: str
) -> int:
    """Verify each finished phase of PLAN by its receipt, and the tree as it stands.

    With --before and --after: verify any split of SOURCE, also one made by hand, between two git revisions.
    """
    if before is not None and after is not None:
        _require_source(plan)
        with open_progress() as steps:
            result = verify_revisions(before, after, plan, build, steps, level=level)
        _show(result, form)
        return exit_code(result.verdict)
    _require_plan(plan, before, after)
    with wiring.open_plan(plan) as file, open_progress() as steps:
        result = wiring.verify_plan(file, build, steps, level=level)
    _show(result, form)
    return exit_code(result.verdict)


def _require_source(path: Path) -> None:
    if path.suffix == ".toml":
        message = f"{path} is a plan; two revisions are compared by the source file that was split"
        raise UsageError(message, "Name the Rust file, as it was called before; or leave out --before and --after.")


def _require_plan(path: Path, before: str | None, after: str | None) -> None:
    if before is not None or after is not None:
        lacking = "--after" if after is None else "--before"
        raise UsageError(f"{lacking} is missing: a split is verified between two revisions", f"Add `{lacking} REV`.")
    if path.suffix == ".rs":
        message = f"{path} is a source file; without --before and --after this command takes a plan"
        raise UsageError(message, f"`splitter verify --before REV --after REV {path}` verifies a split made by hand.")


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
