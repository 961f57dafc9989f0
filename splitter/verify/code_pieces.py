"""An object file cut into pieces: each function, each static, each constant by itself.

Invariant: pieces of a section neither overlap nor leave out a byte that the linker fills in or a symbol covers; a
piece without a name of its own is known by its content alone.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from operator import attrgetter

from splitter.model.object_code import ObjectCode, ObjectSymbol, Relocation, SymbolKind

_MANGLED = re.compile(r"_R[A-Z]|_ZN")
UNWINDING = ".eh_frame"
_offset = attrgetter("offset")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a section; `symbol` is what names it, if anything does."""

    section: int
    start: int
    end: int
    symbol: ObjectSymbol | None = None


@dataclass(frozen=True)
class Pieces:
    """All pieces of an object by section, in order, and what the linker fills in, by section and offset."""

    code: ObjectCode
    rows: dict[int, list[Piece]]
    holes: dict[int, list[Relocation]]
    starts: dict[int, list[int]] = field(default_factory=dict)

    def at(self, section: int, offset: int) -> Piece:
        """The piece that holds an offset; the last one where it lies behind the end."""
        row = self.rows[section]
        starts = self.starts.setdefault(section, [piece.start for piece in row])
        return row[max(0, bisect_right(starts, offset) - 1)]

    def holes_in(self, piece: Piece) -> list[Relocation]:
        """What the linker fills in within a piece."""
        row = self.holes.get(piece.section, [])
        first = bisect_left(row, piece.start, key=_offset)
        return row[first : bisect_left(row, piece.end, lo=first, key=_offset)]

    def data(self, piece: Piece) -> bytes:
        """Bytes of a piece; none where it is all zeros."""
        return self.code.sections[piece.section].data[piece.start : piece.end]


def cut(code: ObjectCode) -> Pieces:
    """Cut an object's loaded sections."""
    inside: dict[int, list[ObjectSymbol]] = defaultdict(list)
    for symbol in code.symbols:
        if symbol.section >= 0 and _marks(code, symbol):
            inside[symbol.section].append(symbol)
    holes: dict[int, list[Relocation]] = defaultdict(list)
    for hole in sorted(code.relocations, key=lambda hole: (hole.section, hole.offset)):
        holes[hole.section].append(hole)
    rows = {at: list(_row(code, at, inside[at])) for at, section in enumerate(code.sections) if section.loaded}
    return Pieces(code, {at: row for at, row in rows.items() if row}, dict(holes))


def is_named(symbol: ObjectSymbol) -> bool:
    """Say whether a symbol's name means something beyond its object: the compiler numbers the others as they come."""
    return symbol.kind is not SymbolKind.SECTION and (
        symbol.binding != "local" or _MANGLED.match(symbol.name) is not None
    )


def _marks(code: ObjectCode, symbol: ObjectSymbol) -> bool:
    """Say whether a symbol begins a piece; labels inside code do not."""
    label = symbol.kind is SymbolKind.PLACE and symbol.binding == "local"
    return symbol.kind is not SymbolKind.SECTION and not (label and code.sections[symbol.section].code)


def _row(code: ObjectCode, at: int, symbols: list[ObjectSymbol]) -> list[Piece]:
    section = code.sections[at]
    if section.name == UNWINDING:
        return []
    if section.entry_size:
        return [Piece(at, start, end) for start, end in _entries(section.data, section.entry_size, section.strings)]
    by_start: dict[int, ObjectSymbol] = {}
    for symbol in sorted(symbols, key=lambda symbol: (is_named(symbol), symbol.name)):
        by_start[symbol.start] = symbol
    starts = sorted({0, *by_start})
    pieces = []
    for start, end in zip(starts, (*starts[1:], section.size), strict=True):
        known = by_start.get(start)
        named = known if known is not None and is_named(known) else None
        # What follows a symbol's end is there to align the next one.
        size = known.size if known is not None and known.size else end - start
        if size:
            pieces.append(Piece(at, start, min(end, start + size), named))
    return pieces


def _entries(data: bytes, size: int, strings: bool) -> list[tuple[int, int]]:
    """Constants that the linker may merge with equal ones."""
    if not strings:
        return [(at, at + size) for at in range(0, len(data), size)]
    found, start = [], 0
    while start < len(data):
        end = start
        while any(data[end : end + size]):
            end += size
        found.append((start, min(end + size, len(data))))
        start = end + size
    return found
