"""`splitter explain`: what a check looks at, why, and what it cannot see."""

import click

from splitter.commands import wiring
from splitter.commands.options import complete_checks, format_option, require_check
from splitter.commands.output import show, show_json, show_text


@click.command("explain", short_help="Say what a check looks at, why, and what it cannot see.")
@click.argument("check", required=False, shell_complete=complete_checks)
@format_option("table", "json")
def explain_command(check: str | None, form: str) -> None:
    """Say what CHECK looks at, why, and what it cannot see; without a name, list all checks."""
    if check is not None:
        require_check(check)
    chosen = [each for each in wiring.known_checks() if check in (None, each.name)]
    if form == "json":
        rows = [
            {"name": each.name, "level": each.level.name.lower(), "summary": each.summary, "text": each.text}
            for each in chosen
        ]
        show_json({"checks": rows} if check is None else rows[0])
    elif check is None:
        from splitter.report.parts import cell, table

        made = table("check", "level", "passes when", wide=("passes when",))
        for each in chosen:
            made.add_row(cell(each.name, "bold"), cell(each.level.name.lower()), cell(each.summary))
        show(made)
    else:
        each = chosen[0]
        head = f"{each.name} (level {each.level.name.lower()}): {each.summary}"
        show_text(f"{head}\n\n{each.text.strip()}\n")
