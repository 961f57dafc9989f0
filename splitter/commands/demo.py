"""`splitter demo`: plans, splits and verifies a copy of the reference runtime."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from splitter.commands import wiring
from splitter.commands.options import build_options, format_option, level_option
from splitter.commands.output import exit_code, show, show_json
from splitter.commands.progress import open_progress
from splitter.model.check import Level, Verdict

if TYPE_CHECKING:
    from splitter.system.workbench import BuildOptions
    from splitter.workflow.demo import Demo

#: All receipts of a tree, as the shell finds them.
RECEIPTS = ".splitter/receipts/*/*.json"
_PATH = click.Path(path_type=Path)


@click.command("demo", short_help="Plan, split and verify a copy of the reference runtime.")
@click.argument("folder", metavar="[DIR]", required=False, type=_PATH)
@click.option("--plan", type=_PATH, metavar="FILE", help="Take this plan instead of a fresh one.")
@click.option("--all-features", is_flag=True, help="Build with every feature of the runtime on.")
@level_option
@build_options
@format_option("table", "json")
def demo_command(
    folder: Path | None, plan: Path | None, all_features: bool, level: Level, build: "BuildOptions", form: str
) -> int:
    """Split a copy of the reference runtime in DIR, or in a new folder, and show what was proved.

    It is planned afresh, or by a reviewed plan; then every phase is applied, as a git
    commit of its own where git is at hand.
    """
    with open_progress() as steps:
        work, demo = wiring.run_demo(folder, plan, build, steps, level=level, all_features=all_features)
    _show(demo, form)
    click.echo(f"the split runtime is in {work}", err=True)
    if demo.result.verdict is Verdict.PASSED:
        receipts = f"{shlex.quote(str(work))}/{RECEIPTS}"
        click.echo(f"its receipts can be checked again: splitter certify {receipts}", err=True)
    return exit_code(demo.result.verdict)


def _show(demo: "Demo", form: str) -> None:
    if form == "json":
        from splitter.report.json_shapes import run_shape

        show_json(run_shape(demo.result))
        return
    from splitter.report.demo_table import demo_table

    show(demo_table(demo.preview, demo.result, demo.status))
