"""What a demonstration showed, from the plan to the verdict.

Invariant: pure; adds up what the checks compared, so that the last lines alone tell what was proved.
"""

from rich.console import Group, RenderableType
from rich.text import Text

from splitter.model.check import Outcome
from splitter.model.outcome import Preview, RunResult, Status
from splitter.report.figures import joined_checks
from splitter.report.parts import STYLE, compared, line
from splitter.report.preview_table import preview_table
from splitter.report.run_table import run_table
from splitter.report.status_table import status_table

_CALLED = {
    "tokens": "items whole",
    "symbols": "exported symbols equal",
    "mir": "functions MIR-equal",
    "tests": "tests the same",
}


def demo_table(preview: Preview, result: RunResult, status: Status) -> RenderableType:
    """Plan, phases with their checks, progress at the end, and what was proved."""
    return Group(
        preview_table(preview), line(""), run_table(result), line(""), status_table(status), line(""), *_proved(result)
    )


def _proved(result: RunResult) -> list[Text]:
    lines = [line(("over all phases", "bold"))]
    for check in joined_checks(result):
        wanting = check.outcome in (Outcome.FAILED, Outcome.SKIPPED)
        if wanting or (check.name in _CALLED and check.outcome is Outcome.PASSED):
            told = f"{check.name} {check.outcome.value}" if wanting else compared(check)
            rest = f": {check.reason}" if check.reason else ""
            lines.append(line("  ", (told, STYLE[check.outcome.value]), rest if wanting else f" {_CALLED[check.name]}"))
    return [*lines, line(("verdict: ", "bold"), (result.verdict.value, STYLE[result.verdict.value]))]
