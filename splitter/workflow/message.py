"""The message of a phase's git commit: what moved, and what was checked."""

from splitter.model.outcome import PhaseResult
from splitter.workflow.session import Session


def commit_message(session: Session, result: PhaseResult) -> str:
    """Subject, then a row for each file and each check."""
    source = session.plan.source
    rows = [
        f"Split {source}, phase {result.number}: {result.name}",
        "",
        f"{result.moved} items moved, bodies verbatim:",
        "",
    ]
    rows += [f"  {path}: {lines} lines" for path, lines in sorted(result.files.items())]
    rows += ["", f"Checked at level {result.level}:", ""]
    for check in result.checks:
        counts = f", {check.equal} of {check.compared} equal" if check.compared else ""
        rows.append(f"  {check.name}: {check.outcome.value}{counts}")
    return "\n".join(rows) + "\n"
