"""Names that a built library exports, read from the file itself.

ELF, Mach-O and PE by lief; static libraries and rlibs by their `ar` members.
Source: ar(5); LLVM's "Archive" for the BSD variant.
Invariant: mangled names of Rust and the runtime's own names are left out, so that only what the source names stays.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from splitter.errors import ToolError

if TYPE_CHECKING:
    import lief

_MANGLED = re.compile(r"^_?(?:_ZN\d|_R[a-zA-Z0-9]|\?)")
_RUNTIME = re.compile(
    r"^_?(?:rust_eh_personality|rust_begin_unwind|rust_panic|__rust_|__rustc|__rdl_|__rg_|rust_metadata_|DW\.ref\.|"
    r"_init$|_fini$|_edata$|_end$|__bss_start$|GCC_except_table|anon\.|\.L|ltmp|__imp_)"
)
_MAGIC = b"!<arch>\n"


def exported_names(artefact: Path, crate: str) -> frozenset[str]:
    """Names that a shared library exports, or that the crate's own objects in an archive define for others.

    Raises `ToolError` when the file is none of the kinds known.
    """
    data = artefact.read_bytes()
    if data.startswith(_MAGIC):
        own = re.compile(rf"^(?:lib)?{re.escape(crate)}[-.].*\.o(?:bj)?$")
        names = {name for member, body in _members(data) if own.match(member) for name in _global_names(body, member)}
    elif artefact.suffix in (".o", ".obj"):
        names = set(_global_names(data, artefact.name))
    else:
        names = set(_dynamic_names(data, artefact.name))
    return frozenset(name for name in names if name and not _MANGLED.match(name) and not _RUNTIME.match(name))


def _dynamic_names(data: bytes, name: str) -> Iterator[str]:
    import lief

    binary = _parsed(data, name)
    if isinstance(binary, lief.ELF.Binary):
        yield from (str(symbol.name) for symbol in binary.exported_symbols)
    elif isinstance(binary, lief.MachO.Binary):
        yield from (str(symbol.name).removeprefix("_") for symbol in binary.exported_symbols)
    elif isinstance(binary, lief.PE.Binary):
        table = binary.get_export()
        yield from (str(entry.name) for entry in table.entries) if table is not None else ()


def _global_names(data: bytes, name: str) -> Iterator[str]:
    """Names that an object file defines and shows to the linker."""
    import lief

    binary = _parsed(data, name)
    if isinstance(binary, lief.ELF.Binary):
        shown = (lief.ELF.Symbol.BINDING.GLOBAL, lief.ELF.Symbol.BINDING.WEAK)
        hidden = (lief.ELF.Symbol.VISIBILITY.HIDDEN, lief.ELF.Symbol.VISIBILITY.INTERNAL)
        for symbol in binary.symbols:
            if symbol.shndx and symbol.binding in shown and symbol.visibility not in hidden:
                yield str(symbol.name)
    elif isinstance(binary, lief.MachO.Binary):
        undefined, external = 0, 1
        for entry in binary.symbols:
            if entry.raw_type & external and entry.raw_type & 0x0E != undefined:
                yield str(entry.name).removeprefix("_")
    elif isinstance(binary, lief.COFF.Binary):
        for row in binary.symbols:
            if row.is_external and not row.is_undefined:
                yield str(row.name)


def _parsed(data: bytes, name: str) -> "lief.ELF.Binary | lief.MachO.Binary | lief.PE.Binary | lief.COFF.Binary":
    import lief

    lief.logging.disable()
    parsed = lief.parse(data)
    if parsed is None:
        message = f"{name}: this is no ELF, Mach-O or PE file"
        raise ToolError(message, "Symbols can be compared for targets of those formats only.")
    return parsed


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Members of an archive with their names, in the System V and the BSD manner."""
    at, names = len(_MAGIC), b""
    while at + 60 <= len(data):
        header = data[at : at + 60]
        name, size = header[:16].rstrip().decode("latin-1"), int(header[48:58])
        body = data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
        if name == "//":
            names = body
        elif name.startswith("#1/"):
            length = int(name[3:])
            yield body[:length].rstrip(b"\0").decode("latin-1"), body[length:]
        elif name.startswith("/") and name[1:].isdigit():
            start = int(name[1:])
            yield names[start : names.index(b"\n", start)].rstrip(b"/").decode("latin-1"), body
        elif name not in ("/", "/SYM64/"):
            yield name.rstrip("/"), body
