"""Puts new `mod` and `use` lines among those that earlier phases wrote, where rustfmt would sort them.

Invariant: inserts whole lines between items; what stands there keeps its bytes.
"""

from splitter.model.change import Added, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, SourceFile, Span
from splitter.rewrite.places import Place
from splitter.rewrite.use_text import UseLine, UseStyle
from splitter.rewrite.world import World
from splitter.source.uses import use_leaves

Addition = tuple[int, str, Why]


def declared_before(world: World, file: SourceFile, parent: Place) -> list[Item]:
    """`mod` lines of `file`, which stands at `parent`, for modules of earlier phases."""
    names = {
        place[len(parent)] for place in world.existing if len(place) > len(parent) and place[: len(parent)] == parent
    }
    return [item for item in file.items if item.kind is ItemKind.MOD and item.name in names]


def mod_additions(
    file: SourceFile, declared: list[Item], lines: list[tuple[str, str]], style: UseStyle
) -> list[Addition]:
    """Where each `mod` line (name and text) goes: among the declared ones, or behind the file's imports."""
    if lines and not declared:
        head = (ItemKind.MOD, ItemKind.INNER, ItemKind.USE)
        last = max((item.span.end for item in file.items if item.kind in head), default=0)
        return [(last, "\n" + "".join(text for _, text in lines), Why.MOD)]
    row = []
    for name, text in lines:
        before = [item for item in declared if style.segment(item.name) < style.segment(name)]
        row.append((before[-1].span.end if before else declared[0].lead, text, Why.MOD))
    return row


def use_additions(world: World, declared: list[Item], lines: tuple[UseLine, ...]) -> list[Addition]:
    """Where re-exports and imports of what moves now go: among those of earlier phases, or behind their `mod` lines."""
    names = {place[0] for place in world.existing}
    earlier = []
    for item in world.source.items:
        leaves = use_leaves(world.source, item) if item.kind is ItemKind.USE else ()
        if leaves and all(leaf.path[0] == "self" and leaf.path[1:2] and leaf.path[1] in names for leaf in leaves):
            earlier.append((world.style.order(leaves), item))
    row = []
    if not earlier:
        text = "".join(text for _, text in world.style.statements(lines))
        return [(declared[-1].span.end, f"\n{text}", Why.REEXPORT)] if text else []
    for order, text in world.style.statements(lines):
        before = [item for other, item in earlier if other < order]
        row.append((before[-1].span.end if before else earlier[0][1].lead, text, Why.REEXPORT))
    return row


def splice(world: World, pieces: list[Piece], path: str, additions: list[Addition]) -> list[Piece]:
    """The pieces with the texts put in front of the given bytes of `path`."""
    waiting = sorted(additions, key=lambda addition: addition[0])
    row: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Added) or piece.path != path:
            row.append(piece)
            continue
        at = piece.span.start
        while waiting and waiting[0][0] <= piece.span.end:
            offset, text, why = waiting.pop(0)
            if offset > at:
                row.append(Kept(path, Span(at, offset)))
                at = offset
            row.append(added(world, text, why))
        if at < piece.span.end:
            row.append(Kept(path, Span(at, piece.span.end)))
    return [*row, *(added(world, text, why) for _, text, why in waiting)]


def added(world: World, text: str, why: Why) -> Added:
    """Text of ours, with the line endings of the file."""
    return Added(text.encode().replace(b"\n", world.source.newline), why)
