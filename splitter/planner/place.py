"""Places what clustering leaves open: types, constants, statics, macros and helpers follow those who use them.

Invariant: knows no similarity; what three or more modules share stays in the residue, and so does what residue
items need.
"""

from collections import Counter
from dataclasses import dataclass, replace

from splitter.model.graph import SymbolGraph, Tie
from splitter.model.source import ItemKind
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


def place(
    graph: SymbolGraph, units: tuple[Unit, ...], homes: dict[str, Placement], fixed: frozenset[str] = frozenset()
) -> dict[str, Placement]:
    """Placement of every unit by its key, given those of the clustered functions in `homes`; `fixed` ones stay put."""
    owner = {key: unit.key for unit in units for key in unit.keys}
    graph = without_twins(graph)
    found = _settle_helpers(graph, units, owner, homes, fixed)
    waiting = [unit for unit in units if unit.key not in found]
    while waiting:
        ready = [unit for unit in waiting if not _open_users(graph, unit, owner, found)] or waiting[:1]
        for unit in ready:
            found[unit.key] = _follow(graph, unit, owner, found)
        waiting = [unit for unit in waiting if unit.key not in found]
    return _near(graph, units, found)


def without_twins(graph: SymbolGraph) -> SymbolGraph:
    """The graph of real uses: a twin is a companion, no user."""
    return replace(graph, references=tuple(one for one in graph.references if one.tie is not Tie.TWIN))


def user_homes(graph: SymbolGraph, unit: Unit, owner: dict[str, str], placed: dict[str, Placement]) -> Counter[Home]:
    """How many items of each module use a unit; test-only items do not count."""
    homes: Counter[Home] = Counter()
    for user in _users(graph, unit):
        if user not in owner:
            homes[None] += 1
        elif owner[user] in placed:
            homes[placed[owner[user]].home] += 1
    return homes


def _users(graph: SymbolGraph, unit: Unit, *, tests: bool = False) -> set[str]:
    everyone = {user for key in unit.keys for user in graph.users.get(key, ())} - set(unit.keys)
    items = graph.source.by_key
    return {user for user in everyone if tests or not items[user].test_only}


def _open_users(graph: SymbolGraph, unit: Unit, owner: dict[str, str], placed: dict[str, Placement]) -> bool:
    return any(user in owner and owner[user] not in placed for user in _users(graph, unit))


def _settle_helpers(
    graph: SymbolGraph,
    units: tuple[Unit, ...],
    owner: dict[str, str],
    placed: dict[str, Placement],
    fixed: frozenset[str],
) -> dict[str, Placement]:
    """Private functions that many modules share stay; the others stand where their likeness puts them."""
    found = dict(placed)
    for unit in units:
        item = graph.source.by_key[unit.key]
        exported = item.symbol is not None or bool(item.visibility) or unit.kind is not ItemKind.FN
        if unit.key not in placed or unit.key in fixed or exported:
            continue
        sharers = set(user_homes(graph, unit, owner, placed)) - {None}
        if len(sharers) > _MOST_SHARERS:
            found[unit.key] = Placement(None, f"shared by {len(sharers)} modules")
    return found


def _follow(graph: SymbolGraph, unit: Unit, owner: dict[str, str], placed: dict[str, Placement]) -> Placement:
    homes = user_homes(graph, unit, owner, placed)
    if not homes and _users(graph, unit, tests=True):
        return Placement(None, "used by tests only")
    if not homes and unit.kind not in _PLAIN:
        return Placement(None, "no function uses it by name")
    if not homes:
        return Placement(_UNUSED, "stands beside it and is used by no other item")
    modules = set(homes) - {None}
    if len(homes) == 1:
        return Placement(next(iter(homes)), "used by this module only")
    light = unit.kind in _LIGHT and None not in homes
    if light and len(modules) <= _MOST_SHARERS:
        home = max(modules, key=lambda one: (one != _UNUSED, homes[one], -(one or 0)))
        return Placement(home, f"used most by this module ({homes[home]} of {homes.total()} users)")
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
