"""Imports of one module: what its items name, and what could matter without being named.

Invariant: gives too much rather than too little (an import of what was in scope before cannot change the meaning
of code); where a compiler follows, it says what is unused. Macros by `macro_rules` need no import.
"""

import re
from dataclasses import replace

from splitter.model.source import Item, ItemKind
from splitter.rewrite.gates import ALWAYS, Gate, any_of, as_text, gate_of
from splitter.rewrite.known_traits import KNOWN_TRAITS
from splitter.rewrite.names import trait_methods
from splitter.rewrite.places import Place, path_between
from splitter.rewrite.reroot import reroot
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World
from splitter.source.uses import UseLeaf

_ALLOWS_DEPRECATED = re.compile(r"#\[(?:allow|expect)\([^\]]*\bdeprecated\b")


def module_imports(world: World, place: Place) -> tuple[UseLine, ...]:
    """All `use` lines that the module at `place` needs or may need."""
    members = world.members[place]
    lines: list[UseLine] = []
    for name in sorted(_named(world, members) | {n for p, n in world.hints.wanted if p == place}):
        gate = _users_gate(world, place, name)
        lines += _of_siblings(world, place, name, gate)
        if not _stays_nameable(world, name):
            lines += _of_leaves(world, place, name, gate)
    lines += _of_included(world, place, members)
    lines += _unnamed(world, place, members)
    shared = module_gate(members)
    return tuple(
        _hinted(world, place, _without(line, shared)) for line in _unique(lines) if not _is_dropped(world, place, line)
    )


def module_gate(members: list[Item]) -> Gate:
    """The gate that all items of a module share; always, if one is free."""
    gates = {gate_of(item.cfgs) for item in members if item.kind is not ItemKind.NOTE}
    return frozenset(gates) if len(gates) == 1 and "" not in gates else ALWAYS


def line_key(line: UseLine) -> str:
    """Text by which hints name an import."""
    return f"{'::'.join(line.leaf.path)}{'::*' if line.leaf.glob else ''} as {line.leaf.name}"


def residue_imports(world: World) -> tuple[UseLine, ...]:
    """Private imports that the residue needs of what leaves it; those it re-exports anyway are left out."""
    members = world.members[world.residue]
    through = frozenset().union(*(names.through for names in world.names.values()))
    always = through | _absolute(world) if world.residue == () else through
    return _brought(world, world.residue, _named(world, members) | _traits_used(world, members), always)


def parent_imports(world: World) -> tuple[UseLine, ...]:
    """Private imports for what other files reach through the parent, where that is not the residue."""
    return _brought(world, (), set(), _absolute(world))


def _absolute(world: World) -> frozenset[str]:
    return world.outside.union(*(names.absolute for names in world.names.values()))


def _brought(world: World, place: Place, named: set[str], always: frozenset[str]) -> tuple[UseLine, ...]:
    """Lines for names that `place` uses, and for those that have to be there `always`, whoever uses them."""
    lines: list[UseLine] = []
    named = named | {name for wanted, name in world.hints.wanted if wanted == place}
    own = {name for name in always if name in world.definitions.values or name in world.definitions.types}
    for name in sorted(named | own):
        gate = ALWAYS if name in always else _users_gate(world, place, name)
        elsewhere = [item for home, items in world.homes(name).items() if home != () for item in items]
        if place == () and not any(item.private for item in elsewhere):
            continue
        lines += [line for line in _of_siblings(world, place, name, gate) if not _is_dropped(world, place, line)]
    return tuple(_unique([_hinted(world, place, line) for line in lines]))


def _named(world: World, members: list[Item]) -> set[str]:
    names: set[str] = set()
    for item in members:
        found = world.names[item.key]
        names |= found.certain if world.by_names else found.plain
    return names


def _stays_nameable(world: World, name: str) -> bool:
    """A name that both an item of the residue and an import define comes whole through the residue.

    Where each has its own condition, one stands in for the other, and the import is copied like any other.
    """
    defined = any_of(gate_of(item.cfgs) for item in world.homes(name).get(world.residue, ()))
    leaves = world.leaves_by_name.get(name, ())
    twins = defined != ALWAYS and all(item.cfgs for item, _ in leaves)
    return world.residue in world.homes(name) and bool(leaves) and not twins


def _users_gate(world: World, place: Place, name: str) -> Gate:
    return any_of(gate_of(item.cfgs) for item in world.namers[place].get(name, ()))


def _of_siblings(world: World, place: Place, name: str, users: Gate) -> list[UseLine]:
    homes = world.homes(name)
    own = homes.pop(place, [])
    own = [] if name in world.hints.called else own  # a call here that holds the name only uses it
    here = any_of(gate_of(item.cfgs) for item in own)
    if own and here == ALWAYS:
        return []
    # What is defined here under one `cfg` alone may be defined elsewhere under another.
    homes = {home: items for home, items in homes.items() if not {gate_of(item.cfgs) for item in items} & here}
    lines = []
    if len(homes) > 1 and world.residue in homes and _brought_back(world, homes):
        homes = {world.residue: homes[world.residue]}
    for home, items in homes.items():
        if all(item.kind is ItemKind.CALL and not _may_define(world, item, name) for item in items):
            continue
        defined = any_of(gate_of(item.cfgs) for item in items)
        leaf = UseLeaf((*path_between(place, home), name))
        line = UseLine(leaf, "", _gates(users, defined))
        lines.append(line.allowing("deprecated", when=any(item.deprecated for item in items)))
    return lines


def _brought_back(world: World, homes: dict[Place, list[Item]]) -> bool:
    """A name of several namespaces whose parts that leave the residue are re-exported there: it has them all."""
    return not any(item.private for home, items in homes.items() if home != world.residue for item in items)


def _may_define(world: World, call: Item, name: str) -> bool:
    known = bool(world.definitions.by_item.get(call.key)) or call.name in world.public_macros
    return known or name == call.name or name in world.hints.called


def _of_leaves(world: World, place: Place, name: str, users: Gate) -> list[UseLine]:
    lines = []
    for item, leaf in world.leaves_by_name.get(name, ()):
        if len(leaf.path) == 1 and leaf.path[0] in world.definitions.macros:
            continue
        lines.append(_copied(world, place, item, leaf, users))
    return lines


def _of_included(world: World, place: Place, members: list[Item]) -> list[UseLine]:
    """Names that only an included file can bring; without a compiler to deny it, those of constants alone."""
    lines: list[UseLine] = []
    for item in world.includes:
        up = path_between(place, world.place(item.key))
        asked = frozenset().union(*(world.names[m.key].certain - world.names[m.key].macros for m in members))
        names = (name for name in sorted(asked) if world.may_be_included(name))
        lines += [UseLine(UseLeaf((*up, name)), "", _gates(_users_gate(world, place, name), ALWAYS)) for name in names]
    return lines


def _copied(world: World, place: Place, item: Item, leaf: UseLeaf, users: Gate) -> UseLine:
    declared = any_of([gate_of(item.cfgs)])
    line = UseLine(leaf.moved(reroot(world, leaf.path, place)), "", _gates(users, declared))
    return line.allowing("deprecated", when=any(_ALLOWS_DEPRECATED.match(text) for text in item.attributes))


def _unnamed(world: World, place: Place, members: list[Item]) -> list[UseLine]:
    """Globs, `as _` and traits that are used through their methods."""
    lines: list[UseLine] = []
    named = _named(world, members)
    found = (world.names[item.key] for item in members)
    used = frozenset().union(*(names.members | names.plain for names in found))
    everywhere = frozenset().union(*(names.plain for names in world.names.values()))
    for item, leaf in world.leaves:
        unnamed = leaf.alias == "_" and _may_be_trait(world, leaf, used, everywhere)
        if leaf.glob or unnamed or (leaf.name not in named and _may_be_trait(world, leaf, used, everywhere)):
            lines.append(_copied(world, place, item, leaf, ALWAYS))
    for name in sorted(_traits_used(world, members) - named):
        lines += _of_siblings(world, place, name, ALWAYS)
    return lines


def _traits_used(world: World, members: list[Item]) -> set[str]:
    """Traits of the file whose methods the items may call."""
    used = frozenset().union(*(world.names[item.key].members | world.names[item.key].plain for item in members))
    traits = (item for item in world.source.items if item.kind is ItemKind.TRAIT)
    return {item.name for item in traits if trait_methods(world.source, item) & used}


def methods_of(world: World, name: str) -> frozenset[str]:
    """Methods by which a trait is used without being named, as far as they are known."""
    own = (world.source.by_key[key] for key in world.definitions.types.get(name, ()))
    local = (trait_methods(world.source, item) for item in own if item.kind is ItemKind.TRAIT)
    return _declared(world, name).union(*local)


def _declared(world: World, name: str) -> frozenset[str]:
    """Methods of the traits that are known by name: the standard library's, and those that earlier phases took away."""
    return KNOWN_TRAITS.get(name, frozenset()) | world.earlier_traits.get(name, frozenset())


def _may_be_trait(world: World, leaf: UseLeaf, used: frozenset[str], everywhere: frozenset[str]) -> bool:
    name = leaf.path[-1]
    if not name[:1].isupper():
        return False
    declared = _declared(world, name)
    if declared:
        return bool(declared & used)
    return leaf.alias == "_" or leaf.name not in everywhere or not world.by_names


def _gates(users: Gate, defined: Gate) -> tuple[str, ...]:
    texts = (as_text(users), as_text(defined))
    return tuple(dict.fromkeys(text for text in texts if text))


def _without(line: UseLine, shared: Gate) -> UseLine:
    text = as_text(shared)
    rest = tuple(cfg for cfg in line.cfgs if cfg != text)
    return replace(line, cfgs=rest)


def _unique(lines: list[UseLine]) -> list[UseLine]:
    """One line for each leaf; where two are declared under different gates, both stay."""
    return list({(line_key(line), line.cfgs): line for line in lines}.values())


def _is_dropped(world: World, place: Place, line: UseLine) -> bool:
    return (place, line_key(line)) in world.hints.dropped


def _hinted(world: World, place: Place, line: UseLine) -> UseLine:
    key = line_key(line)
    extra = tuple(cfg for p, text, cfg in world.hints.gated if (p, text) == (place, key))
    line = replace(line, cfgs=tuple(dict.fromkeys((*line.cfgs, *extra))))
    return line.allowing("unused_imports", when=(place, key) in world.hints.allowed)
