"""A plan as a table to judge it by.

Invariant: pure; what it returns is printed by who asked for it.
"""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from splitter.model.outcome import ModuleFigures, Preview
from splitter.report.parts import cell, line
from splitter.report.words import counted, listed

#: The frame of the file, of which nobody expects that it moves.
_FRAME = ("use:", "inner", "note:", "crate:")
_HEADS = ("module", "lines", "functions", "edits", "why", "shared items")


def preview_table(preview: Preview) -> RenderableType:
    """Modules by phase, with their size, why they are what they are, what they share, and expected edits.

    One line a module: what does not fit is cut, and `--explain` and `--format json` have it in full.
    """
    plan = preview.plan
    figures = {module.path: module for module in preview.modules}
    width = max((len(module.path) for module in preview.modules), default=0) + 2
    parts: list[RenderableType] = []
    for phase in plan.phases:
        rows = [figures[module.path] for module in phase.modules if module.path in figures]
        parts += [line(""), _phase_head(f"phase {phase.number} {phase.name}", phase.reason, rows)]
        made = _columns(width, first=len(parts) == 2)
        for row in rows:
            made.add_row(
                cell(f"  {row.path}", "cyan"),
                cell(f"{row.lines:,}"),
                cell(f"{row.functions:,}"),
                cell(f"{row.visibility_edits:,}" if row.visibility_edits else "", "yellow"),
                cell(row.why),
                cell(listed(row.shared), "dim"),
            )
        parts.append(made)
    return Group(_head(preview), *parts, line(""), *_stays(preview), *_notes(preview))


def _columns(width: int, *, first: bool) -> Table:
    """A table whose columns stand where those of its siblings stand; the first has the heads."""
    made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold", expand=True)
    made.show_header = first
    widths = (max(width, 8), 6, 9, 5)
    for head, wide in zip(_HEADS, widths, strict=False):
        made.add_column(head, min_width=wide, justify="left" if head == "module" else "right", no_wrap=True)
    for head in _HEADS[4:]:
        made.add_column(head, ratio=1, no_wrap=True, overflow="ellipsis")
    return made


def _phase_head(name: str, reason: str, rows: list[ModuleFigures]) -> Text:
    lines, functions = sum(row.lines for row in rows), sum(row.functions for row in rows)
    size = f"{counted(lines, 'line')}, {counted(functions, 'function')}"
    return line((name, "bold"), f": {size}", (f" ({reason})", "italic"))


def _stays(preview: Preview) -> list[Text]:
    """What no module takes, in two lines."""
    stay = preview.functions - sum(row.functions for row in preview.modules)
    left = tuple(key for key in preview.residue if not key.startswith(_FRAME))
    size = f"{counted(preview.residue_lines, 'line')}, {counted(stay, 'function')}"
    reason = _main_reason(preview, left)
    rows = [line(("stays", "bold"), f": {size}", (f" (mostly: {reason})" if reason else "", "italic"))]
    return [*rows, line((f"  {listed(left)}", "dim"))] if left else rows


def _head(preview: Preview) -> Text:
    modules, phases = counted(len(preview.modules), "module"), counted(len(preview.plan.phases), "phase")
    functions = f"{counted(preview.functions, 'function')} ({preview.exported:,} exported)"
    size = f"{counted(preview.lines, 'line')}, {functions}"
    return line((preview.plan.source, "bold"), f": {size} → {modules} in {phases}")


def _main_reason(preview: Preview, left: tuple[str, ...]) -> str:
    """The reason that holds most of what stays, for there is one row for all of it."""
    reasons = [preview.stays[key] for key in left if key in preview.stays]
    return max(dict.fromkeys(reasons), key=reasons.count, default="")


def _notes(preview: Preview) -> list[Text]:
    lines = [line("")]
    if preview.metrics:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in preview.metrics.items())
        lines.append(line((figures, "dim")))
    if preview.mentions:
        lines.append(line((f"{preview.plan.source} is named elsewhere; look whether these have to change:", "yellow")))
        lines += [line(f"  {place}") for place in preview.mentions]
    return [*lines, *(line(("note: ", "yellow"), note) for note in preview.notes)]
