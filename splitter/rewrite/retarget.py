"""Imports of modules that earlier phases made follow what moves on from the residue.

Invariant: edits whole runs of `use` items that carry no comments, and only those with a leaf that moves.
"""

import re
from dataclasses import replace

from splitter.model.change import Added, Dropped, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, SourceFile, Span
from splitter.rewrite.places import Place, path_between
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World
from splitter.source.uses import UseLeaf, use_leaves

#: The attribute that imports of ours may carry beside `cfg`, with the lints that it names.
_ALLOWS = re.compile(r"#\[allow\(((?:(?:deprecated|unreachable_pub|unused_imports)(?:, )?)+)\)\]")


def retarget(world: World, place: Place, file: SourceFile) -> tuple[list[Piece], list[Dropped]]:
    """Pieces of an earlier module whose imports of moved items are led to their new place."""
    pieces: list[Piece] = []
    dropped: list[Dropped] = []
    at = 0
    for run in _runs(file):
        lines = [_line(item, leaf) for item in run for leaf in use_leaves(file, item)]
        led = [replace(line, leaf=_led(world, place, line.leaf)) for line in lines]
        if led == lines:
            continue
        span = Span(run[0].lead, run[-1].core.end)
        pieces.append(Kept(file.path, Span(at, span.start)))
        text = world.style.render(tuple(led)).rstrip("\n").encode().replace(b"\n", world.source.newline)
        pieces.append(Added(text, Why.IMPORT))
        dropped.append(Dropped(file.path, span, Why.IMPORT))
        at = span.end
    pieces.append(Kept(file.path, Span(at, len(file.data))))
    return [p for p in pieces if isinstance(p, Added) or len(p.span)], dropped


def _runs(file: SourceFile) -> list[list[Item]]:
    """Runs of neighbouring `use` items that nothing but `cfg` attributes leads and nothing trails."""
    runs: list[list[Item]] = []
    open_run = False
    for item in file.items:
        lead = file.data[item.lead : item.core.start]
        tail = file.data[item.core.end : item.span.end].strip()
        allows = [attribute for attribute in item.attributes if _ALLOWS.fullmatch(attribute)]
        ours = len(item.cfgs) + len(allows) == len(item.attributes)
        plain = item.kind is ItemKind.USE and not tail and ours and b"//" not in lead
        blank = b"\n" in file.data[item.span.start : item.lead]
        if plain and open_run and not blank:
            runs[-1].append(item)
        elif plain:
            runs.append([item])
        open_run = plain
    return runs


def _line(item: Item, leaf: UseLeaf) -> UseLine:
    found = (_ALLOWS.fullmatch(attribute) for attribute in item.attributes)
    allows = tuple(lint for one in found if one for lint in one[1].split(", "))
    return UseLine(leaf, item.visibility, item.cfgs, allows)


def _led(world: World, place: Place, leaf: UseLeaf) -> UseLeaf:
    """The leaf with the new path of what it names, if that moves."""
    up = path_between(place, world.origin)
    head = leaf.path[: len(up)]
    rest = leaf.path[len(up) :]
    if head != up or not rest or rest[0] == "super":
        return leaf
    homes = world.homes(rest[0])
    moved = [home for home in homes if home != world.origin]
    if not moved or len(homes) > 1:
        return leaf
    return leaf.moved((*path_between(place, moved[0]), *rest))
