"""Imports that lost names change places where rustfmt would sort them otherwise: a name stands before a list.

Invariant: works on runs of neighbouring imports that were in order beforehand; whole imports change places, and what
people left in another order stays so.
"""

from splitter.model.change import Added, Piece
from splitter.model.source import Item, ItemKind
from splitter.rewrite.use_text import Order, statement_order
from splitter.rewrite.world import World
from splitter.source.parse import parse
from splitter.source.uses import use_leaves

Places = dict[str, tuple[int, int]]


def in_order(world: World, row: list[Piece], places: Places) -> list[Piece]:
    """The pieces of the residue with its imports in order; `places` says from where to where each item's pieces are."""
    for run in _runs(world, places):
        before = [_order(world, item) for item in run]
        spans = [places[item.key] for item in run]
        after = [_order_of(row[start:end]) or order for (start, end), order in zip(spans, before, strict=True)]
        if before != sorted(before) or after == sorted(after):
            continue
        ranked = sorted(range(len(run)), key=after.__getitem__)
        moved = [piece for at in ranked for piece in row[slice(*spans[at])]]
        row[spans[0][0] : spans[-1][1]] = moved
    return row


def _runs(world: World, places: Places) -> list[list[Item]]:
    """Runs of imports without blank lines or comments between them, of those that left any piece."""
    runs: list[list[Item]] = []
    joined = False
    for item in world.source.items:
        if item.kind is ItemKind.USE and item.key in places and places[item.key][0] == places[item.key][1]:
            continue
        plain = item.kind is ItemKind.USE and item.key in places and b"//" not in world.source.whole(item)
        blank = b"\n" in world.source.data[item.span.start : item.lead]
        if plain and joined and not blank and places[runs[-1][-1].key][1] == places[item.key][0]:
            runs[-1].append(item)
        elif plain:
            runs.append([item])
        joined = plain
    return [run for run in runs if len(run) > 1]


def _order(world: World, item: Item) -> Order:
    return statement_order(use_leaves(world.source, item))


def _order_of(pieces: list[Piece]) -> Order | None:
    """Sort key of the import that these pieces write anew; None where they keep it."""
    text = b"".join(piece.text for piece in pieces if isinstance(piece, Added))
    if not text.strip():
        return None
    made = parse("imports.rs", text)
    leaves = next((use_leaves(made, item) for item in made.items if item.kind is ItemKind.USE), ())
    return statement_order(leaves) if leaves else None
