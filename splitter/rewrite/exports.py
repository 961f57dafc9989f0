"""Names that an item shows to the world beside it, with the visibility that each has.

Invariant: reads the item alone; a macro call shows what its macro is known to make public.
"""

from collections.abc import Iterator

from splitter.model.source import Item, ItemKind
from splitter.rewrite.gates import any_of, gate_of
from splitter.rewrite.imports import line_key
from splitter.rewrite.places import Place
from splitter.rewrite.reroot import reroot
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import TokenKind
from splitter.source.uses import UseLeaf

_NAMELESS = (ItemKind.MACRO, ItemKind.IMPL, ItemKind.NOTE, ItemKind.USE, ItemKind.INNER, ItemKind.OPAQUE)


def shown_names(world: World, item: Item) -> tuple[tuple[str, str], ...]:
    """Pairs of name and visibility; private names have an empty visibility."""
    if item.kind in _NAMELESS or item.name == "_":
        return ()
    if item.kind is ItemKind.CALL:
        macro = source_macro(world, item)
        names = world.definitions.by_item.get(item.key, ())
        by_call = world.definitions.by_call
        if names and all(name in by_call for name in names):
            return tuple((name, by_call[name].visibility) for name in names)
        if macro in world.public_macros:
            return tuple((name, "pub") for name in names)
        return tuple((name, _inner_visibility(world, item, name)) for name in names)
    if item.kind is ItemKind.EXTERN:
        names = world.definitions.by_item.get(item.key, ())
        return tuple((name, _inner_visibility(world, item, name)) for name in names)
    return ((item.name, "" if item.private else item.visibility),)


def source_macro(world: World, item: Item) -> str:
    """Name of the macro that an item macro call invokes."""
    tokens = core_tokens(world.source, item)
    return next((tokens[i - 1].text.decode() for i, t in enumerate(tokens) if t.text == b"!"), "")


def reexports(world: World) -> tuple[UseLine, ...]:
    """Re-exports in the parent of everything visible that leaves it, under the items' own gates."""
    gates: dict[tuple[Place, str, str], list[str]] = {}
    for item in world.source.items:
        place = world.place(item.key)
        if place == ():
            continue
        for name, visibility in shown_names(world, item):
            seen = _at_parent(visibility, world.origin)
            if seen and name not in world.hints.closed | world.hints.absent:
                gates.setdefault((place, name, seen), []).append(gate_of(item.cfgs))
    lines = (
        UseLine(UseLeaf(("self", *place, name)), visibility, tuple(filter(None, (_text(cfgs),)))).allowing(
            "deprecated", when=any(i.deprecated for i in world.homes(name).get(place, ()))
        )
        for (place, name, visibility), cfgs in gates.items()
    )
    every = (*lines, *_unknown(world))
    return tuple(line.allowing("unreachable_pub", when=line_key(line) in world.hints.unreachable) for line in every)


def _unknown(world: World) -> Iterator[UseLine]:
    """Globs for what calls of macros of other files define there, since nothing here says what that is."""
    for item in world.source.items:
        place = world.place(item.key)
        if item.kind is not ItemKind.CALL or place == () or world.definitions.by_item.get(item.key):
            continue
        line = UseLine(UseLeaf(("self", *place), glob=True), "pub", item.cfgs)
        known = source_macro(world, item) in world.definitions.rules
        if not known and ((), line_key(line)) not in world.hints.dropped:
            yield line


def visible_uses(world: World) -> tuple[UseLine, ...]:
    """Visible imports of the monolith, as the parent has to write them where the residue leaves it."""
    if world.residue == world.origin:
        return ()
    visible = ((item, leaf) for item, leaf in world.leaves if not item.private)
    return tuple(
        UseLine(leaf.moved(reroot(world, leaf.path, ())), item.visibility, item.cfgs) for item, leaf in visible
    )


def _text(cfgs: list[str]) -> str:
    gate = sorted(any_of(cfgs))
    return gate[0] if len(gate) == 1 else f"any({', '.join(gate)})" if gate else ""


def _at_parent(visibility: str, origin: Place) -> str:
    """The visibility as the parent has to write it; empty when it does not reach beyond the parent."""
    if not origin or not visibility or "super" not in visibility:
        return visibility
    levels = visibility.count("super") - len(origin)
    if levels <= 0:
        return ""
    return "pub(super)" if levels == 1 else f"pub(in {'::'.join(['super'] * levels)})"


def _inner_visibility(world: World, item: Item, name: str) -> str:
    tokens = core_tokens(world.source, item)
    for index, token in enumerate(tokens):
        if token.kind is not TokenKind.IDENT or token.text.decode() != name:
            continue
        start = index
        while start > 0 and tokens[start - 1].text not in (b";", b"{", b"}", b"]"):
            start -= 1
        if tokens[start].text == b"pub":
            end = start + 1
            if tokens[end].text == b"(":
                end = next(i for i in range(end, len(tokens)) if tokens[i].text == b")") + 1
            return world.source.data[tokens[start].start : tokens[end - 1].end].decode()
        return ""
    return ""
