"""Reads the object file that rustc wrote for a crate.

Source: System V ABI, "Object Files"; the processor supplements, for relocations.
Invariant: ELF for 64-bit machines only; of other formats it says that they are not read, and which they are.
"""

from typing import TYPE_CHECKING

from splitter.model.evidence import Missing
from splitter.model.object_code import ObjectCode, ObjectSymbol, Relocation, Section, SymbolKind

if TYPE_CHECKING:
    import lief

_ELF = b"\x7fELF"
_64_BITS = b"\x02"
_OTHERS = {
    b"\xcf\xfa\xed\xfe": "Mach-O",
    b"\xce\xfa\xed\xfe": "Mach-O",
    b"\x64\x86\x00\x00": "COFF",
    b"\x64\xaa\x00\x00": "COFF",
    b"\x4c\x01\x00\x00": "COFF",
    b"\x00asm": "WebAssembly",
}
_UNNAMED = 0xFF00
"""Section numbers from here on name no section (absolute, common)."""


def read_object(data: bytes, folder: str = ".", root: str = "/") -> ObjectCode | Missing:
    """Object code in a file's bytes; `folder` is where rustc ran, below the root of the tree."""
    if not data.startswith(_ELF):
        known = _OTHERS.get(data[:4]) or (_OTHERS.get(data[:2] + b"\0\0") or "of an unknown format")
        return Missing(f"machine code is compared in ELF objects only; this platform's are {known}")
    if data[4:5] != _64_BITS:
        return Missing("machine code is compared for 64-bit machines only")
    import lief

    lief.logging.disable()
    binary = lief.parse(data)
    if not isinstance(binary, lief.ELF.Binary) or not len(binary.sections):
        return Missing("the object file that rustc wrote cannot be read")
    sections = list(binary.sections)
    numbers = {section.offset: at for at, section in enumerate(sections) if _holds_bytes(section)}
    symbols = list(binary.symbols)
    relocations = tuple(
        Relocation(numbers[r.section.offset], r.address, _plain(r.type), r.info, r.addend)
        for r in binary.relocations
        if r.section is not None and r.section.offset in numbers
    )
    return ObjectCode(
        machine=_plain(binary.header.machine_type),
        byte_order="big" if binary.header.identity_data == lief.ELF.Header.ELF_DATA.MSB else "little",
        sections=tuple(_section(section) for section in sections),
        symbols=tuple(_symbol(symbol) for symbol in symbols),
        relocations=relocations,
        folder=folder,
        root=root,
    )


def _holds_bytes(section: "lief.ELF.Section") -> bool:
    import lief

    return section.size > 0 and section.type != lief.ELF.Section.TYPE.NOBITS


def _section(section: "lief.ELF.Section") -> Section:
    import lief

    flags = lief.ELF.Section.FLAGS
    return Section(
        name=str(section.name),
        data=bytes(section.content) if _holds_bytes(section) else b"",
        size=section.size,
        align=section.alignment,
        flags=tuple(sorted(_plain(flag) for flag in section.flags_list)),
        entry_size=section.entry_size if section.has(flags.MERGE) else 0,
        strings=section.has(flags.STRINGS),
        loaded=section.has(flags.ALLOC),
        code=section.has(flags.EXECINSTR),
    )


def _symbol(symbol: "lief.ELF.Symbol") -> ObjectSymbol:
    kinds = {
        "FUNC": SymbolKind.FUNCTION,
        "OBJECT": SymbolKind.DATA,
        "TLS": SymbolKind.THREAD_LOCAL,
        "SECTION": SymbolKind.SECTION,
    }
    return ObjectSymbol(
        name=str(symbol.name),
        section=symbol.shndx if 0 < symbol.shndx < _UNNAMED else -1,
        start=symbol.value,
        size=symbol.size,
        kind=kinds.get(_plain(symbol.type), SymbolKind.PLACE),
        binding=_plain(symbol.binding).lower(),
        visibility=_plain(symbol.visibility).lower(),
    )


def _plain(value: object) -> str:
    """The last part of an enumerator's name."""
    return str(value).rsplit(".", 1)[-1]
