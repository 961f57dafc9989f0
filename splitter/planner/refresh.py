"""Brings an old plan up to a source that has moved on.

Invariant: every item that the old plan placed and that still may move stays where it was put, locked or not; what
was decided to stay in the residue (an old item that no module held) stays there too.
"""

from collections import Counter
from dataclasses import dataclass, replace

from splitter.model.graph import SymbolGraph
from splitter.model.plan import Module, Phase, Plan
from splitter.planner.plan import PlanOptions, make_plan
from splitter.planner.units import Unit, find_units


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The new plan, the items that it newly places, and the keys of the old plan that are gone or cannot move."""

    plan: Plan
    added: tuple[str, ...]
    gone: tuple[str, ...]


def refresh_plan(
    graph: SymbolGraph, old: Plan, options: PlanOptions, residue: frozenset[str] = frozenset()
) -> Refreshed:
    """Plan for the source as it is now; `residue` are keys of the old source that the old plan left where they were."""
    items = graph.source.by_key
    movable = {key for unit in find_units(graph) for key in unit.keys} | {
        key for key, item in items.items() if item.movable and key.startswith("note:")
    }
    kept = {key: path for key, path in old.placed.items() if key in movable}
    gone = tuple(key for key in old.placed if key not in kept)
    fresh = make_plan(graph, options)
    new = [key for key in fresh.placed if key not in kept and key not in residue]
    homes = _translate(graph, fresh, old, kept, new)
    order = {key: at for at, key in enumerate(items)}
    phases = [_extended(phase, kept, homes, fresh, order) for phase in old.phases]
    phases = [phase for phase in phases if phase.modules]
    known = {module.path for phase in phases for module in phase.modules}
    extra: dict[str, list[str]] = {}
    for key, path in homes.items():
        if path not in known:
            extra.setdefault(path, []).append(key)
    if extra:
        docs = {module.path: module for phase in fresh.phases for module in phase.modules}
        modules = tuple(_module(path, keys, docs.get(path), fresh, order) for path, keys in sorted(extra.items()))
        phases.append(Phase(0, "new since the plan was made", "items that the source has gained", modules))
    numbered = tuple(replace(phase, number=number) for number, phase in enumerate(phases, 1))
    plan = Plan(old.source, graph.source.digest, numbered, old.layout, old.accepted)
    return Refreshed(plan, tuple(sorted(homes, key=order.__getitem__)), gone)


def _translate(graph: SymbolGraph, fresh: Plan, old: Plan, kept: dict[str, str], new: list[str]) -> dict[str, str]:
    """Module of each new item: that of its companions, else the old one that the fresh module mostly became."""
    lump = {key: unit for unit in find_units(graph) for key in unit.keys}
    became: dict[str, Counter[str]] = {}
    for key, path in fresh.placed.items():
        if key in kept:
            became.setdefault(path, Counter())[kept[key]] += 1
    taken = {module.path for phase in old.phases for module in phase.modules}
    homes: dict[str, str] = {}
    for key in new:
        companion = _companion(lump.get(key), kept)
        path = fresh.placed[key]
        if companion:
            homes[key] = companion
        elif became.get(path):
            homes[key] = max(sorted(became[path]), key=lambda one: became[path][one])
        else:
            homes[key] = path if path not in taken else f"{path}_new"
    return homes


def _companion(unit: Unit | None, kept: dict[str, str]) -> str | None:
    return next((kept[key] for key in unit.keys if key in kept), None) if unit else None


def _extended(phase: Phase, kept: dict[str, str], homes: dict[str, str], fresh: Plan, order: dict[str, int]) -> Phase:
    modules: list[Module] = []
    for module in phase.modules:
        keys = [key for key in module.items if key in kept]
        keys += [key for key, path in homes.items() if path == module.path]
        if keys:
            made = _module(module.path, keys, module, fresh, order)
            modules.append(replace(made, locked=tuple(key for key in module.locked if key in kept)))
    return replace(phase, modules=tuple(modules))


def _module(path: str, keys: list[str], like: Module | None, fresh: Plan, order: dict[str, int]) -> Module:
    reasons = {key: why for phase in fresh.phases for module in phase.modules for key, why in module.why.items()}
    ordered = tuple(sorted(keys, key=order.__getitem__))
    doc = like.doc if like else ""
    return Module(path, doc, ordered, (), {key: reasons.get(key, "placed by the plan before") for key in ordered})
