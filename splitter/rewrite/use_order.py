"""Imports that lost names change places where rustfmt would sort them otherwise: a name stands before a list.

Invariant: works on runs of neighbouring imports that were in order beforehand; whole declarations change places, and
what people left in another order stays so. An import with a comment keeps its place: a blank line parts it from what
would have to go before it.
"""

from splitter.model.change import Added, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, Span
from splitter.rewrite.insert import Addition, added
from splitter.rewrite.use_text import Order
from splitter.rewrite.world import World
from splitter.source.parse import parse
from splitter.source.uses import use_leaves

Places = dict[str, tuple[int, int]]


def in_order(world: World, row: list[Piece], places: Places, additions: list[Addition]) -> list[Addition]:
    """Put the imports of the residue in order, in place, together with the additions that belong to a run of them.

    `places` says from where to where in `row` each item's pieces are; gives the additions that are left.
    """
    # From the last run to the first: an import that is taken apart becomes more pieces than it was.
    for before, run in reversed(_runs(world, places)):
        orders = [_order(world, item) for item in run]
        start, stop = places[run[0].key][0], places[run[-1].key][1]
        first = run[0].lead
        blank, head = _parted(row[start : places[run[0].key][1]], first)
        rows = [head, *(row[slice(*places[item.key])] for item in run[1:])]
        left = [(pieces, order) for pieces, order in zip(rows, orders, strict=True) if pieces]
        parts = [part for pieces, order in left for part in _statements(world, pieces, order)]
        if orders != sorted(orders) or not all(ends_line(world, pieces[-1]) for _, pieces in parts):
            continue
        ours = [a for a in additions if a[2] is Why.REEXPORT and first <= a[0] <= run[-1].span.end]
        additions = [addition for addition in additions if addition not in ours]
        for _, text, why in ours:
            parts += _statements(world, [added(world, text, why)], [])
        ranked = sorted(parts, key=lambda part: part[0])
        if before is not None and _order(world, before) <= orders[0] and ranked:
            last, _ = _statements(world, row[slice(*places[before.key])], _order(world, before))[-1]
            blank += [Added(world.source.newline, Why.BLANK)] if last > ranked[0][0] else []
        row[start:stop] = [*blank, *(piece for _, pieces in ranked for piece in pieces)]
    return additions


def _parted(pieces: list[Piece], lead: int) -> tuple[list[Piece], list[Piece]]:
    """The blank lines above an import whose own bytes begin at `lead`, and its other pieces."""
    for at, piece in enumerate(pieces):
        if isinstance(piece, Added) and piece.why is Why.BLANK:
            continue
        if isinstance(piece, Kept) and piece.span.start < lead < piece.span.end:
            blank, rest = Span(piece.span.start, lead), Span(lead, piece.span.end)
            return [*pieces[:at], Kept(piece.path, blank)], [Kept(piece.path, rest), *pieces[at + 1 :]]
        whole = isinstance(piece, Kept) and piece.span.end == lead
        return pieces[: at + whole], pieces[at + whole :]
    return [], pieces


def ends_line(world: World, piece: Piece) -> bool:
    """Say whether what follows a piece begins a line."""
    text = piece.text if isinstance(piece, Added) else world.source.text(piece.span)
    return text.endswith(b"\n")


def _runs(world: World, places: Places) -> list[tuple[Item | None, list[Item]]]:
    """Runs of imports without blank lines or comments between them, of those that left any piece.

    Before each the import with a comment that rustfmt takes for a part of the run.
    """
    runs: list[tuple[Item | None, list[Item]]] = []
    last: Item | None = None
    joined = False
    for item in world.source.items:
        if item.kind is ItemKind.USE and item.key in places and places[item.key][0] == places[item.key][1]:
            continue
        is_import = item.kind is ItemKind.USE and item.key in places
        plain = is_import and b"//" not in world.source.whole(item)
        blank = b"\n" in world.source.data[item.span.start : item.lead]
        follows = is_import and last is not None and not blank and places[last.key][1] == places[item.key][0]
        if plain and joined and follows:
            runs[-1][1].append(item)
        elif plain:
            runs.append((last if follows else None, [item]))
        joined, last = plain, item if is_import else None
    return runs


def _order(world: World, item: Item) -> Order:
    return world.style.order(use_leaves(world.source, item))


def _statements(world: World, pieces: list[Piece], order: Order) -> list[tuple[Order, list[Piece]]]:
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
        (world.style.order(use_leaves(made, item)), [Added(text[start:end], Why.IMPORT)])
        for item, start, end in zip(uses, bounds[:-1], bounds[1:], strict=True)
    ]
    parts[0] = (parts[0][0], [*pieces[:at], *parts[0][1]])
    parts[-1] = (parts[-1][0], [*parts[-1][1], *pieces[at + 1 :]])
    return parts
