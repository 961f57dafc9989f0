"""Results for a pull request.

Source: GitHub Flavored Markdown, "Tables" and "Details".
Invariant: whatever a name or message holds, it cannot break a table or open a tag.
"""

import html
from collections.abc import Iterable

from splitter.model.check import CheckResult, Outcome
from splitter.model.outcome import Preview, RunResult, Status
from splitter.report.figures import joined_checks, totals_of
from splitter.report.words import counted, plain, share_of, shown, time_of

_SHARED_SHOWN = 5
_MARK = {
    Outcome.PASSED: "✅ passed",
    Outcome.FAILED: "❌ failed",
    Outcome.SKIPPED: "⚠️ skipped",
    Outcome.NOT_APPLICABLE: "not applicable",
}


def preview_text(preview: Preview) -> str:
    """A plan, a table a phase."""
    plan = preview.plan
    parts = [f"## Plan to split {_code(plan.source)}", _head(preview)]
    figures = {module.path: module for module in preview.modules}
    for phase in plan.phases:
        rows = []
        for module in phase.modules:
            made = figures.get(module.path)
            if made is None:
                continue
            names = [_code(shown(key)) for key in made.shared[:_SHARED_SHOWN]]
            more = [f"and {len(made.shared) - _SHARED_SHOWN} more"] if len(made.shared) > _SHARED_SHOWN else []
            edits = str(made.visibility_edits)
            shared = ", ".join((*names, *more))
            rows.append((_code(made.path), str(made.lines), str(made.functions), _safe(made.why), shared, edits))
        heads = ("module", "lines", "functions", "why", "shared items", "visibility edits")
        reason = f"{_safe(phase.reason)}\n\n" if phase.reason else ""
        parts.append(f"### Phase {phase.number}: {_safe(phase.name)}\n\n{reason}{_table(heads, rows, (1, 2, 5))}")
    stays = f"### Stays in {_code(plan.source)}\n\n"
    stays += f"{counted(len(preview.residue), 'item')}, {counted(preview.residue_lines, 'line')}."
    parts.append(stays)
    parts += _lists({"Named elsewhere": preview.mentions, "Notes": preview.notes})
    return "\n\n".join(parts) + "\n"


def status_text(status: Status) -> str:
    """Progress of a split."""
    moved = share_of(status.functions_moved, status.functions)
    head = f"{moved} of the functions moved ({status.functions_moved} of {status.functions}), "
    head += f"{status.lines_moved:,} of {status.lines:,} lines."
    rows = [
        (
            str(phase.number),
            _safe(phase.name),
            ", ".join(_code(path) for path in phase.modules),
            str(phase.functions),
            str(phase.lines),
            f"{phase.verdict or 'done'} at {phase.level or 'an unknown level'}" if phase.done else "to come",
        )
        for phase in status.phases
    ]
    table = _table(("phase", "name", "modules", "functions", "lines", "state"), rows, (0, 3, 4))
    was, now = totals_of(status.before), totals_of(status.now)
    figures = [
        ("files", str(was.files), str(now.files)),
        ("lines", f"{was.lines:,}", f"{now.lines:,}"),
        ("largest file", f"{was.largest_lines:,}", f"{now.largest_lines:,}"),
    ]
    parts = [
        f"## Split of {_code(status.source)}",
        head,
        table,
        _table(("", "before", "now"), figures, (1, 2)),
    ]
    if status.tests is not None:
        parts.append(f"Tests: {status.tests[0]:,} compared, {status.tests[1]:,} the same.")
    parts += _lists({"Edited since, not proven": status.edited}, as_code=True)
    parts += _lists({"Differs lawfully": status.lawful})
    return "\n\n".join(parts) + "\n"


def run_text(run: RunResult) -> str:
    """Verdict, a row a check, and every finding."""
    checks = joined_checks(run)
    rows = [
        (
            _code(c.name),
            _MARK[c.outcome],
            f"{c.compared:,}",
            f"{c.equal:,}",
            time_of(c.seconds),
            _safe(c.reason),
        )
        for c in checks
    ]
    names = ", ".join(f"{phase.number} {_safe(phase.name)} ({phase.verdict.value})" for phase in run.phases)
    parts = [f"## Verdict: {run.verdict.value}"]
    if names:
        parts.append(f"Phases: {names}.")
    parts.append(_table(("check", "outcome", "compared", "equal", "time", "reason"), rows, (2, 3, 4)))
    parts += [_findings(check) for check in checks if check.findings]
    lawful = tuple(text for check in checks for text in check.lawful)
    if lawful:
        told = "\n".join(f"- {_safe(text)}" for text in lawful)
        head = f"Differs lawfully: {counted(len(lawful), 'place')}"
        parts.append(f"<details><summary>{head}</summary>\n\n{told}\n\n</details>")
    parts += _lists({"Edited since, not proven": run.edited}, as_code=True)
    parts += _lists({"Notes": run.notes})
    return "\n\n".join(parts) + "\n"


def _head(preview: Preview) -> str:
    modules = counted(len(preview.modules), "module")
    phases = counted(len(preview.plan.phases), "phase")
    functions = f"{counted(preview.functions, 'function')} ({preview.exported:,} exported)"
    return f"{counted(preview.lines, 'line')} with {functions} go to {modules} in {phases}."


def _findings(check: CheckResult) -> str:
    rows = []
    for finding in check.findings:
        place = f"{_code(f'{finding.path}:{finding.line}')}: " if finding.path else ""
        item = f" ({_code(finding.item)})" if finding.item else ""
        rows.append(f"- {place}{_safe(finding.message)}{item}")
    return f"### {_safe(check.name)}\n\n" + "\n".join(rows)


def _lists(named: dict[str, tuple[str, ...]], *, as_code: bool = False) -> list[str]:
    write = _code if as_code else _safe
    return [
        f"**{title}**\n\n" + "\n".join(f"- {write(text)}" for text in texts) for title, texts in named.items() if texts
    ]


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: tuple[int, ...]) -> str:
    lines = [heads, tuple("---:" if at in right else "---" for at in range(len(heads))), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Code in backticks; with a longer fence where the text has backticks of its own."""
    flat = " ".join(plain(text).split()).replace("|", "\\|")
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def _safe(text: str) -> str:
    flat = html.escape(" ".join(plain(text).split()), quote=False)
    for mark in ("\\", "|", "*", "_", "[", "]"):
        flat = flat.replace(mark, f"\\{mark}")
    return flat
