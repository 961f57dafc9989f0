"""The parent in the legacy layout: a `mod.rs` that declares the modules and the residue, and brings back all names.

Invariant: in the first phase it takes over inner attributes and `mod` declarations of the monolith; later its
re-exports are led to where the items go.
"""

from dataclasses import replace

from splitter.model.change import Added, Dropped, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.rewrite.exports import reexports, visible_uses
from splitter.rewrite.imports import line_key, parent_imports
from splitter.rewrite.insert import declared_before, mod_additions, splice
from splitter.rewrite.residue import brings_macros, mod_lines, residue_line
from splitter.rewrite.retarget import retarget
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World

Row = tuple[Piece, ...]


def parent_row(world: World) -> tuple[Row, list[Dropped]]:
    """Pieces of the parent's file, and what they drop."""
    if world.parent is None:
        return _first(world), []
    pieces, dropped = retarget(world, (), world.parent)
    additions = mod_additions(world.parent, declared_before(world, world.parent, ()), mod_lines(world, ()), world.style)
    return tuple(splice(world, pieces, world.parent.path, additions)), dropped


def _first(world: World) -> Row:
    framing = [item for item in world.source.items if item.key in world.framing and item is not world.mark]
    early = [item for item in framing if item.kind is ItemKind.INNER or _opens_macros(item)]
    macros = residue_line(world)[1] if brings_macros(world) else ""
    row: list[Piece] = []
    _keep(world, row, early)
    _add(world, row, macros, Why.MOD)
    _keep(world, row, [item for item in framing if item not in early])
    _add(world, row, "".join(text for _, text in mod_lines(world, ())), Why.MOD)
    _add(world, row, world.style.render(_brought_back(world)), Why.REEXPORT)
    mark = [Kept(world.source.path, world.mark.span)] if world.mark else []
    return (*mark, *row)


def _brought_back(world: World) -> tuple[UseLine, ...]:
    """Re-exports of items, public imports of the monolith, and private imports for what other files reach."""
    made = []
    for line in (*reexports(world), *parent_imports(world), *visible_uses(world)):
        key = ((), line_key(line))
        if key not in world.hints.dropped:
            gates = tuple(cfg for place, text, cfg in world.hints.gated if (place, text) == key)
            cfgs = tuple(dict.fromkeys((*line.cfgs, *gates)))
            made.append(replace(line, cfgs=cfgs).allowing("unused_imports", when=key in world.hints.allowed))
    return tuple(made)


def _opens_macros(item: Item) -> bool:
    return any(attribute.startswith("#[macro_use") for attribute in item.attributes)


def _keep(world: World, row: list[Piece], items: list[Item]) -> None:
    for item in items:
        row.append(Kept(world.source.path, item.span))
        if not _ends_line(world.source, item):
            row.append(Added(world.source.newline, Why.BLANK))


def _add(world: World, row: list[Piece], text: str, why: Why) -> None:
    if text:
        data = (f"\n{text}" if row else text).encode()
        row.append(Added(data.replace(b"\n", world.source.newline), why))


def _ends_line(source: SourceFile, item: Item) -> bool:
    return source.whole(item).endswith(b"\n")
