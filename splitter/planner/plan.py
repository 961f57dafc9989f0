"""Makes a plan: units, similarity, clusters, placement, names, phases.

Invariant: pure and deterministic: the same graph and options give the same plan.
"""

from collections import defaultdict
from dataclasses import dataclass

from splitter.model.graph import SymbolGraph
from splitter.model.plan import Layout, Module, Phase, Plan
from splitter.planner.cluster import find_clusters
from splitter.planner.features import Features, common_words, find_features, usual_words
from splitter.planner.lexicon import load_lexicon
from splitter.planner.naming import Named, name_modules, own_names
from splitter.planner.notes import place_notes
from splitter.planner.phases import Block, order_phases
from splitter.planner.place import Placement, without_twins
from splitter.planner.reasons import count_words, describe_module, tally, why_together
from splitter.planner.rules import Rules
from splitter.planner.settle import settle
from splitter.planner.units import Unit, find_units


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the user wishes; `reserved` are names that no module may take, `source_path` is as the plan has it."""

    target_lines: int = 250
    layout: Layout = Layout.INLINE
    rules: Rules | None = None
    reserved: frozenset[str] = frozenset()
    source_path: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A division before it is ordered in phases: placement by unit key, name and settled path by module number."""

    units: tuple[Unit, ...]
    features: tuple[Features, ...]
    placed: dict[str, Placement]
    named: dict[int, Named]

    def members(self) -> dict[int, list[tuple[Unit, Features]]]:
        """Units of each module with their features, in file order."""
        found: dict[int, list[tuple[Unit, Features]]] = {number: [] for number in self.named}
        for unit, features in sorted(zip(self.units, self.features, strict=True), key=lambda one: one[1].at):
            home = self.placed[unit.key].home
            if home is not None:
                found[home].append((unit, features))
        return found


def make_plan(graph: SymbolGraph, options: PlanOptions) -> Plan:
    """Plan of a whole file. Raises `PlanError` when a rule matches nothing."""
    draft = make_draft(graph, options)
    modules, blocks = _modules(graph, draft)
    steps = order_phases(blocks, load_lexicon())
    phases = tuple(
        Phase(number, step.name, step.reason, tuple(modules[path] for path in step.paths))
        for number, step in enumerate(steps, 1)
    )
    return Plan(options.source_path or graph.source.path, graph.source.digest, phases, options.layout)


def make_draft(graph: SymbolGraph, options: PlanOptions) -> Draft:
    """Which unit goes to which module, without phases."""
    lexicon = load_lexicon()
    decided = options.rules.decide(graph.source.items) if options.rules else {}
    kept = frozenset(key for key, path in decided.items() if path is None)
    units = find_units(graph, kept)
    features = find_features(graph, units)
    fixed = {at: decided[key] for at, unit in enumerate(units) for key in unit.keys if decided.get(key)}
    clusters = find_clusters(graph, units, features, fixed, options.target_lines)
    settled = settle(graph, units, features, clusters, frozenset(fixed), lexicon, options.target_lines)
    placed = settled.placed
    numbers = sorted({one.home for one in placed.values() if one.home is not None})
    functions: dict[int, list[Features]] = defaultdict(list)
    for unit, one in zip(units, features, strict=True):
        home = placed[unit.key].home
        if home is not None and unit.key in settled.grouped:
            functions[home].append(one)
    names = name_modules(
        [functions[number] for number in numbers],
        [settled.paths.get(number) for number in numbers],
        lexicon,
        options.reserved | own_names(graph),
        usual_words(tuple(one for one, unit in zip(features, units, strict=True) if unit.anchor)),
    )
    named = dict(zip(numbers, names, strict=True))
    if options.rules:
        asked = {path: named[number].path for number, path in settled.paths.items() if number in named}
        options.rules.refuse_taken(asked)
    return Draft(units, features, placed, named)


def _modules(graph: SymbolGraph, draft: Draft) -> tuple[dict[str, Module], list[Block]]:
    paths = {n: named.path for n, named in draft.named.items()}
    of_item = {k: paths[h] for u in draft.units for k in u.keys if (h := draft.placed[u.key].home) is not None}
    notes = place_notes(graph, of_item)
    uses = without_twins(graph).uses
    order = {item.key: at for at, item in enumerate(graph.source.items)}
    common = common_words(draft.features)
    everywhere = count_words(draft.features, common)
    modules: dict[str, Module] = {}
    blocks: list[Block] = []
    every = draft.members()
    for number, named in draft.named.items():
        members = every[number]
        why: dict[str, str] = {}
        counts = tally(graph, members, common, everywhere)
        for unit, one in members:
            text = draft.placed[unit.key].why or why_together(graph, unit, one, counts)
            why.update({key: text if key == unit.key else f"belongs to `{unit.name}`" for key in unit.keys})
        why.update({key: "heads what moves here" for key, path in notes.items() if path == named.path})
        keys = tuple(sorted(why, key=order.__getitem__))
        functions = [(unit, one) for unit, one in members if unit.anchor]
        domain = named.domain if named.settled else None
        doc = domain.doc if domain else describe_module(named.path, functions or members)
        modules[named.path] = Module(named.path, doc, keys, (), {key: why[key] for key in keys})
        needs = {of_item[use] for key in keys for use in uses.get(key, ()) if use in of_item} - {named.path}
        blocks.append(
            Block(
                path=named.path,
                group=domain.group if domain else named.path.split("/")[0].replace("_", " "),
                lines=sum(one.lines for _, one in members),
                at=order[keys[0]],
                gate=_gate([one for _, one in functions or members]),
                needs=frozenset(needs),
            )
        )
    return modules, blocks


def _gate(functions: list[Features]) -> str:
    """The feature that every function of a module is under, itself, by a twin, or for where it is off."""
    gates = [
        {cfg.removeprefix("not(").removesuffix(")") for cfg in one.cfgs if "feature = " in cfg} for one in functions
    ]
    shared = set.intersection(*gates) if gates else set()
    return min((gate for gate in shared if gate.startswith("feature = ")), default="")
