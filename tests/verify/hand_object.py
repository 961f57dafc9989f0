"""Objects made by hand, small enough to see what is in them."""

from dataclasses import dataclass, replace

from splitter.model.object_code import ObjectCode, ObjectSymbol, Relocation, Section, SymbolKind

CODE = ("ALLOC", "EXECINSTR")
DATA = ("ALLOC",)


@dataclass(frozen=True)
class Part:
    """A function or a constant in a section of its own; `refers` are rows of offset, kind, name and addend.

    A name that begins with `.L` is one that the compiler numbers.
    """

    name: str
    data: bytes = b"\xc3"
    refers: tuple[tuple[int, str, str, int], ...] = ()
    section: str = ""
    code: bool = True
    binding: str = "global"

    @property
    def own_section(self):
        return self.section or f"{'.text' if self.code else '.rodata'}.{self.name}"


def mangled(*path, crate="tiny"):
    """A function's name as rustc writes it."""
    names = "".join(f"{len(name)}{name}" for name in path)
    return f"_RNv{'Nt' * (len(path) - 1)}C{len(crate)}{crate}{names}"


def location(file, line, column, name=".Lplace", text=".Lfile"):
    """The position that a panic would name, and the name of the file."""
    numbers = len(file).to_bytes(8, "little") + line.to_bytes(4, "little") + column.to_bytes(4, "little")
    yield Part(text, file.encode(), code=False, binding="local")
    yield Part(name, bytes(8) + numbers, ((0, "X86_64_64", text, 0),), code=False, binding="local")


def make_object(*parts, folder="."):
    """An object of these parts; what they refer to and is not among them is undefined."""
    sections, symbols, starts = [Section("", b"", 0, loaded=False)], [], {}
    for part in parts:
        numbers = [at for at, section in enumerate(sections) if section.name == part.own_section]
        number = numbers[0] if numbers else len(sections)
        if not numbers:
            flags = CODE if part.code else DATA
            sections.append(Section(part.own_section, b"", 0, flags=flags, code=part.code))
        section = sections[number]
        starts[part.name] = (number, section.size)
        sections[number] = replace(section, data=section.data + part.data, size=section.size + len(part.data))
        kind = SymbolKind.FUNCTION if part.code else SymbolKind.DATA
        symbols.append(ObjectSymbol(part.name, number, starts[part.name][1], len(part.data), kind, part.binding))
    known = {symbol.name: at for at, symbol in enumerate(symbols)}
    holes = []
    for part in parts:
        number, start = starts[part.name]
        for offset, kind, name, addend in part.refers:
            if name not in known:
                known[name] = len(symbols)
                symbols.append(ObjectSymbol(name, -1, 0, 0, SymbolKind.PLACE, "global"))
            holes.append(Relocation(number, start + offset, kind, known[name], addend))
    return ObjectCode("X86_64", "little", tuple(sections), tuple(symbols), tuple(holes), folder)
