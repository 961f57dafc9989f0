"""A plan as a table to judge it by.

Invariant: pure; what it returns is printed by who asked for it.
"""

from rich.console import Group, RenderableType
from rich.text import Text

from splitter.model.outcome import ModuleFigures, Preview
from splitter.report.parts import cell, line, table
from splitter.report.words import counted, listed

#: The frame of the file, of which nobody expects that it moves.
_FRAME = ("use:", "inner", "note:", "crate:")
_HEADS = ("module", "lines", "functions", "edits", "why", "shared items")


def preview_table(preview: Preview) -> RenderableType:
    """Modules by phase, with their size, why they are what they are, what they share, and expected edits."""
    plan = preview.plan
    made = table(*_HEADS, right=_HEADS[1:4], wide=_HEADS[4:])
    figures = {module.path: module for module in preview.modules}
    for phase in plan.phases:
        rows = [figures[module.path] for module in phase.modules if module.path in figures]
        made.add_row(
            cell(f"{phase.number} {phase.name}", "bold"),
            *_sums(rows, "bold"),
            cell(phase.reason, "italic"),
            cell(""),
        )
        for row in rows:
            made.add_row(
                cell(f"  {row.path}", "cyan"),
                cell(f"{row.lines:,}"),
                cell(f"{row.functions:,}"),
                cell(f"{row.visibility_edits:,}" if row.visibility_edits else "", "yellow"),
                cell(row.why),
                cell(listed(row.shared), "dim"),
            )
        made.add_section()
    every = list(preview.modules)
    stay = preview.functions - sum(row.functions for row in every)
    left = tuple(key for key in preview.residue if not key.startswith(_FRAME))
    made.add_row(
        cell("stays", "bold"),
        cell(f"{preview.residue_lines:,}"),
        cell(f"{stay:,}"),
        cell(""),
        cell(_main_reason(preview, left), "italic"),
        cell(listed(left), "dim"),
    )
    return Group(_head(preview), line(""), made, *_notes(preview))


def _head(preview: Preview) -> Text:
    modules, phases = counted(len(preview.modules), "module"), counted(len(preview.plan.phases), "phase")
    functions = f"{counted(preview.functions, 'function')} ({preview.exported:,} exported)"
    size = f"{counted(preview.lines, 'line')}, {functions}"
    return line((preview.plan.source, "bold"), f": {size} → {modules} in {phases}")


def _sums(rows: list[ModuleFigures], style: str) -> tuple[Text, Text, Text]:
    edits = sum(row.visibility_edits for row in rows)
    lines, functions = sum(row.lines for row in rows), sum(row.functions for row in rows)
    return (
        cell(f"{lines:,}", style),
        cell(f"{functions:,}", style),
        cell(f"{edits:,}" if edits else "", style),
    )


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
