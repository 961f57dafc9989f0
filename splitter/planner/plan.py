"""Makes a plan: units, similarity, clusters, placement, names, phases.

Invariant: pure and deterministic: the same graph and options give the same plan.
"""

from collections import defaultdict
from dataclasses import dataclass

from splitter.model.graph import SymbolGraph
from splitter.model.plan import Layout, Module, Phase, Plan
from splitter.planner.cluster import find_clusters
from splitter.planner.features import Features, common_words, find_features
from splitter.planner.join import Cluster
from splitter.planner.lexicon import load_lexicon
from splitter.planner.naming import Named, name_modules, own_names
from splitter.planner.notes import place_notes
from splitter.planner.phases import Block, order_phases
from splitter.planner.place import Placement, Surroundings, place, without_twins
from splitter.planner.reasons import describe_module, why_together
from splitter.planner.rules import Rules
from splitter.planner.units import Unit, find_units

_FEW = 2
_FAMILY = 3
_SHARED = "shared"


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

    def members(self, number: int) -> list[tuple[Unit, Features]]:
        """Units of a module with their features, in file order."""
        rows = zip(self.units, self.features, strict=True)
        return sorted(((u, f) for u, f in rows if self.placed[u.key].home == number), key=lambda one: one[1].at)


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
    homes = {
        units[at].key: Placement(number, "a rule says so" if at in fixed else "")
        for number, (members, _) in enumerate(clusters)
        for at in members
        if at in fixed or not _helpers(graph, members, units, features)
    }
    shared, added = _shared_modules(clusters)
    sections = {unit.key: one.section for unit, one in zip(units, features, strict=True)}
    numbers_of = {path: number for number, (_, path) in enumerate(clusters) if path}
    spoken = {unit.key: lexicon.beginning(one.name) for unit, one in zip(units, features, strict=True)}
    called = {
        key: numbers_of[one.path]
        for key, one in spoken.items()
        if one and one.path in numbers_of and not one.path.endswith(f"/{_SHARED}")
    }
    fixed_keys = frozenset(units[at].key for at in fixed)
    placed = place(graph, units, homes, fixed_keys, Surroundings(sections, called, shared))
    few = [number for number in set(shared.values()) if sum(one.home == number for one in placed.values()) < _FAMILY]
    if few:
        shared = {member: number for member, number in shared.items() if number not in few}
        placed = place(graph, units, homes, fixed_keys, Surroundings(sections, called, shared))
    clusters += [((), path) for path in added]
    numbers = sorted({one.home for one in placed.values() if one.home is not None})
    functions: dict[int, list[Features]] = defaultdict(list)
    for unit, one in zip(units, features, strict=True):
        home = placed[unit.key].home
        if home is not None and unit.key in homes:
            functions[home].append(one)
    names = name_modules(
        [functions[number] for number in numbers],
        [clusters[number][1] for number in numbers],
        lexicon,
        options.reserved | own_names(graph),
        common_words(features),
    )
    return Draft(units, features, placed, dict(zip(numbers, names, strict=True)))


def _shared_modules(clusters: list[tuple[Cluster, str | None]]) -> tuple[dict[int, int], list[str]]:
    """For each module of a family the number of what the family shares, and paths of such modules to be added."""
    numbers = {path: number for number, (_, path) in enumerate(clusters) if path}
    families = {number: path.partition("/")[0] for path, number in numbers.items() if "/" in path}
    added = [path for one in sorted(set(families.values())) if (path := f"{one}/{_SHARED}") not in numbers]
    numbers.update((path, len(clusters) + at) for at, path in enumerate(added))
    families.update((numbers[path], path.partition("/")[0]) for path in added)
    return {number: numbers[f"{family}/{_SHARED}"] for number, family in families.items()}, added


def _helpers(
    graph: SymbolGraph, members: tuple[int, ...], units: tuple[Unit, ...], features: tuple[Features, ...]
) -> bool:
    """Say whether a cluster is one or two private functions that others use: they follow their users."""
    few = len(members) <= _FEW and not any(features[at].exported for at in members)
    return few and all(graph.users.get(units[at].key) for at in members)


def _modules(graph: SymbolGraph, draft: Draft) -> tuple[dict[str, Module], list[Block]]:
    paths = {n: named.path for n, named in draft.named.items()}
    of_item = {k: paths[h] for u in draft.units for k in u.keys if (h := draft.placed[u.key].home) is not None}
    notes = place_notes(graph, of_item)
    uses = without_twins(graph).uses
    order = {item.key: at for at, item in enumerate(graph.source.items)}
    common = common_words(draft.features)
    modules: dict[str, Module] = {}
    blocks: list[Block] = []
    for number, named in draft.named.items():
        members = draft.members(number)
        why: dict[str, str] = {}
        for unit, one in members:
            text = draft.placed[unit.key].why or why_together(graph, unit, one, members, common)
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
                gate=_gate([one for _, one in functions]),
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
