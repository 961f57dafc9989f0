"""An object file as a compiler leaves it for the linker: sections, symbols, and the places the linker fills in.

Invariant: what the file says and no more; knows no format, and sections and symbols name each other by index.
"""

from dataclasses import dataclass
from enum import StrEnum


class SymbolKind(StrEnum):
    """What a symbol stands for."""

    FUNCTION = "function"
    DATA = "data"
    THREAD_LOCAL = "thread local"
    SECTION = "section"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of code or data; `entry_size` and `strings` say how one that is merged by the linker is cut.

    `size` is what it takes in memory, `data` is empty where that is all zeros. `loaded` tells what a program has in
    memory from what only tools read.
    """

    name: str
    data: bytes
    size: int
    align: int = 1
    flags: tuple[str, ...] = ()
    entry_size: int = 0
    strings: bool = False
    loaded: bool = True
    code: bool = False


@dataclass(frozen=True, slots=True)
class ObjectSymbol:
    """A name with its place; `section` is -1 for what another file defines.

    `binding` and `visibility` are as the format names them (`local`, `global`, `weak`; `default`, `hidden`).
    """

    name: str
    section: int
    start: int
    size: int
    kind: SymbolKind
    binding: str
    visibility: str = "default"


@dataclass(frozen=True, slots=True)
class Relocation:
    """Where the linker writes an address: at `offset` in `section`, that of `symbol` and `addend`, in manner `kind`."""

    section: int
    offset: int
    kind: str
    symbol: int
    addend: int


@dataclass(frozen=True, slots=True)
class ObjectCode:
    """The object of a crate that was compiled as one unit, for 64-bit machines.

    `root` is the root of the tree as rustc saw it, `folder` where rustc ran, relative to it: names of source files in
    the object start there.
    """

    machine: str
    byte_order: str
    sections: tuple[Section, ...]
    symbols: tuple[ObjectSymbol, ...]
    relocations: tuple[Relocation, ...]
    folder: str = "."
    root: str = "/"
