"""The reasons for one item's place in full: what it is like, who uses it, which modules were close.

Invariant: works from the plan that is asked about, so that what people moved is explained as it stands.
"""

from collections import defaultdict
from dataclasses import dataclass
from difflib import get_close_matches

from splitter.errors import Problem
from splitter.model.graph import SymbolGraph
from splitter.model.plan import Plan
from splitter.planner.features import find_features
from splitter.planner.similarity import WEIGHTS, find_nearness, find_terms
from splitter.planner.units import find_units

_SHOWN = 5
_TERMS = {
    "name": "words of the name",
    "prefix": "beginning of the name",
    "ending": "last word of the name",
    "section": "section of the file",
    "calls": "one uses the other",
    "shared": "what both use",
    "idents": "identifiers in the bodies",
    "signature": "types in the signatures",
    "cfgs": "cfg",
    "role": "both entry points, or both internal",
    "near": "place in the file",
}


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another item, how alike it is, and the strongest terms of that with their shares."""

    key: str
    module: str | None
    value: float
    terms: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one item's place; `alternatives` are modules with their mean likeness, best first."""

    key: str
    module: str | None
    why: str
    locked: bool
    nearest: tuple[Likeness, ...]
    alternatives: tuple[tuple[str, float], ...]
    uses: tuple[tuple[str, str | None], ...]
    users: tuple[tuple[str, str | None], ...]


def explain_item(graph: SymbolGraph, plan: Plan, key: str) -> Explanation | Problem:
    """Explain one item of a plan; a problem with the nearest key where there is no such item."""
    item = graph.source.by_key.get(key)
    if item is None:
        near = get_close_matches(key, graph.source.by_key, 1)
        return Problem(plan.source, 1, f"no item `{key}`", f"did you mean `{near[0]}`?" if near else "")
    placed = plan.placed
    module = next((one for phase in plan.phases for one in phase.modules if key in one.items), None)
    nearest, alternatives = _likeness(graph, placed, key)
    return Explanation(
        key=key,
        module=placed.get(key),
        why=(module.why.get(key, "") if module else "") or (item.stays or "" if module is None else ""),
        locked=module is not None and key in module.locked,
        nearest=nearest,
        alternatives=alternatives,
        uses=tuple((one, placed.get(one)) for one in sorted(graph.uses.get(key, ()))),
        users=tuple((one, placed.get(one)) for one in sorted(graph.users.get(key, ()))),
    )


def _likeness(
    graph: SymbolGraph, placed: dict[str, str], key: str
) -> tuple[tuple[Likeness, ...], tuple[tuple[str, float], ...]]:
    units = find_units(graph)
    at = next((number for number, unit in enumerate(units) if key in unit.keys), None)
    if at is None:
        return (), ()
    rows = {
        name: getattr(WEIGHTS, name) * matrix[at]
        for name, matrix in find_terms(graph, units, find_features(graph, units))
    }
    rows["near"] = find_nearness(len(units))[at]
    totals = sum(rows.values())
    values = {number: float(totals[number]) for number in range(len(units)) if number != at}
    best = sorted(values, key=lambda number: (-values[number], number))[:_SHOWN]
    nearest = tuple(
        Likeness(
            units[number].key,
            placed.get(units[number].key),
            values[number],
            tuple(
                (_TERMS[name], round(float(row[number]), 3))
                for name, row in sorted(rows.items(), key=lambda one: -float(one[1][number]))
                if float(row[number]) > 0
            )[:3],
        )
        for number in best
    )
    by_module: dict[str, list[float]] = defaultdict(list)
    for number, value in values.items():
        if units[number].anchor and units[number].key in placed:
            by_module[placed[units[number].key]].append(value)
    means = {path: sum(row) / len(row) for path, row in by_module.items()}
    return nearest, tuple(sorted(means.items(), key=lambda one: (-one[1], one[0]))[:_SHOWN])
