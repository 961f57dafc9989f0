"""Progress of a split, as a maintainer would post it.

Invariant: pure; what is done comes first, then what is to come, then what a reviewer may want to open.
"""

from collections.abc import Iterable

from splitter.model.outcome import ModuleStatus, PhaseStatus, Status
from splitter.report.figures import totals_of
from splitter.report.markdown_parts import code, differs, lists, safe, table
from splitter.report.words import counted, share_of


def status_text(status: Status) -> str:
    """Progress of a split: figures, modules with their sizes, phases to come, what differs lawfully."""
    done = [phase for phase in status.phases if phase.done]
    coming = [phase for phase in status.phases if not phase.done]
    state = "finished" if not coming and done else f"{len(done)} of {len(status.phases)} phases done"
    parts = [
        f"## Split of {code(status.source)}: {state}",
        table(("", "before", "now"), list(_figures(status)), (1, 2)),
    ]
    if done:
        stands = [module for module in status.modules if module.stands]
        parts.append(f"### Extracted into {counted(len(stands), 'module')}\n\n{_standing(status, done)}")
    if coming:
        parts.append(f"### To come: {counted(len(coming), 'phase')}\n\n{_phases(status, coming)}")
    parts += lists({"Edited since, not proven": status.edited}, as_code=True)
    parts += differs(status.lawful, len(status.accepted))
    return "\n\n".join(parts) + "\n"


def _figures(status: Status) -> Iterable[tuple[str, str, str]]:
    was, now = totals_of(status.before), totals_of(status.now)
    yield "functions extracted", f"0 of {status.functions:,}", _share(status.functions_moved, status.functions)
    yield "lines extracted", f"0 of {status.lines:,}", _share(status.lines_moved, status.lines)
    yield "largest file, lines", f"{was.largest_lines:,}", f"{now.largest_lines:,} ({code(now.largest)})"
    yield "files", f"{was.files:,}", f"{now.files:,}"
    yield "lines in all", f"{was.lines:,}", f"{now.lines:,}"
    if status.tests is not None:
        compared, equal = status.tests
        told = "the same, with the same outcomes" if compared == equal else f"{equal:,} with the same outcomes"
        yield "tests", f"{compared:,}", f"{compared:,}, {told}" if compared != equal else told


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({share_of(part, whole)})"


def _standing(status: Status, done: list[PhaseStatus]) -> str:
    rows = (
        (f"{phase.number} {safe(phase.name)}", code(module.path), *_sizes(module), _state(phase))
        for phase in done
        for module in _of(status, phase)
    )
    return table(("phase", "module", "functions", "lines", "checks"), rows, (2, 3))


def _state(phase: PhaseStatus) -> str:
    return f"{phase.verdict or 'done'} at {phase.level or 'an unknown level'}"


def _phases(status: Status, coming: list[PhaseStatus]) -> str:
    rows = []
    for phase in coming:
        named = ", ".join(f"{code(module.path)} ({module.lines:,})" for module in _of(status, phase))
        rows.append((f"{phase.number} {safe(phase.name)}", named, f"{phase.functions:,}", f"{phase.lines:,}"))
    return table(("phase", "modules (lines)", "functions", "lines"), rows, (2, 3))


def _of(status: Status, phase: PhaseStatus) -> list[ModuleStatus]:
    return [module for module in status.modules if module.phase == phase.number]


def _sizes(module: ModuleStatus) -> tuple[str, str]:
    return f"{module.functions:,}", f"{module.lines:,}"
