"""Places what clustering leaves open: types, constants, statics, macros and helpers follow those who use them.

Invariant: knows no similarity; what was grouped stays where it was put, of the rest what three or more modules share
stays in the residue, and so does what residue items need.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from splitter.model.graph import SymbolGraph, Tie
from splitter.model.source import ItemKind
from splitter.planner.cycles import group_cycles
from splitter.planner.units import Unit

Home = int | None
_LIGHT = (ItemKind.FN, ItemKind.CONST, ItemKind.STATIC, ItemKind.TYPE)
_PLAIN = (*_LIGHT, ItemKind.STRUCT, ItemKind.ENUM, ItemKind.UNION, ItemKind.TRAIT)
_UNUSED = -1
_MOST_SHARERS = 2


@dataclass(frozen=True, slots=True)
class Placement:
    """Module number of a unit (none: the residue) and the reason in a few words."""

    home: Home
    why: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Section of each unit by its key, module of each unit whose name speaks of one, and what families share.

    `shared` says for the modules of a family which number what they share has.
    """

    sections: dict[str, str]
    named: dict[str, int]
    shared: dict[int, int]


def place(
    graph: SymbolGraph,
    units: tuple[Unit, ...],
    homes: dict[str, Placement],
    around: Surroundings,
) -> dict[str, Placement]:
    """Placement of every unit by its key, given those of the clustered functions in `homes`, which stay put."""
    owner = {key: unit.key for unit in units for key in unit.keys}
    graph = without_twins(graph)
    found = dict(homes)
    hosts = _hosts(found, around.sections)
    waiting = {unit.key: unit for unit in units if unit.key not in found}
    for group in group_cycles(_uses_between(graph, waiting, owner)):
        homes_of = sum((user_homes(graph, waiting[key], owner, found) for key in group), Counter[Home]())
        members = [waiting[key] for key in group]
        own = (around.named.get(group[0]), hosts.get(around.sections.get(group[0], "")))
        placement = _follow(graph, members, homes_of, own, around.shared)
        found.update(dict.fromkeys(group, placement))
    return _near(graph, units, found)


def without_twins(graph: SymbolGraph) -> SymbolGraph:
    """The graph of real uses: a twin is a companion, no user."""
    return replace(graph, references=tuple(one for one in graph.references if one.tie is not Tie.TWIN))


def user_homes(graph: SymbolGraph, unit: Unit, owner: dict[str, str], placed: dict[str, Placement]) -> Counter[Home]:
    """How many items of each module use a unit; test-only ones count for macros alone, which they have to see."""
    homes: Counter[Home] = Counter()
    users = _users(graph, unit)
    for user in _users(graph, unit, tests=True) if users and unit.kind is ItemKind.MACRO else users:
        if user not in owner:
            homes[None] += 1
        elif owner[user] in placed:
            homes[placed[owner[user]].home] += 1
    return homes


def _users(graph: SymbolGraph, unit: Unit, *, tests: bool = False) -> set[str]:
    everyone = {user for key in unit.keys for user in graph.users.get(key, ())} - set(unit.keys)
    items = graph.source.by_key
    return {user for user in everyone if tests or not items[user].test_only}


def _uses_between(graph: SymbolGraph, waiting: dict[str, Unit], owner: dict[str, str]) -> dict[str, list[str]]:
    """Which units that wait for their users each of them uses."""
    found: dict[str, list[str]] = {key: [] for key in waiting}
    for key, unit in waiting.items():
        for user in sorted(_users(graph, unit)):
            if owner.get(user, key) != key and owner[user] in found:
                found[owner[user]].append(key)
    return found


def _hosts(placed: dict[str, Placement], sections: dict[str, str]) -> dict[str, int]:
    """The module that more than half of a section's grouped functions went to, by section."""
    homes: dict[str, Counter[Home]] = defaultdict(Counter)
    for key, one in placed.items():
        if sections.get(key):
            homes[sections[key]][one.home] += 1
    best = {section: max(row, key=lambda one: (row[one], str(one))) for section, row in homes.items()}
    return {
        section: home
        for section, home in best.items()
        if home is not None and 2 * homes[section][home] > homes[section].total()
    }


def _follow(
    graph: SymbolGraph, group: list[Unit], homes: Counter[Home], own: tuple[Home, Home], shared: dict[int, int]
) -> Placement:
    """Where units that use one another go: to those who use them from outside, of which `homes` says how many.

    `own` are the module that the name speaks of and the one whose section they stand in.
    """
    if not homes:
        return _unused(graph, group)
    modules = set(homes) - {None}
    if len(homes) == 1:
        return Placement(next(iter(homes)), "used by this module only")
    if any(unit.kind is ItemKind.MACRO for unit in group):
        return Placement(None, f"shared by {len(homes)} modules, which see no macro of another one")
    if own[0] in modules:
        return Placement(own[0], f"named after this module; {len(homes)} modules use it")
    if own[1] in modules:
        return Placement(own[1], f"stands in this module's section; {len(homes)} modules use it")
    return _shared(group, homes, shared)


def _unused(graph: SymbolGraph, group: list[Unit]) -> Placement:
    if any(_users(graph, unit, tests=True) - _users(graph, unit) for unit in group):
        return Placement(None, "used by tests only")
    if not all(unit.kind in _PLAIN for unit in group):
        return Placement(None, "no function uses it by name")
    return Placement(_UNUSED, "stands beside it and is used by no other item")


def _shared(group: list[Unit], homes: Counter[Home], shared: dict[int, int]) -> Placement:
    """A light item of two modules goes where it is used most, what one family alone uses to what it shares."""
    modules = [one for one in homes if one is not None]
    if len(modules) == len(homes):
        if all(unit.kind in _LIGHT for unit in group) and len(modules) <= _MOST_SHARERS:
            home = max(modules, key=lambda one: (one != _UNUSED, homes[one], -one))
            return Placement(home, f"used most by this module ({homes[home]} of {homes.total()} users)")
        common = {shared.get(one) for one in modules}
        if len(common) == 1 and None not in common:
            return Placement(common.pop(), f"shared by {len(homes)} modules of this family")
    return Placement(None, f"shared by {len(homes)} modules")


def _near(graph: SymbolGraph, units: tuple[Unit, ...], placed: dict[str, Placement]) -> dict[str, Placement]:
    """What nobody uses goes with the next placed neighbour in the file."""
    order = {item.key: at for at, item in enumerate(graph.source.items)}
    settled = [(order[u.key], placed[u.key].home) for u in units if placed[u.key].home != _UNUSED and u.anchor]
    found = dict(placed)
    for unit in units:
        if found[unit.key].home != _UNUSED:
            continue
        at = order[unit.key]
        home = min(settled, key=lambda one: (abs(one[0] - at), one[0] < at))[1] if settled else None
        found[unit.key] = replace(found[unit.key], home=home)
    return found
