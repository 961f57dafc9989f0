"""Which items are grouped, and in which lumps: a function with its cfg twins, a type with its impls.

Invariant: knows no similarity and no module; every key is in at most one unit, and items that stay in any case
are in none.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from splitter.model.graph import Reference, SymbolGraph, Tie
from splitter.model.source import Item, ItemKind
from splitter.source.uses import use_leaves

_TYPES = (ItemKind.STRUCT, ItemKind.ENUM, ItemKind.UNION, ItemKind.TRAIT, ItemKind.TYPE)
_STATE_MACROS = ("thread_local", "lazy_static")


@dataclass(frozen=True, slots=True)
class Unit:
    """Items that move together; `anchor` says that clustering decides on it, not who uses it.

    `weight` is how many functions it stands for: those that its impls export, else one.
    """

    keys: tuple[str, ...]
    anchor: bool
    kind: ItemKind
    name: str
    weight: int = 1

    @property
    def key(self) -> str:
        """Key of the first item, which stands for the unit."""
        return self.keys[0]


def find_units(graph: SymbolGraph, kept: frozenset[str] = frozenset()) -> tuple[Unit, ...]:
    """Units of a file in file order; items whose key is in `kept` and their companions are left out."""
    lumps = _lump(graph)
    pinned = kept | _pinned(graph)
    exported = Counter(symbol.item for symbol in graph.symbols)
    found: list[Unit] = []
    for lump in lumps:
        head = _head(lump)
        if any(_stays(item) or item.key in pinned for item in lump):
            continue
        exports = sum(exported[item.key] for item in lump if item.kind is ItemKind.IMPL)
        name = _function_name(graph, head) or (head.name if exports else "")
        keys = (head.key, *(item.key for item in lump if item is not head))
        found.append(Unit(keys, bool(name), head.kind, (name or head.name).removeprefix("r#"), max(1, exports)))
    anchors = [unit for unit in found if unit.anchor]
    if len(anchors) == 1 and anchors[0].kind not in (ItemKind.FN, ItemKind.CALL):
        return tuple(replace(unit, anchor=False) for unit in found)  # one type is no domain beside others
    return tuple(found)


def _pinned(graph: SymbolGraph) -> frozenset[str]:
    """Macros that stay, and the users of a macro that is redefined further down.

    A `mod` line stands behind all of the macros, so what uses an earlier definition would see the last one.
    """
    named: dict[str, list[Item]] = defaultdict(list)
    for item in graph.items(ItemKind.MACRO):
        named[item.name].append(item)
    uses = graph.items(ItemKind.USE)
    leaves = {leaf.path[-1] for item in uses for leaf in use_leaves(graph.source, item) if leaf.path}
    found: set[str] = set()
    for name, row in named.items():
        exported = any("macro_export" in text or "macro_use" in text for item in row for text in item.attributes)
        if len(row) > 1 or exported or name in leaves:
            found.update(item.key for item in row)
        if len(row) > 1 and not all(item.cfgs for item in row):
            found.update(user for item in row for user in graph.users.get(item.key, ()))
    return frozenset(found)


def _stays(item: Item) -> bool:
    fixed = (ItemKind.MOD, ItemKind.NOTE, ItemKind.EXTERN_CRATE)
    return not item.movable or item.kind in fixed or item.test_only or item.name == "_"


def _function_name(graph: SymbolGraph, item: Item) -> str:
    """Name of a function, or of the first that a macro call defines; empty for what is neither."""
    if item.kind is ItemKind.FN:
        return item.name
    if item.kind is not ItemKind.CALL or item.name.rsplit("::", 1)[-1] in _STATE_MACROS:
        return ""
    return next((name for name in graph.defined.get(item.key, ()) if name[:1].islower()), "")


def _lump(graph: SymbolGraph) -> list[list[Item]]:
    """Items joined by twin ties, and impls joined to the type that they are for."""
    parent = {item.key: item.key for item in graph.source.items}

    def root(key: str) -> str:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    types = {item.name: item.key for item in reversed(graph.source.items) if item.kind in _TYPES}
    for reference in graph.references:
        if reference.tie is Tie.TWIN and _same_names(graph, reference):
            parent[root(reference.src)] = root(reference.dst)
    for item in graph.source.items:
        if item.kind is ItemKind.IMPL:
            home = types.get(item.name) or types.get(_trait_name(item))
            if home:
                parent[root(item.key)] = root(home)
    lumps: dict[str, list[Item]] = defaultdict(list)
    for item in graph.source.items:
        lumps[root(item.key)].append(item)
    return list(lumps.values())


def _same_names(graph: SymbolGraph, reference: Reference) -> bool:
    """Say whether two items are twins in what they define: two calls of one macro need not be."""
    if graph.source.by_key[reference.src].kind is not ItemKind.CALL:
        return True
    return bool(set(graph.defined[reference.src]) & set(graph.defined[reference.dst]))


def _trait_name(item: Item) -> str:
    return (item.trait or "").lstrip("!").split("<")[0].rsplit("::", 1)[-1].strip()


def _head(lump: list[Item]) -> Item:
    """The item that gives the unit its name: the type among its impls, else the first."""
    return next((item for item in lump if item.kind is not ItemKind.IMPL), lump[0])
