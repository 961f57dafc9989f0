"""`TypeId`s in machine code: numbers that follow from a type's path, and change when the type moves.

Source: rustc's `type_id_hash`, which hashes the path.
Invariant: a number counts as a `TypeId` only where the type's own `Any::type_id` in the same object gives it; a type
that is never used as `dyn Any` has none that could be told from other constants.
"""

import re
from collections.abc import Callable

from splitter.verify.code_pieces import Piece, Pieces

_METHOD = re.compile(r"^<(.+) as core::any::Any>::type_id$")
_SIZE = 16
# x86-64 returns a small one in two registers: movabs rax, low; movabs rdx, high.
_MOVES = re.compile(rb"\x48[\xb8-\xbf](.{8}).{0,4}?\x48[\xb8-\xbf](.{8})", re.DOTALL)


class TypeIds:
    """The `TypeId`s that an object gives, by their bytes; halves of them stand in code."""

    def __init__(self, pieces: Pieces, name: Callable[[str], str]) -> None:
        self.types: dict[bytes, str] = {}
        for row in pieces.rows.values():
            for piece in row:
                found = _METHOD.match(name(piece.symbol.name)) if piece.symbol is not None else None
                number = _number(pieces, piece) if found is not None else None
                if found is not None and number is not None:
                    self.types[number] = found[1]
        self.parts = {number: f"TypeId of {text}" for number, text in self.types.items()}
        for number, text in self.types.items():
            self.parts[number[:8]] = f"first half of the TypeId of {text}"
            self.parts[number[8:]] = f"second half of the TypeId of {text}"
        longest_first = sorted(self.parts, key=lambda part: (-len(part), part))
        self.pattern = re.compile(b"|".join(map(re.escape, longest_first))) if self.parts else None

    def taken_out(self, data: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Data with zeros for the numbers, and which stood where."""
        if self.pattern is None:
            return data, ()
        told = tuple(f"{found.start()} number {{{self.parts[found[0]]}}}" for found in self.pattern.finditer(data))
        return self.pattern.sub(lambda found: bytes(len(found[0])), data) if told else data, told


def _number(pieces: Pieces, piece: Piece) -> bytes | None:
    """What an `Any::type_id` returns: a constant that it refers to, or one in its code."""
    holes = pieces.holes_in(piece)
    if len(holes) == 1:
        symbol = pieces.code.symbols[holes[0].symbol]
        if symbol.section in pieces.rows:
            constant = pieces.at(symbol.section, symbol.start)
            data = pieces.data(constant)
            return data if len(data) == _SIZE and not pieces.holes_in(constant) else None
    found = _MOVES.search(pieces.data(piece)) if not holes else None
    return found[1] + found[2] if found is not None else None
