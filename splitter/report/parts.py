"""Pieces that the tables of a terminal are made of.

Invariant: every text is taken literally: a key such as `impl:Read for [u8]` is no markup.
"""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from splitter.model.check import CheckResult, Finding, Outcome
from splitter.report.words import plain, time_of

_FINDINGS_SHOWN = 20
_LAWFUL_WIDTH = 200
_LAWFUL_SHOWN = 8
STYLE = {
    "passed": "green",
    "failed": "bold red",
    "skipped": "yellow",
    "incomplete": "yellow",
    "not_applicable": "dim",
}


def cell(text: str, style: str = "") -> Text:
    """A text that may wrap."""
    return Text(plain(text), style=style)


def line(*parts: str | tuple[str, str] | Text) -> Text:
    """A line that is never broken, so that a terminal can find the place in it."""
    made = Text(no_wrap=True, overflow="ignore")
    for part in parts:
        if isinstance(part, Text):
            made.append_text(part)
        elif isinstance(part, str):
            made.append(plain(part))
        else:
            made.append(plain(part[0]), style=part[1])
    return made


def table(*heads: str, right: Iterable[str] = (), wide: Iterable[str] = ()) -> Table:
    """A table with rules under its head alone; `right` are columns of numbers, `wide` those that give way."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    numbers, ample = set(right), set(wide)
    for head in heads:
        whole = head not in ample
        made.add_column(
            Text(head),
            justify="right" if head in numbers else "left",
            no_wrap=whole,
            overflow="fold",
            ratio=None if whole else 1,
        )
    return made


def outcome(check: CheckResult) -> Text:
    """The outcome of a check in its colour."""
    return cell(check.outcome.value.replace("_", " "), STYLE[check.outcome.value])


def compared(check: CheckResult) -> str:
    """`210 = 210`, `209 of 210`, or nothing where nothing was compared."""
    if check.compared == 0:
        return ""
    same = check.compared == check.equal
    return f"{check.compared:,} = {check.equal:,}" if same else f"{check.equal:,} of {check.compared:,}"


def check_parts(checks: tuple[CheckResult, ...]) -> RenderableType:
    """Checks as a table, and below it what they found, a line each."""
    made = table(
        "check",
        "outcome",
        "compared = equal",
        "time",
        "reason",
        right=("compared = equal", "time"),
        wide=("reason",),
    )
    for check in checks:
        made.add_row(
            cell(check.name),
            outcome(check),
            cell(compared(check)),
            cell(time_of(check.seconds)),
            cell(check.reason, "dim"),
        )
    return Group(made, *_findings(checks), *_lawful(checks))


def finding_line(finding: Finding) -> Text:
    """`path:line: message (item)`, with the place first, as compilers write it."""
    place = ""
    if finding.path:
        place = f"{finding.path}:{finding.line}: " if finding.line > 0 else f"{finding.path}: "
    item = f" ({finding.item})" if finding.item else ""
    return line((place, "cyan"), finding.message.replace("\n", " "), (item, "dim"))


def _findings(checks: tuple[CheckResult, ...]) -> list[Text]:
    lines: list[Text] = []
    for check in checks:
        if not check.findings:
            continue
        style = STYLE["failed"] if check.outcome is Outcome.FAILED else "bold"
        lines += [line(""), line((f"{check.name}:", style))]
        lines += [finding_line(finding) for finding in check.findings[:_FINDINGS_SHOWN]]
        rest = len(check.findings) - _FINDINGS_SHOWN
        if rest > 0:
            lines.append(line((_more(rest), "dim")))
    return lines


def _lawful(checks: tuple[CheckResult, ...]) -> list[Text]:
    told = [text for check in checks for text in check.lawful]
    accepted = {text for check in checks for text in check.accepted}
    return lawful_lines(told, len(accepted), "bold")


def lawful_lines(told: Sequence[str], accepted: int, style: str) -> list[Text]:
    """What differs lawfully, as much as there is room for, and how much of it the plan accepts."""
    rows = [f"  {_shortened(text)}" for text in told[:_LAWFUL_SHOWN]]
    if len(told) > _LAWFUL_SHOWN:
        rows.append(f"  {_more(len(told) - _LAWFUL_SHOWN)}")
    rows += [f"  {accepted:,} accepted by the plan"] if accepted else []
    return [line(""), line(("differs lawfully:", style)), *(line(row) for row in rows)] if rows else []


def _shortened(text: str) -> str:
    """A text that lists many names, cut behind a name; how many more there are."""
    if len(text) <= _LAWFUL_WIDTH:
        return text
    shown, _, _ = text[:_LAWFUL_WIDTH].rpartition(", ")
    rest = text[len(shown) :].count(", ")
    return f"{shown} {_more(rest)}" if shown else text


def _more(count: int) -> str:
    return f"… and {count:,} more; --format json lists them all"
