"""Results for a pull request.

Invariant: pure; a verdict comes first, what a reviewer opens only when in doubt is folded.
"""

from splitter.model.check import CheckResult, Outcome
from splitter.model.outcome import Preview, RunResult
from splitter.report.figures import joined_checks
from splitter.report.markdown_parts import code, differs, lists, safe, table
from splitter.report.words import counted, shown, time_of

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
    parts = [f"## Plan to split {code(plan.source)}", _head(preview)]
    figures = {module.path: module for module in preview.modules}
    for phase in plan.phases:
        rows = []
        for module in phase.modules:
            made = figures.get(module.path)
            if made is None:
                continue
            names = [code(shown(key)) for key in made.shared[:_SHARED_SHOWN]]
            more = [f"and {len(made.shared) - _SHARED_SHOWN} more"] if len(made.shared) > _SHARED_SHOWN else []
            edits = str(made.visibility_edits)
            shared = ", ".join((*names, *more))
            rows.append((code(made.path), str(made.lines), str(made.functions), safe(made.why), shared, edits))
        heads = ("module", "lines", "functions", "why", "shared items", "visibility edits")
        reason = f"{safe(phase.reason)}\n\n" if phase.reason else ""
        parts.append(f"### Phase {phase.number}: {safe(phase.name)}\n\n{reason}{table(heads, rows, (1, 2, 5))}")
    stays = f"### Stays in {code(plan.source)}\n\n"
    stays += f"{counted(len(preview.residue), 'item')}, {counted(preview.residue_lines, 'line')}."
    parts.append(stays)
    parts += lists({"Named elsewhere": preview.mentions, "Notes": preview.notes})
    return "\n\n".join(parts) + "\n"


def run_text(run: RunResult) -> str:
    """Verdict, a row a check, and every finding."""
    checks = joined_checks(run)
    rows = [
        (
            code(c.name),
            _MARK[c.outcome],
            f"{c.compared:,}",
            f"{c.equal:,}",
            time_of(c.seconds),
            safe(c.reason),
        )
        for c in checks
    ]
    names = ", ".join(f"{phase.number} {safe(phase.name)} ({phase.verdict.value})" for phase in run.phases)
    parts = [f"## Verdict: {run.verdict.value}"]
    if names:
        parts.append(f"Phases: {names}.")
    parts.append(table(("check", "outcome", "compared", "equal", "time", "reason"), rows, (2, 3, 4)))
    parts += [_findings(check) for check in checks if check.findings]
    accepted = {text for check in checks for text in check.accepted}
    parts += differs([text for check in checks for text in check.lawful], len(accepted))
    parts += lists({"Edited since, not proven": run.edited}, as_code=True)
    parts += lists({"Notes": run.notes})
    return "\n\n".join(parts) + "\n"


def _head(preview: Preview) -> str:
    modules = counted(len(preview.modules), "module")
    phases = counted(len(preview.plan.phases), "phase")
    functions = f"{counted(preview.functions, 'function')} ({preview.exported:,} exported)"
    return f"{counted(preview.lines, 'line')} with {functions} go to {modules} in {phases}."


def _findings(check: CheckResult) -> str:
    rows = []
    for finding in check.findings:
        place = f"{code(f'{finding.path}:{finding.line}')}: " if finding.path else ""
        item = f" ({code(finding.item)})" if finding.item else ""
        rows.append(f"- {place}{safe(finding.message)}{item}")
    return f"### {safe(check.name)}\n\n" + "\n".join(rows)
