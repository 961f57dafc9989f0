"""Takes free-standing comments along when all that they head goes to one module.

Invariant: a comment whose items go different ways, or stay, stays.
"""

from splitter.model.graph import SymbolGraph
from splitter.model.source import ItemKind

_FRAME = (ItemKind.USE, ItemKind.INNER)


def place_notes(graph: SymbolGraph, placed: dict[str, str]) -> dict[str, str]:
    """Module path of every note that moves, given those of the other items."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    homes: list[str | None] = []
    for item in graph.source.items:
        if item.kind is ItemKind.NOTE:
            if homes:
                _settle(waiting, homes, found)
                waiting, homes = [], []
            waiting.append(item.key)
        elif item.kind in _FRAME:
            homes.append(None)
        else:
            homes.append(placed.get(item.key))
    _settle(waiting, homes, found)
    return found


def _settle(waiting: list[str], homes: list[str | None], found: dict[str, str]) -> None:
    if homes and homes[0] is not None and len(set(homes)) == 1:
        found.update(dict.fromkeys(waiting, homes[0]))
