"""Plan to TOML and back.

Invariant: `load(dump(plan)) == plan`; a wrong file is refused with all its problems at once, each with its
line. Knows no disk: texts come in and go out.
"""

import json
import re
import tomllib
from typing import Any

from splitter.errors import PlanError, Problem
from splitter.model.plan import Layout, Module, Phase, Plan
from splitter.plan_check import check
from splitter.plan_lines import find_lines
from splitter.plan_shape import FORMAT, find_shape_problems

__all__ = ["check", "dump", "load"]

_HEAD = """\
# Which item of the source goes to which module, and in which phase. Made to be edited and reviewed:
#   - move an item by moving its key to another module; what stands in no module stays in the source;
#   - a key under `locked` was placed by a person: a refresh of the plan leaves it where it is;
#   - modules may nest (`hash/sha1`); a phase is applied, verified and undone as one.
# After an edit, `splitter plan --check` names everything that is wrong, with its line.
"""
_STATE = "the source before phase 1; later states are known by their receipts"
_WIDTH = 100


def load(text: str, path: str) -> Plan:
    """Read a plan from the text of the file at `path`.

    Raises `PlanError` with every problem that can be seen without the source, in the order of lines.
    """
    text = text.removeprefix("\ufeff")
    try:
        raw, lines = tomllib.loads(text), find_lines(text)
    except ValueError as error:
        raise PlanError((_syntax_problem(error, text, path),)) from error
    except RecursionError as error:
        raise PlanError((Problem(path, 1, "values are nested too deeply for a plan"),)) from error
    problems = find_shape_problems(raw, lines, path)
    if problems:
        raise PlanError(problems)
    source = raw["source"]
    phases = tuple(_phase(table) for table in raw.get("phase", ()))
    layout = Layout(source.get("layout", Layout.INLINE))
    return Plan(source["path"], source["sha256"], phases, layout, tuple(raw.get("lawful", {}).get("accepted", ())))


def dump(plan: Plan) -> str:
    """Canonical text of a plan, laid out so that a changed plan is a small diff."""
    lines = [
        _HEAD,
        f"format = {FORMAT}",
        "",
        "[source]",
        f"path   = {_quote(plan.source)}",
        f"sha256 = {_quote(plan.sha256)}  # {_STATE}",
        f"layout = {_quote(plan.layout.value)}",
    ]
    if plan.accepted:
        lines += ["", "[lawful]", *_row("accepted", plan.accepted, "")]
    for phase in plan.phases:
        lines += [
            "",
            "[[phase]]",
            f"number = {phase.number}",
            f"name   = {_quote(phase.name)}",
            f"reason = {_quote(phase.reason)}",
        ]
        for module in phase.modules:
            lines += [
                "",
                "  [[phase.module]]",
                f"  path   = {_quote(module.path)}",
                f"  doc    = {_quote(module.doc)}",
                *_row("items ", module.items),
                *(_row("locked", module.locked) if module.locked else ()),
            ]
    return "\n".join(lines) + "\n"


def _syntax_problem(error: ValueError, text: str, path: str) -> Problem:
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error))
    if not found:
        return Problem(path, 1, f"this is no TOML: {error}")
    line = int(found[1]) if found[1] else text.count("\n", 0, len(text.rstrip())) + 1
    column = f" (column {found[2]})" if found[2] else ""
    message = str(error)[: found.start()]
    return Problem(path, line, f"this is no TOML: {message[:1].lower()}{message[1:]}{column}")


def _phase(table: dict[str, Any]) -> Phase:
    modules = tuple(
        Module(row["path"], row.get("doc", ""), tuple(row["items"]), tuple(row.get("locked", ())))
        for row in table["module"]
    )
    return Phase(table["number"], table["name"], table.get("reason", ""), modules)


def _row(name: str, keys: tuple[str, ...], pad: str = "  ") -> list[str]:
    """Keys on one line if they fit, else one a line, so that one more key is one more line in a diff."""
    flat = f"{pad}{name} = [{', '.join(map(_quote, keys))}]"
    if len(flat) <= _WIDTH:
        return [flat]
    return [f"{pad}{name} = [", *(f"{pad}  {_quote(key)}," for key in keys), f"{pad}]"]


def _quote(text: str) -> str:
    """TOML's basic strings are JSON's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
