"""Sums and joins over results that more than one report shows.

Invariant: pure; adds nothing that the results do not say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from splitter.model.check import CheckResult, Outcome
from splitter.model.outcome import RunResult

#: The outcome of several results of one check is the first of these that occurs.
_WORST = (Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Totals:
    """Some files taken together."""

    files: int
    lines: int
    largest: str
    largest_lines: int


def totals_of(lines: Mapping[str, int]) -> Totals:
    """Figures of files by their line counts; all zero of no file."""
    largest = max(lines, key=lambda path: (lines[path], path), default="")
    return Totals(len(lines), sum(lines.values()), largest, lines.get(largest, 0))


def joined_checks(run: RunResult) -> tuple[CheckResult, ...]:
    """One result a check, over all phases and the run as a whole, in the order of first mention."""
    rows: dict[str, list[CheckResult]] = {}
    for check in (*(check for phase in run.phases for check in phase.checks), *own_checks(run)):
        rows.setdefault(check.name, []).append(check)
    return tuple(_joined(row) for row in rows.values())


def own_checks(run: RunResult) -> tuple[CheckResult, ...]:
    """Checks of the run as a whole, without those that are a phase's own."""
    known = {id(check) for phase in run.phases for check in phase.checks}
    return tuple(check for check in run.checks if id(check) not in known)


def _joined(row: list[CheckResult]) -> CheckResult:
    if len(row) == 1:
        return row[0]
    outcomes = {check.outcome for check in row}
    return CheckResult(
        row[0].name,
        next(outcome for outcome in _WORST if outcome in outcomes),
        sum(check.compared for check in row),
        sum(check.equal for check in row),
        "; ".join(dict.fromkeys(check.reason for check in row if check.reason)),
        tuple(dict.fromkeys(finding for check in row for finding in check.findings)),
        tuple(dict.fromkeys(text for check in row for text in check.lawful)),
        sum(check.seconds for check in row),
        tuple(dict.fromkeys(text for check in row for text in check.accepted)),
    )
