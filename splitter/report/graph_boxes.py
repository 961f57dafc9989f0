"""The graph of a file, gathered into the boxes that pictures of it show: modules, by phase.

Invariant: pure and in a fixed order: phases as planned, modules as planned, items as in the file; what stays
comes last, as a box of its own.
"""

from collections import defaultdict
from dataclasses import dataclass

from splitter.model.graph import Reference, SymbolGraph
from splitter.model.plan import Plan
from splitter.model.source import Item, ItemKind

#: Kinds that no picture shows: they are the frame of a file, not what hangs together.
_FRAME = frozenset((ItemKind.USE, ItemKind.INNER, ItemKind.NOTE, ItemKind.EXTERN_CRATE, ItemKind.OPAQUE))


@dataclass(frozen=True)
class Box:
    """A module with its items; `path` is empty for what stays."""

    path: str
    doc: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Column:
    """Boxes of one phase; `number` is 0 for what stays."""

    number: int
    name: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Link:
    """References from one box to another."""

    src: str
    dst: str
    references: tuple[Reference, ...]

    @property
    def count(self) -> int:
        """How many times they are referred to, in all."""
        return sum(reference.count for reference in self.references)


def columns_of(graph: SymbolGraph, plan: Plan) -> tuple[Column, ...]:
    """Phases with their modules; the last column is what stays."""
    known = graph.source.by_key
    columns = []
    for phase in plan.phases:
        boxes = []
        for module in phase.modules:
            items = sorted((known[key] for key in module.items if key in known), key=lambda item: item.span)
            boxes.append(Box(module.path, module.doc, tuple(items)))
        columns.append(Column(phase.number, phase.name, tuple(boxes)))
    placed = plan.placed
    rest = tuple(i for i in graph.source.items if i.key not in placed and i.kind not in _FRAME)
    return (*columns, Column(0, "stays", (Box("", graph.source.path, rest),)))


def links_of(graph: SymbolGraph, plan: Plan) -> tuple[Link, ...]:
    """References between boxes, gathered, in the order of the boxes' names."""
    placed = plan.placed
    found: dict[tuple[str, str], list[Reference]] = defaultdict(list)
    for reference in graph.references:
        src, dst = placed.get(reference.src, ""), placed.get(reference.dst, "")
        if src != dst:
            found[src, dst].append(reference)
    key = graph.source.by_key
    return tuple(
        Link(src, dst, tuple(sorted(rows, key=lambda row: (key[row.src].span, key[row.dst].span, row.tie))))
        for (src, dst), rows in sorted(found.items())
    )
