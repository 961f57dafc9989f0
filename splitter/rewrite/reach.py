"""From how far away each item has to be seen once it stands at its new place.

Source: The Rust Reference, "Visibility and privacy"; rustc's lint `private_interfaces` and its error "type is
private": what shows a type has to be no more visible than the type.
Invariant: the least module that holds all users; types follow what shows them in a signature, a visible field, a
public method or an associated type.
"""

from collections.abc import Iterator

from splitter.model.source import Item, ItemKind
from splitter.rewrite.exports import reexports, visible_uses
from splitter.rewrite.imports import line_key, parent_imports, residue_imports
from splitter.rewrite.names import trait_methods
from splitter.rewrite.places import Place, common, path_between
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World
from splitter.source.mentions import find_mentions
from splitter.source.tokens import NESTING, Token, code_tokens
from splitter.source.uses import UseLeaf

_HEADS: dict[ItemKind, tuple[bytes, ...]] = {
    ItemKind.FN: (b"{", b";"),
    ItemKind.CONST: (b"=", b";"),
    ItemKind.STATIC: (b"=", b";"),
}
_INSIDE: dict[ItemKind, tuple[bytes, ...]] = {
    ItemKind.CALL: (b"static",),
    ItemKind.TRAIT: (b"fn", b"trait"),
    ItemKind.IMPL: (b"type",),
}
_FIELDS = (ItemKind.STRUCT, ItemKind.UNION)
_WHOLE = (ItemKind.TYPE, ItemKind.ENUM, ItemKind.EXTERN)


def needed_at(world: World) -> dict[str, Place]:
    """For each item the module all of which has to see it, where that is not its own."""
    brought = {world.residue: _names(world, residue_imports(world))}
    above = (*reexports(world), *parent_imports(world), *visible_uses(world))
    brought[()] = _names(world, above) | brought.get((), frozenset())
    by_path = frozenset().union(*(names.through | names.absolute for names in world.names.values()), world.outside)
    reach = {item.key: _all_users(world, item, brought, by_path) for item in world.source.items}
    waiting = [key for key, place in reach.items() if place != world.place(key)]
    while waiting:
        item = world.source.by_key[waiting.pop()]
        for shown in _shown_with(world, item):
            place = common(reach[shown], reach[item.key])
            if place != reach[shown]:
                reach[shown] = place
                waiting.append(shown)
    return {key: place for key, place in reach.items() if place != world.place(key)}


def _names(world: World, lines: tuple[UseLine, ...]) -> frozenset[str]:
    """Names of items that the paths of the lines lead to, or through."""
    return frozenset(name for line in lines for name in (line.leaf.path[-1], *_through(world, line.leaf.path)))


def _through(world: World, path: tuple[str, ...]) -> tuple[str, ...]:
    """The first segment behind the residue's own module, where a path goes on from there."""
    head = ("self", *world.residue)
    return path[len(head) : len(head) + 1] if world.residue and path[: len(head)] == head else ()


def _all_users(world: World, item: Item, brought: dict[Place, frozenset[str]], by_path: frozenset[str]) -> Place:
    """The least module that holds the item and what names it.

    `brought` are names that parent and residue import, `by_path` those that code reaches without an import.
    """
    place = world.place(item.key)
    names = world.definitions.by_item.get(item.key, ())
    users = {
        user
        for name in names
        for user in (*world.users.get(name, ()), *_callers(world, item))
        if name in by_path or not _is_unneeded(world, user, place, name)
    }
    users |= {user for user, row in brought.items() if user != place and not row.isdisjoint(names)}
    for user in users:
        place = common(place, user)
    return place


def _callers(world: World, item: Item) -> set[Place]:
    """Places that may use a trait through its methods alone."""
    if item.kind is not ItemKind.TRAIT:
        return set()
    methods = trait_methods(world.source, item)
    named = {key: names.members | names.plain for key, names in world.names.items()}
    return {place for place, row in world.members.items() if any(methods & named[user.key] for user in row)}


def _is_unneeded(world: World, user: Place, home: Place, name: str) -> bool:
    """Say whether the compiler found the import of a name to be unused where names alone ask for it."""
    line = UseLine(UseLeaf((*path_between(user, home), name)))
    return user != home and (user, line_key(line)) in world.hints.dropped


def _shown_with(world: World, item: Item) -> set[str]:
    """Keys of the types that whoever sees the item sees too."""
    types = world.definitions.types
    rows = [_interface(world, item)]
    if item.kind in (*_FIELDS, ItemKind.ENUM, ItemKind.TRAIT):
        impls = (i for i in world.source.items if i.kind is ItemKind.IMPL and i.name == item.name)
        rows += [_interface(world, impl) for impl in impls]
    names = {mention.name for row in rows for tokens in row for mention in find_mentions(tokens)}
    return {key for name in names for key in types.get(name, ()) if key != item.key}


def _interface(world: World, item: Item) -> list[list[Token]]:
    """Stretches of the item's tokens that say what it shows."""
    tokens = code_tokens(world.source.data, item.core.start, item.core.end)
    opened = {member for key, member in world.hints.opened if key == item.key}
    if item.kind in _WHOLE or (item.kind in _FIELDS and "0" in opened):
        return [tokens]
    if item.kind in _HEADS:
        return [_until(tokens, 0, _HEADS[item.kind])]
    if item.kind in _FIELDS:
        return [_until(tokens, at, (b",",)) for at in _visible(tokens, opened)]
    if item.kind is ItemKind.IMPL and item.trait is None:
        return [_until(tokens, at, (b"{", b";", b"=")) for at in _visible(tokens, opened)]
    keywords = _INSIDE.get(item.kind, ())
    return [_until(tokens, at, (b"{", b";")) for at, token in enumerate(tokens) if token.text in keywords]


def _visible(tokens: list[Token], opened: set[str]) -> Iterator[int]:
    """Index behind the name or the `pub` of each member that is public, or that had to be opened."""
    depth = 0
    for at, token in enumerate(tokens):
        if depth == 1 and (token.text == b"pub" or token.text.decode() in opened):
            yield at + 1
        depth += NESTING.get(token.kind, 0)


def _until(tokens: list[Token], start: int, ends: tuple[bytes, ...]) -> list[Token]:
    """Tokens from `start` up to one of `ends` at the same level, or to the end of that level."""
    depth, angle = 0, 0
    for at in range(start, len(tokens)):
        token = tokens[at]
        if depth == 0 and token.text in ends and (angle <= 0 or token.text != b","):
            return tokens[start:at]
        depth += NESTING.get(token.kind, 0)
        angle += {b"<": 1, b">": -1}.get(token.text, 0)
        if depth < 0:
            return tokens[start:at]
    return tokens[start:]
