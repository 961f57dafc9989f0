"""Machine code in a form that does not depend on where the linker, or a move, puts it.

An address becomes what stands there: a name, or the content of what has no name, followed through. Bytes of the code
itself are taken as they are. Invariant: every loaded byte of the object is part of some body, by itself or through
what refers to it; padding between symbols is none.
"""

import hashlib
import re
from dataclasses import dataclass, field

from splitter.model.object_code import ObjectCode, ObjectSymbol, Relocation, SymbolKind
from splitter.verify.code_pieces import UNWINDING, Piece, Pieces, cut, is_named
from splitter.verify.code_places import Places
from splitter.verify.code_type_ids import TypeIds

_POINTER = 8
_LOCATION = 24
"""Size of a `core::panic::Location`: file name with its length, line, column."""
_NUMBERED = re.compile(r"\.\.L.*$")
"""What the compiler adds to the section of a constant without a name."""
#: Relocations of x86-64 that count from the end of what the linker writes.
_FROM_END = {"X86_64_PC32": 4, "X86_64_PLT32": 4, "X86_64_GOTPCREL": 4, "X86_64_GOTPCRELX": 4}


@dataclass(frozen=True, slots=True)
class Body:
    """A function or static: its name without the split's modules, and the symbol it has.

    `data` are its bytes, `refers` what it refers to: offset, manner, and a name or (in braces) a content. `text` is
    everything that is compared.
    """

    name: str
    symbol: str
    section: str
    data: bytes
    refers: tuple[str, ...]
    text: str
    is_code: bool = True


@dataclass(frozen=True)
class _Reading:
    """An object on its way to bodies; `known` are contents of pieces without a name, as far as they were needed."""

    pieces: Pieces
    places: Places
    ids: TypeIds
    known: dict[Piece, str] = field(default_factory=dict)

    @property
    def code(self) -> ObjectCode:
        return self.pieces.code


def read_bodies(code: ObjectCode, places: Places) -> list[Body]:
    """Bodies of all functions and statics, then what nothing refers to, in the order of the object."""
    pieces = cut(code)
    reading = _Reading(pieces, places, TypeIds(pieces, places.name))
    places.types = {text: number for number, text in reading.ids.types.items()}
    unwinding = _unwinding(reading)
    rows = [piece for row in reading.pieces.rows.values() for piece in row]
    bodies = [_body(reading, piece, unwinding.get(piece, "")) for piece in rows if piece.symbol is not None]
    alone = [piece for piece in rows if piece.symbol is None and piece not in reading.known]
    return [*bodies, *(_body(reading, piece, "") for piece in alone)]


def orders(code: ObjectCode, places: Places) -> dict[str, tuple[str, ...]]:
    """Names in the order of each section that the source names, where there are several."""
    found = {}
    for at, row in cut(code).rows.items():
        names = [piece.symbol.name for piece in row if piece.symbol is not None]
        if len(names) > 1:
            found[code.sections[at].name] = tuple(places.name(name) for name in names)
    return found


def _body(reading: _Reading, piece: Piece, unwinding: str) -> Body:
    section = reading.code.sections[piece.section]
    symbol = piece.symbol
    raw = symbol.name if symbol is not None else ""
    name = reading.places.name(raw) if raw else ""
    data, ids = reading.ids.taken_out(reading.pieces.data(piece))
    refers = (*(_hole(reading, piece, hole, ()) for hole in reading.pieces.holes_in(piece)), *ids)
    # A section that is named after its symbol is the compiler's choice; any other name is the source's.
    own = f"{section.name[: -len(raw)]}*" if raw and section.name.endswith(f".{raw}") else section.name
    own = own if raw else _NUMBERED.sub("", own)
    shown = f"{symbol.binding} {symbol.visibility}" if symbol is not None and name == raw else ""
    head = f"{own} {' '.join(section.flags)} {section.align} {piece.end - piece.start} {shown}"
    text = "\n".join((head, data.hex(), *refers, unwinding))
    return Body(name or f"unnamed data in {own}", raw, own, data, refers, text, section.code)


def _hole(reading: _Reading, piece: Piece, hole: Relocation, above: tuple[Piece, ...]) -> str:
    return f"{hole.offset - piece.start} {hole.kind} {_target(reading, hole, above)}"


def _target(reading: _Reading, hole: Relocation, above: tuple[Piece, ...]) -> str:
    """What a relocation leads to: a name, or a content."""
    symbol = reading.code.symbols[hole.symbol]
    if symbol.section < 0 or is_named(symbol):
        return f"{reading.places.name(symbol.name)} {hole.addend:+d}"
    row = reading.pieces.rows.get(symbol.section)
    if not row:
        return f"{reading.code.sections[symbol.section].name} {hole.addend:+d}"
    if len(row) == 1:
        piece, addend = row[0], symbol.start - row[0].start + hole.addend
    elif symbol.kind is SymbolKind.SECTION:
        bias = _FROM_END.get(hole.kind, 0)
        piece = reading.pieces.at(symbol.section, hole.addend + bias)
        addend = hole.addend - piece.start
    else:
        piece = reading.pieces.at(symbol.section, symbol.start)
        addend = symbol.start - piece.start + hole.addend
    if piece.symbol is not None:
        return f"{reading.places.name(piece.symbol.name)} {addend:+d}"
    return f"{_content(reading, piece, above)} {addend:+d}"


def _content(reading: _Reading, piece: Piece, above: tuple[Piece, ...]) -> str:
    """Digest of what has no name; one that leads back to itself counts by its distance."""
    if piece in above:
        return f"{{back {len(above) - above.index(piece)}}}"
    if piece in reading.known:
        return reading.known[piece]
    holes = reading.pieces.holes_in(piece)
    data = reading.pieces.data(piece)
    found = _location(reading, piece, data, holes)
    if found is None:
        data, ids = reading.ids.taken_out(data)
        inside = [*(_hole(reading, piece, hole, (*above, piece)) for hole in holes), *ids]
        size = piece.end - piece.start
        found = f"{{content {hashlib.sha256(repr((size, data, inside)).encode()).hexdigest()[:16]}}}"
    if not above:
        reading.known[piece] = found
    else:
        reading.known.setdefault(piece, found)
    return found


def _location(reading: _Reading, piece: Piece, data: bytes, holes: list[Relocation]) -> str | None:
    """A position in the source that a panic would name."""
    if len(data) != _LOCATION or len(holes) != 1 or holes[0].offset != piece.start:
        return None
    symbol = reading.code.symbols[holes[0].symbol]
    if symbol.section not in reading.pieces.rows or is_named(symbol):
        return None
    text = reading.pieces.at(symbol.section, symbol.start + holes[0].addend)
    length, line, column = (
        int.from_bytes(data[start:end], reading.code.byte_order)  # type: ignore[arg-type]
        for start, end in ((8, 16), (16, 20), (20, 24))
    )
    file = reading.pieces.data(text)[:length].rstrip(b"\0").decode("utf-8", "replace")
    found = reading.places.position(file, line, column)
    if found is not None:
        reading.known.setdefault(text, "{name of a source file}")
    return f"{{panic location: {found}}}" if found is not None else None


def _unwinding(reading: _Reading) -> dict[Piece, str]:
    """How each function is unwound, from the frame descriptions of the object."""
    found: dict[Piece, str] = {}
    for at, section in enumerate(reading.code.sections):
        if section.name != UNWINDING:
            continue
        common: dict[int, str] = {}
        start = 0
        while start + 8 <= len(section.data):
            length = int.from_bytes(section.data[start : start + 4], reading.code.byte_order)  # type: ignore[arg-type]
            end = start + 4 + length
            if not length:
                break
            back = int.from_bytes(section.data[start + 4 : start + 8], reading.code.byte_order)  # type: ignore[arg-type]
            record = Piece(at, start, end)
            holes = reading.pieces.holes_in(record)
            if back == 0:
                common[start] = _record(reading, record, holes)
            else:
                symbol: ObjectSymbol = reading.code.symbols[holes[0].symbol]
                function = reading.pieces.at(symbol.section, symbol.start + holes[0].addend)
                text = f"{common.get(start + 4 - back)} {_record(reading, record, holes[1:])}"
                found[function] = f"unwinding {hashlib.sha256(text.encode()).hexdigest()[:16]}"
            start = end
    return found


def _record(reading: _Reading, record: Piece, holes: list[Relocation]) -> str:
    data = reading.pieces.data(record)[8:]
    return "\n".join((data.hex(), *(_hole(reading, record, hole, ()) for hole in holes)))
