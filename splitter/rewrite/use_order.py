"""Imports that lost names change places where rustfmt would sort them otherwise: a name stands before a list.

Invariant: works on runs of neighbouring imports that were in order beforehand; whole declarations change places, and
what people left in another order stays so.
"""

from splitter.model.change import Added, Piece, Why
from splitter.model.source import Item, ItemKind
from splitter.rewrite.use_text import Order, statement_order
from splitter.rewrite.world import World
from splitter.source.parse import parse
from splitter.source.uses import use_leaves

Places = dict[str, tuple[int, int]]


def in_order(world: World, row: list[Piece], places: Places) -> list[Piece]:
    """The pieces of the residue with its imports in order; `places` says from where to where each item's pieces are."""
    # From the last run to the first: an import that is taken apart becomes more pieces than it was.
    for run in reversed(_runs(world, places)):
        before = [_order(world, item) for item in run]
        if before != sorted(before):
            continue
        spans = [slice(*places[item.key]) for item in run]
        parts = [part for span, order in zip(spans, before, strict=True) for part in _statements(row[span], order)]
        ranked = sorted(parts, key=lambda part: part[0])
        if parts != ranked and all(ends_line(world, pieces[-1]) for _, pieces in parts):
            row[spans[0].start : spans[-1].stop] = [piece for _, pieces in ranked for piece in pieces]
    return row


def ends_line(world: World, piece: Piece) -> bool:
    """Say whether what follows a piece begins a line."""
    text = piece.text if isinstance(piece, Added) else world.source.text(piece.span)
    return text.endswith(b"\n")


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


def _statements(pieces: list[Piece], order: Order) -> list[tuple[Order, list[Piece]]]:
    """The pieces of one import, a row for each declaration that it has become, with its sort key.

    What stands before the first and after the last stays with them.
    """
    at, text = next(((i, p.text) for i, p in enumerate(pieces) if isinstance(p, Added) and p.text.strip()), (0, b""))
    made = parse("imports.rs", text) if text else None
    uses = [item for item in made.items if item.kind is ItemKind.USE] if made else []
    if made is None or not uses:
        return [(order, pieces)]
    bounds = [0, *(item.span.start for item in uses[1:]), len(text)]
    parts: list[tuple[Order, list[Piece]]] = [
        (statement_order(use_leaves(made, item)), [Added(text[start:end], Why.IMPORT)])
        for item, start, end in zip(uses, bounds[:-1], bounds[1:], strict=True)
    ]
    parts[0] = (parts[0][0], [*pieces[:at], *parts[0][1]])
    parts[-1] = (parts[-1][0], [*parts[-1][1], *pieces[at + 1 :]])
    return parts
