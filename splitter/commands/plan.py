"""`splitter plan`: makes a plan, or checks, refreshes, edits and explains one.

Invariant: a plan in which people placed items is never overwritten by a fresh one.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from splitter.commands import wiring
from splitter.commands.options import Command, format_option
from splitter.commands.output import show, show_json, show_text
from splitter.errors import PlanError, UsageError
from splitter.model.plan import Layout, Plan

if TYPE_CHECKING:
    from splitter.model.outcome import Preview

_PATH = click.Path(path_type=Path)


def _moves(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """`KEY=MODULE`; a key may hold `=` (`impl:Iterator<Item = u8> for X`), a module path never."""
    pairs = []
    for value in values:
        key, equals, module = value.rpartition("=")
        if not (key and equals and module):
            message = f"{value!r} is not KEY=MODULE, such as fn:rt_sha1=hash/sha1"
            raise click.BadParameter(message)
        pairs.append((key.strip(), module.strip()))
    return tuple(pairs)


def _planning_options(command: Command) -> Command:
    for option in (
        click.option("--rules", type=_PATH, metavar="FILE", help="Patterns that people decided beforehand (TOML)."),
        click.option("--layout", type=click.Choice([layout.value for layout in Layout]), help="Where the rest stays."),
        click.option(
            "--target-lines", type=click.IntRange(min=1), metavar="N", help="How long a module should be, about."
        ),
        click.option("-o", "--output", type=_PATH, metavar="PLAN", help="Write the plan to this file."),
    ):
        command = option(command)
    return command


@click.command("plan", short_help="Find the modules of a source file, or work on a plan.")
@click.argument("file", metavar="SOURCE|PLAN", type=_PATH)
@_planning_options
@click.option("--check", is_flag=True, help="Name every problem of PLAN.")
@click.option("--refresh", is_flag=True, help="The source has moved on: keep what people decided, place what is new.")
@click.option("--move", "moves", multiple=True, callback=_moves, metavar="KEY=MODULE", help="Move an item in PLAN.")
@click.option("--explain", metavar="KEY", help="Say why an item stands where it does.")
@format_option("table", "json", "markdown")
def plan_command(  # noqa: PLR0913, PLR0917 - one parameter an option
    file: Path,
    output: Path | None,
    target_lines: int | None,
    layout: str | None,
    rules: Path | None,
    check: bool,
    refresh: bool,
    moves: tuple[tuple[str, str], ...],
    explain: str | None,
    form: str,
) -> None:
    """Find the domain modules of SOURCE and show them for review; with -o, write the plan.

    With --check, --refresh or --move, work on PLAN instead; --explain works on both. No cargo is needed.
    """
    work = [name for name, on in _work(check, refresh, moves, explain).items() if on]
    if len(work) > 1:
        message = f"{' and '.join(work)} cannot be asked for at once"
        raise UsageError(message, "Run them one after the other.")
    if not work:
        _plan(file, output, target_lines, layout, rules, form)
        return
    if output is not None and work[0] in ("--check", "--explain"):
        message = f"{work[0]} writes no plan, so -o has no place beside it"
        raise UsageError(message)
    if explain is not None and file.suffix == ".rs":
        preview = _preview(file, None, target_lines, layout, rules)
        _explain(wiring.plan_afresh(file, preview), explain, form)
        return
    _require_plan(file, work[0])
    if target_lines is not None or layout or rules:
        message = f"--target-lines, --layout and --rules have no place beside {work[0]} of a plan"
        raise UsageError(message, "They are for a fresh plan: `splitter plan SOURCE`.")
    if check:
        _check(file, form)
    elif explain is not None:
        with wiring.open_plan(file) as plan:
            _explain(plan, explain, form)
    else:
        _edit(file, output or file, moves, form)


def _work(check: bool, refresh: bool, moves: tuple[tuple[str, str], ...], explain: str | None) -> dict[str, bool]:
    return {"--check": check, "--refresh": refresh, "--move": bool(moves), "--explain": explain is not None}


def _require_plan(file: Path, option: str) -> None:
    if file.suffix == ".rs":
        message = f"{option} works on a plan; {file} is a source file"
        raise UsageError(message, f"Make a plan first: `splitter plan {file} -o {file.stem}.toml`.")


def _plan(
    source: Path, output: Path | None, target_lines: int | None, layout: str | None, rules: Path | None, form: str
) -> None:
    if source.suffix == ".toml":
        message = f"{source} is a plan; say what to do with it"
        raise UsageError(message, "Add --check, --refresh, --move KEY=MODULE or --explain KEY.")
    if output is not None:
        _require_free(output)
    preview = _preview(source, output, target_lines, layout, rules)
    if output is not None:
        _save(output, preview.plan)
    _show(preview, form)


def _preview(
    source: Path, output: Path | None, target_lines: int | None, layout: str | None, rules: Path | None
) -> "Preview":
    chosen = Layout(layout) if layout else None
    return wiring.make_preview(source, output, target_lines=target_lines, layout=chosen, rules=rules)


def _require_free(output: Path) -> None:
    if output.suffix != ".toml":
        message = f"a plan is a TOML file; {output} would be none"
        raise UsageError(message, f"Write it to {output.with_suffix('.toml')}.")
    try:
        old = wiring.read_old_plan(output)
    except PlanError as error:
        message = f"{output} is there already, and it is no sound plan"
        raise UsageError(message, "Name another file, or remove this one.") from error
    if old is not None and any(module.locked for phase in old.phases for module in phase.modules):
        message = f"{output} has items that people placed; a fresh plan would lose that"
        raise UsageError(message, f"`splitter plan --refresh {output}` keeps them; or name another file.")


def _check(file: Path, form: str) -> None:
    with wiring.open_plan(file) as plan:
        problems = wiring.check_plan(plan)
    if problems:
        raise PlanError(problems)
    if form == "json":
        show_json({"problems": []})
    else:
        show_text(f"{file}: no problem\n")


def _explain(plan: wiring.PlanFile, key: str, form: str) -> None:
    text = wiring.explain_item(plan, key)
    if form == "json":
        show_json({"item": key, "text": text})
    else:
        show_text(text.rstrip("\n") + "\n")


def _edit(file: Path, output: Path, moves: tuple[tuple[str, str], ...], form: str) -> None:
    """Refresh a plan, or move items in it; it is saved when it is known to be sound."""
    if output != file:
        _require_free(output)
    with wiring.open_plan(file) as plan:
        notes: tuple[str, ...] = ()
        if moves:
            made = wiring.move_items(plan, moves)
        else:
            made, notes = wiring.refresh_plan(plan)
        preview = wiring.preview_plan(plan, made)
    _save(output, made)
    _show(replace(preview, notes=(*notes, *preview.notes)), form)


def _save(output: Path, plan: Plan) -> None:
    wiring.save(output, wiring.write_plan(plan))
    click.echo(f"wrote {output}", err=True)


def _show(preview: "Preview", form: str) -> None:
    if form == "json":
        from splitter.report.json_shapes import preview_shape

        show_json(preview_shape(preview))
    elif form == "markdown":
        from splitter.report.markdown import preview_text

        show_text(preview_text(preview))
    else:
        from splitter.report.preview_table import preview_table

        show(preview_table(preview))
