"""What `apply`, `verify`, `undo` and `demo` came to, for a terminal.

Invariant: pure; the verdict is the last line, for that is where the eye rests. A dry run has none.
"""

from rich.console import Group, RenderableType
from rich.text import Text

from splitter.model.outcome import PhaseResult, RunResult
from splitter.report.figures import own_checks, totals_of
from splitter.report.parts import STYLE, check_parts, line, table
from splitter.report.words import counted, time_of

_FILES_SHOWN = 12


def run_table(run: RunResult) -> RenderableType:
    """Each phase with its checks, figures before and after, and the verdict."""
    parts: list[RenderableType] = []
    for phase in run.phases:
        parts += [phase_title(phase), *_checks(phase), *_files(phase), *_told(phase.notes), line("")]
    if any(phase.diff for phase in run.phases):
        return Group(*parts, *_told(run.notes))
    checks = own_checks(run)
    if checks:
        head = "the tree as it stands" if run.phases else "the two revisions"
        parts += [line((head, "bold")), check_parts(checks), line("")]
    if run.before and run.before != run.after:
        parts += [figures_table(run.before, run.after, "after"), line("")]
    if run.edited:
        parts.append(line(("edited since, not proven:", "yellow")))
        parts += [*(line(f"  {path}") for path in run.edited), line("")]
    parts += [*_told(run.notes), _verdict(run)]
    return Group(*parts)


def undo_table(phases: tuple[PhaseResult, ...]) -> RenderableType:
    """The phases that were taken back."""
    parts: list[Text] = []
    for phase in phases:
        parts += [
            line((f"phase {phase.number} {phase.name}", "bold"), " undone"),
            *_wrote(phase, "restored"),
            *_told(phase.notes),
        ]
    return Group(*(parts or [line("nothing to undo: no phase of this plan is applied")]))


def figures_table(before: dict[str, int], after: dict[str, int], later: str) -> RenderableType:
    """Files by their lines, taken together, before and `later`."""
    was, now = totals_of(before), totals_of(after)
    made = table("", "before", later, right=("before", later))
    made.add_row("files", f"{was.files:,}", f"{now.files:,}")
    made.add_row("lines", f"{was.lines:,}", f"{now.lines:,}")
    made.add_row("lines of the largest file", f"{was.largest_lines:,}", f"{now.largest_lines:,}")
    return made


def phase_title(phase: PhaseResult) -> Text:
    """What a phase came to, in one line."""
    if phase.diff:
        return line((f"phase {phase.number} {phase.name}", "bold"), ": dry run, not checked")
    told = [f"{phase.verdict.value} at level {phase.level}"]
    if phase.moved:
        told.append(f"{counted(phase.moved, 'item')} moved")
    if phase.visibility_edits:
        told.append(counted(phase.visibility_edits, "visibility edit"))
    if phase.seconds > 0:
        told.append(time_of(phase.seconds))
    if phase.commit:
        told.append(f"commit {phase.commit[:12]}")
    return line((f"phase {phase.number} {phase.name}", "bold"), ": ", (", ".join(told), STYLE[phase.verdict.value]))


def _checks(phase: PhaseResult) -> list[RenderableType]:
    return [check_parts(phase.checks)] if phase.checks else []


def _files(phase: PhaseResult) -> list[Text]:
    if phase.applied:
        return _wrote(phase, "wrote")
    if phase.diff:
        return _wrote(phase, "would write")
    return [line(("nothing was written: the tree is as it was", "yellow"))]


def _wrote(phase: PhaseResult, head: str) -> list[Text]:
    if not phase.files:
        return []
    rows = [f"{path} ({counted(lines, 'line')})" for path, lines in phase.files.items()]
    more = len(rows) - _FILES_SHOWN
    rest = [line((f"  … and {more:,} more", "dim"))] if more > 0 else []
    return [line((f"{head}:", "dim")), *(line((f"  {row}", "dim")) for row in rows[:_FILES_SHOWN]), *rest]


def _told(notes: tuple[str, ...]) -> list[Text]:
    return [line(("note: ", "yellow"), note) for note in notes]


def _verdict(run: RunResult) -> Text:
    style = STYLE[run.verdict.value]
    return line(("verdict: ", "bold"), (run.verdict.value, f"bold {style.removeprefix('bold ')}"))
