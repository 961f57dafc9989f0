"""Makes a plan: units, similarity, runs, placement, names, phases.

Invariant: pure and deterministic; the same graph and options give the same plan, whatever the order of sets.
"""

from dataclasses import dataclass

from splitter.model.graph import SymbolGraph
from splitter.model.plan import Layout, Module, Phase, Plan
from splitter.planner.features import find_features
from splitter.planner.lexicon import load_lexicon
from splitter.planner.naming import name_modules, own_names
from splitter.planner.place import Placement, place
from splitter.planner.similarity import find_similarity
from splitter.planner.units import find_units
from splitter.planner.runs import cut_runs


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the user wishes; `reserved` are names that no module may take."""

    source_path: str
    target_lines: int = 250
    layout: Layout = Layout.INLINE
    reserved: frozenset[str] = frozenset()


def make_plan(graph: SymbolGraph, options: PlanOptions) -> Plan:
    units = find_units(graph)
    features = find_features(graph, units)
    anchors = [at for at, unit in enumerate(units) if unit.anchor]
    similarity = find_similarity(graph, tuple(units[a] for a in anchors), tuple(features[a] for a in anchors))
    runs = cut_runs(similarity, round(len(anchors) ** 0.5))
    homes = {units[anchors[i]].key: Placement(n, "alike") for n, run in enumerate(runs) for i in run}
    placed = place(graph, units, homes)
    groups = [[f for u, f in zip(units, features) if u.anchor and placed[u.key].home == n] for n in range(len(runs))]
    order = [n for n in range(len(runs)) if groups[n]]
    reserved = options.reserved | own_names(graph)
    names = name_modules([groups[n] for n in order], load_lexicon(), reserved)
    place_of = {i.key: at for at, i in enumerate(graph.source.items)}
    modules = []
    for n, named in zip(order, names):
        keys = sorted((k for u in units if placed[u.key].home == n for k in u.keys), key=place_of.__getitem__)
        why = {k: placed[u.key].why for u in units if placed[u.key].home == n for k in u.keys}
        modules.append(Module(named.path, named.path, tuple(keys), (), why))
    phases = tuple(Phase(n + 1, m.path, "in file order", (m,)) for n, m in enumerate(modules))
    return Plan(options.source_path, graph.source.digest, phases, options.layout)
