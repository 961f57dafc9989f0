"""From clusters to places: homes of the grouped functions, what follows them, what families share, large ones divided.

Invariant: what a rule fixed stays where the rule put it; every number that a unit is placed at is a cluster's, or has
a path.
"""

from dataclasses import dataclass, replace

from splitter.graph.definitions import find_definitions
from splitter.model.graph import SymbolGraph
from splitter.model.source import ItemKind
from splitter.planner.features import Features
from splitter.planner.join import Cluster
from splitter.planner.lexicon import Lexicon
from splitter.planner.place import Placement, Surroundings, place, user_homes, without_twins
from splitter.planner.sections import Row, divide_large, rehome
from splitter.planner.units import Unit

_FEW = 2
_FAMILY = 3
_SHARED = "shared"

Clusters = list[tuple[Cluster, str | None]]


@dataclass(frozen=True, slots=True)
class Settled:
    """Placement of every unit by its key, the modules whose path is settled, and keys of what was grouped."""

    placed: dict[str, Placement]
    paths: dict[int, str]
    grouped: frozenset[str]


def settle(
    graph: SymbolGraph,
    units: tuple[Unit, ...],
    features: tuple[Features, ...],
    clusters: Clusters,
    fixed: frozenset[int],
    lexicon: Lexicon,
    target_lines: int,
) -> Settled:
    """Places of all units, given the clusters of the functions and which units rules have fixed."""
    homes = {
        units[at].key: Placement(number, "a rule says so" if at in fixed else "")
        for number, (members, _) in enumerate(clusters)
        for at in members
        if at in fixed or not _helpers(graph, members, units, features)
    }
    paths = {number: path for number, (_, path) in enumerate(clusters) if path}
    shared, added = _shared_modules(paths, len(clusters))
    sections = {unit.key: one.section for unit, one in zip(units, features, strict=True)}
    named = _named(units, features, paths, lexicon)
    fixed_keys = frozenset(units[at].key for at in fixed)
    placed = place(graph, units, homes, Surroundings(sections, named, shared))
    few = [number for number in set(shared.values()) if sum(one.home == number for one in placed.values()) < _FAMILY]
    if few:
        shared = {member: number for member, number in shared.items() if number not in few}
        placed = place(graph, units, homes, Surroundings(sections, named, shared))
    paths |= added
    ruled = {placed[key].home for key in fixed_keys}
    rows = _rows(units, features, placed)
    free = {number: path for number, path in paths.items() if number not in ruled}
    divided = divide_large(rows, free, target_lines, lexicon, _SHARED)
    placed, more = rehome(placed, divided, len(clusters) + len(added))
    return Settled(_with_macros(graph, units, placed, fixed_keys), paths | more, frozenset(homes))


def _with_macros(
    graph: SymbolGraph, units: tuple[Unit, ...], placed: dict[str, Placement], fixed: frozenset[str]
) -> dict[str, Placement]:
    """The placements with each macro beside its users, or in the residue where these are in several modules by now.

    A macro is seen in its own module alone, or from the residue, and so is what a call of one makes private. What is
    used by others of them is settled after those.
    """
    graph = without_twins(graph)
    owner = {key: unit.key for unit in units for key in unit.keys}
    definitions = find_definitions(graph.source)
    private = {name for name, one in definitions.by_call.items() if not one.visibility}
    bound = [u for u in units if u.kind is ItemKind.MACRO or private.intersection(definitions.by_item[u.key])]
    macros = [unit for unit in bound if placed[unit.key].home is not None and unit.key not in fixed]
    found = dict(placed)
    for _ in macros:
        for unit in macros:
            homes = user_homes(graph, unit, owner, found)
            if len(homes) > 1:
                seen = "see no macro" if unit.kind is ItemKind.MACRO else "reach nothing private"
                found[unit.key] = Placement(None, f"shared by {len(homes)} modules, which {seen} of another one")
            elif homes:
                found[unit.key] = replace(found[unit.key], home=next(iter(homes)))
        if found == placed:
            break
        placed = dict(found)
    return found


def _rows(units: tuple[Unit, ...], features: tuple[Features, ...], placed: dict[str, Placement]) -> dict[int, Row]:
    found: dict[int, Row] = {}
    for unit, one in zip(units, features, strict=True):
        home = placed[unit.key].home
        if home is not None:
            found.setdefault(home, []).append((unit, one))
    return found


def _named(
    units: tuple[Unit, ...], features: tuple[Features, ...], paths: dict[int, str], lexicon: Lexicon
) -> dict[str, int]:
    """Module of each unit whose name speaks of a domain that is one."""
    numbers = {path: number for number, path in paths.items() if not path.endswith(f"/{_SHARED}")}
    spoken = {unit.key: lexicon.beginning(one.name) for unit, one in zip(units, features, strict=True)}
    return {key: numbers[one.path] for key, one in spoken.items() if one and one.path in numbers}


def _shared_modules(paths: dict[int, str], first: int) -> tuple[dict[int, int], dict[int, str]]:
    """For each module of a family the number of what the family shares; such modules to be added, from `first` on."""
    numbers = {path: number for number, path in paths.items()}
    families = {number: path.partition("/")[0] for number, path in paths.items() if "/" in path}
    missing = [path for one in sorted(set(families.values())) if (path := f"{one}/{_SHARED}") not in numbers]
    added = {first + at: path for at, path in enumerate(missing)}
    numbers.update((path, number) for number, path in added.items())
    families.update((number, path.partition("/")[0]) for number, path in added.items())
    return {number: numbers[f"{family}/{_SHARED}"] for number, family in families.items()}, added


def _helpers(
    graph: SymbolGraph, members: tuple[int, ...], units: tuple[Unit, ...], features: tuple[Features, ...]
) -> bool:
    """Say whether a cluster is one or two private functions that others use: they follow their users."""
    few = len(members) <= _FEW and not any(features[at].exported for at in members)
    return few and all(graph.users.get(units[at].key) for at in members)
