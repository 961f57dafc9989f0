"""How far a split has come, for a terminal.

Invariant: pure; the bar is as full as functions have moved, whatever the number of phases.
"""

from rich.console import Group, RenderableType
from rich.text import Text

from splitter.model.outcome import PhaseStatus, Status
from splitter.report.parts import STYLE, cell, lawful_lines, line, table
from splitter.report.run_table import figures_table
from splitter.report.words import share_of

_BAR = 40
_HEADS = ("phase", "name", "modules", "items", "functions", "lines", "state")


def status_table(status: Status) -> RenderableType:
    """A progress bar, the phases, and figures before and now."""
    made = table(*_HEADS, right=("phase", "items", "functions", "lines"), wide=("modules",))
    coming = next((phase.number for phase in status.phases if not phase.done), None)
    for phase in status.phases:
        made.add_row(
            str(phase.number),
            cell(phase.name, "bold"),
            cell(", ".join(phase.modules), "cyan"),
            f"{phase.items:,}",
            f"{phase.functions:,}",
            f"{phase.lines:,}",
            _state(phase, coming),
        )
    parts: list[RenderableType] = [line((status.source, "bold")), _bar(status), line(""), made, line("")]
    parts.append(figures_table(status.before, status.now, "now"))
    if status.tests is not None:
        parts += [line(""), line(f"tests: {status.tests[0]:,} compared, {status.tests[1]:,} the same")]
    if status.edited:
        parts += [line(""), line(("edited since, not proven:", "yellow")), *(line(f"  {row}") for row in status.edited)]
    return Group(*parts, *lawful_lines(status.lawful, len(status.accepted), "yellow"))


def _bar(status: Status) -> Text:
    full = _BAR * status.functions_moved // status.functions if status.functions else 0
    share = share_of(status.functions_moved, status.functions)
    told = f" {share} of the functions ({status.functions_moved:,} of {status.functions:,}), "
    return line(
        ("█" * full, "green"),
        ("░" * (_BAR - full), "dim"),
        told + f"{status.lines_moved:,} of {status.lines:,} lines",
    )


def _state(phase: PhaseStatus, coming: int | None) -> Text:
    if not phase.done:
        return cell("next", "bold") if phase.number == coming else cell("to come", "dim")
    level = f" ({phase.level})" if phase.level else ""
    return cell(f"done, {phase.verdict}{level}" if phase.verdict else f"done{level}", STYLE.get(phase.verdict, ""))
