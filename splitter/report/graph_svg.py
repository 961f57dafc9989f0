"""The graph as a picture: a box a module, a square an item, a curve for the references between two modules.

Source: Scalable Vector Graphics 1.1, "Paths" and the `title` element.
Invariant: pure and deterministic, with no program to lay it out: phases are columns from left to right,
wrapped like text, and a column's modules stand in it as planned.
"""

import math
from dataclasses import dataclass
from html import escape

from splitter.model.graph import SymbolGraph
from splitter.model.plan import Plan
from splitter.model.source import Item, ItemKind
from splitter.report.graph_boxes import Box, Column, Link, columns_of, links_of
from splitter.report.words import counted, listed, plain, shown

_CELL, _STEP, _IN_ROW = 12, 15, 14
_PAD, _TITLE = 10, 24
_WIDTH = 2 * _PAD + _IN_ROW * _STEP
_GAP, _MARGIN, _HEAD = 60, 30, 34
_COLUMNS_IN_BAND = 6
_TOLD = 12
_COLOURS = {
    ItemKind.FN: "#4878a8",
    ItemKind.STATIC: "#b8403a",
    ItemKind.CONST: "#c98a2b",
    ItemKind.MACRO: "#7a5aa6",
    ItemKind.CALL: "#7a5aa6",
    ItemKind.IMPL: "#5d9b6b",
    ItemKind.TRAIT: "#3f7d4e",
}
_OTHER = "#8a8f98"
_CSS = """\
text { font: 12px system-ui, sans-serif; fill: #222 }
.phase { font-weight: bold; font-size: 14px }
.box { fill: #f7f8fa; stroke: #c4c9d1 }
.private { opacity: .55 }
.link { fill: none; stroke: #60708a; stroke-opacity: .3 }
.link:hover { stroke: #d1480f; stroke-opacity: 1 }"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a box stands."""

    x: int
    y: int
    height: int


def svg_text(graph: SymbolGraph, plan: Plan) -> str:
    """An SVG document that stands for itself; names are told by tooltips."""
    columns = columns_of(graph, plan)
    places, heads, width, height = _lay_out(columns)
    every = {box.path: box for column in columns for box in column.boxes}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"',
        f'     viewBox="0 0 {width} {height}">',
        f"<title>{_safe(graph.source.path)}</title>",
        f"<style>\n{_CSS}\n</style>",
        *(f'<text class="phase" x="{x}" y="{y}">{_safe(name)}</text>' for x, y, name in heads),
        *(line for path, place in places.items() for line in _box(graph, every[path], place)),
        *(_curve(link, places) for link in links_of(graph, plan)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _lay_out(
    columns: tuple[Column, ...],
) -> tuple[dict[str, _Place], list[tuple[int, int, str]], int, int]:
    places: dict[str, _Place] = {}
    heads: list[tuple[int, int, str]] = []
    top = _MARGIN
    for start in range(0, len(columns), _COLUMNS_IN_BAND):
        lowest = top
        for at, column in enumerate(columns[start : start + _COLUMNS_IN_BAND]):
            x, y = _MARGIN + at * (_WIDTH + _GAP), top + _HEAD
            heads.append((x, top + 14, f"{column.number} {column.name}" if column.number else column.name))
            for box in column.boxes:
                height = _TITLE + _PAD + _STEP * max(1, math.ceil(len(box.items) / _IN_ROW))
                places[box.path] = _Place(x, y, height)
                y += height + _MARGIN
            lowest = max(lowest, y)
        top = lowest + _MARGIN
    across = min(len(columns), _COLUMNS_IN_BAND)
    return places, heads, 2 * _MARGIN + across * _WIDTH + (across - 1) * _GAP, top


def _box(graph: SymbolGraph, box: Box, place: _Place) -> list[str]:
    size = counted(sum(item.end_line - item.line + 1 for item in box.items), "line")
    title = f"{box.path or 'stays'} · {len(box.items)}"
    told = f"{box.path or 'stays'}: {counted(len(box.items), 'item')}, {size}\n{box.doc}"
    lines = [
        f"<g><title>{_safe(told)}</title>",
        f'<rect class="box" x="{place.x}" y="{place.y}" width="{_WIDTH}" height="{place.height}" rx="5"/>',
        f'<text x="{place.x + _PAD}" y="{place.y + 17}">{_safe(title)}</text></g>',
    ]
    for at, item in enumerate(box.items):
        x = place.x + _PAD + at % _IN_ROW * _STEP
        y = place.y + _TITLE + at // _IN_ROW * _STEP
        colour = _COLOURS.get(item.kind, _OTHER)
        private = "" if item.symbol else ' class="private"'
        lines.append(
            f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="2" fill="{colour}"{private}>'
            f"<title>{_safe(_about(graph, item))}</title></rect>"
        )
    return lines


def _about(graph: SymbolGraph, item: Item) -> str:
    lines = [f"{item.kind.value} {item.name or shown(item.key)}", f"{graph.source.path}:{item.line}"]
    if item.symbol:
        lines.append(f"exported as {item.symbol}")
    for title, keys in (("uses", graph.uses.get(item.key)), ("used by", graph.users.get(item.key))):
        if keys:
            lines.append(f"{title} {listed(tuple(sorted(keys)), _TOLD)}")
    return "\n".join(lines)


def _curve(link: Link, places: dict[str, _Place]) -> str:
    src, dst = places[link.src], places[link.dst]
    y1, y2 = src.y + src.height // 2, dst.y + dst.height // 2
    if src.x == dst.x:
        x1 = x2 = src.x + _WIDTH
        bend1 = bend2 = x1 + _GAP
    else:
        right = src.x < dst.x
        x1, x2 = (src.x + _WIDTH, dst.x) if right else (src.x, dst.x + _WIDTH)
        pull = max(_GAP, abs(x2 - x1) // 2)
        bend1, bend2 = (x1 + pull, x2 - pull) if right else (x1 - pull, x2 + pull)
    thick = min(8.0, 1.0 + math.log2(link.count))
    rows = [f"{shown(r.src)} → {shown(r.dst)}" for r in link.references[:_TOLD]]
    rest = len(link.references) - _TOLD
    more = [f"and {rest} more"] if rest > 0 else []
    head = f"{link.src or 'stays'} → {link.dst or 'stays'}: {counted(link.count, 'reference')}"
    title = _safe("\n".join((head, *rows, *more)))
    path = f"M{x1} {y1}C{bend1} {y1} {bend2} {y2} {x2} {y2}"
    return f'<path class="link" stroke-width="{thick:.1f}" d="{path}"><title>{title}</title></path>'


def _safe(text: str) -> str:
    return escape(plain(text))
