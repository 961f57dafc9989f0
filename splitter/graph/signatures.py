"""Signatures of exported functions, read from the sources that define them and the types that they name.

Source: The Rust Reference, "Type layout", "Function pointer types"; the C names of `core::ffi` and `libc`.
Invariant: reads only; what it does not know becomes `Opaque` and never a guess.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from splitter.model.graph import Symbol
from splitter.model.signature import Callback, Function, Opaque, Parameter, Pointer, Scalar, Struct, Type
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import code_tokens

_SCALARS = frozenset((
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
    "f32", "f64", "bool", "char",
))  # fmt: skip
_C_NAMES = {
    "c_char": "i8", "c_schar": "i8", "c_uchar": "u8", "c_short": "i16", "c_ushort": "u16", "c_int": "i32",
    "c_uint": "u32", "c_long": "isize", "c_ulong": "usize", "c_longlong": "i64", "c_ulonglong": "u64",
    "c_float": "f32", "c_double": "f64", "size_t": "usize", "ssize_t": "isize", "ptrdiff_t": "isize",
    "intptr_t": "isize", "uintptr_t": "usize", "int8_t": "i8", "uint8_t": "u8", "int16_t": "i16",
    "uint16_t": "u16", "int32_t": "i32", "uint32_t": "u32", "int64_t": "i64", "uint64_t": "u64",
}  # fmt: skip
_SMART = frozenset(("Box", "NonNull", "Arc", "Rc"))
_C_STRUCTS = ("#[repr(C", "#[repr(transparent")


@dataclass(slots=True)
class _Reader:
    """Tokens of a type or a signature, and how far they are read."""

    tokens: list[str]
    types: "Types"
    at: int = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *texts: str) -> bool:
        """Step over the next token if it is one of these."""
        found = self.next in texts and self.at < len(self.tokens)
        self.at += found
        return found

    def skip_past(self, text: str) -> None:
        """Step over all that comes before a token, and over that; to the end where there is none."""
        while self.next and not self.take(text):
            self.at += 1


class Types:
    """Types that a set of sources define, by name; each is read when it is first asked for."""

    def __init__(self, sources: Iterable[SourceFile]) -> None:
        kinds = (ItemKind.TYPE, ItemKind.STRUCT)
        self._items = {item.name: (source, item) for source in sources for item in source.items if item.kind in kinds}
        self._known: dict[str, Type] = {}

    def named(self, name: str) -> Type:
        """The type with this name."""
        if name == "str":
            return Opaque("[ u8 ]")
        if name in _SCALARS or name in _C_NAMES:
            return Scalar(_C_NAMES.get(name, name))
        if name not in self._known:
            self._known[name] = Opaque(name)  # what a type says of itself ends here
            if name in self._items:
                self._known[name] = self._read(*self._items[name])
        return self._known[name]

    def _read(self, source: SourceFile, item: Item) -> Type:
        texts = [token.text.decode() for token in core_tokens(source, item)]
        if item.kind is ItemKind.TYPE:
            generic = "<" in texts[: texts.index("=")]
            return Opaque(item.name) if generic else _type(_Reader(texts[texts.index("=") + 1 : -1], self))
        layout = next((a for a in item.attributes if a.replace(" ", "").startswith(_C_STRUCTS)), None)
        start = next((at for at, text in enumerate(texts) if text in ("{", "(", ";", "<")), 0)
        if layout is None or texts[start] not in ("{", "("):
            return Opaque(item.name)
        fields = tuple(_fields(_Reader(texts[start + 1 :], self), named=texts[start] == "{"))
        return Struct(item.name, fields, transparent="transparent" in layout)


def read_functions(symbols: Iterable[Symbol], types: Types) -> Iterator[Function]:
    """Signatures of those symbols that are functions, in the order given."""
    for symbol in symbols:
        texts = [token.text.decode() for token in code_tokens(symbol.signature.encode())]
        if "fn" not in texts or "(" not in texts:
            continue
        reader = _Reader(texts, types, texts.index("(") + 1)
        parameters = tuple(_parameters(reader))
        variadic = reader.take("...")
        reader.take(")")
        returns = _type(reader) if reader.take("->") else None
        yield Function(symbol.name, parameters, returns, symbol.item, symbol.line, symbol.cfgs, variadic)


def resolved(type_: Type) -> Type:
    """The type behind `repr(transparent)` structs."""
    while isinstance(type_, Struct) and type_.transparent and type_.fields:
        type_ = type_.fields[0][1]
    return type_


def by_symbol(functions: Iterable[Function]) -> Mapping[str, Function]:
    """Functions by symbol; of `cfg` twins the first stands for both."""
    found: dict[str, Function] = {}
    for function in functions:
        found.setdefault(function.symbol, function)
    return found


def _parameters(reader: _Reader) -> Iterator[Parameter]:
    while reader.next not in (")", "...", ""):
        _skip_attributes(reader)
        reader.take("mut")
        name = reader.next
        reader.at += 1
        if not reader.take(":"):  # a type alone, as in a function pointer
            reader.at -= 1
            name = ""
        yield Parameter(name, _some_type(reader))
        reader.take(",")


def _fields(reader: _Reader, *, named: bool) -> Iterator[tuple[str, Type]]:
    number = 0
    while reader.next not in ("}", ")", ""):
        _skip_attributes(reader)
        if reader.take("pub") and reader.take("("):
            reader.skip_past(")")
        name = str(number)
        if named:
            name = reader.next
            reader.at += 2
        yield name, _some_type(reader)
        reader.take(",")
        number += 1


def _skip_attributes(reader: _Reader) -> None:
    while reader.take("#"):
        depth = 0
        while reader.next:
            depth += {"[": 1, "]": -1}.get(reader.next, 0)
            reader.at += 1
            if depth == 0:
                break


def _some_type(reader: _Reader) -> Type:
    """A type, or one token that begins none: a list of them comes to its end."""
    start = reader.at
    found = _type(reader)
    reader.at += reader.at == start
    return found


def _type(reader: _Reader) -> Type:
    if reader.take("*", "&"):
        return _pointer(reader)
    if reader.next in ("unsafe", "extern", "fn"):
        return _callback(reader)
    return _path(reader)


def _pointer(reader: _Reader) -> Type:
    if reader.next.startswith("'"):
        reader.at += 1
    mutable = reader.take("mut")
    reader.take("const")
    inner = _type(reader)
    if isinstance(inner, Opaque) and inner.text.startswith(("dyn", "[")) and ";" not in inner.text:
        return Opaque(f"&{inner.text}")  # two words, which C does not know
    return Pointer(inner, mutable)


def _path(reader: _Reader) -> Type:
    start = reader.at
    while reader.next[:1].isidentifier() and reader.next not in ("dyn", "impl"):
        reader.at += 1
        if not reader.take("::"):
            break
    name = reader.tokens[reader.at - 1] if reader.at > start else ""
    if name and not reader.take("<"):
        return reader.types.named(name)
    if name not in ("Option", *_SMART):
        return _unknown(reader, start)
    inner = _type(reader)
    reader.take(",")
    reader.take(">")
    if name in _SMART:
        return Pointer(inner, mutable=True)
    return inner if isinstance(inner, Pointer | Callback) else Opaque(f"Option<{inner}>")


def _callback(reader: _Reader) -> Type:
    reader.skip_past("(")
    parameters = tuple(parameter.type for parameter in _parameters(reader))
    reader.take("...")
    reader.take(")")
    return Callback(parameters, _type(reader) if reader.take("->") else None)


def _unknown(reader: _Reader, start: int) -> Opaque:
    """Whatever stands here, up to the comma or bracket that ends it."""
    reader.at = start
    depth = 0
    while reader.next and not (depth == 0 and reader.next in (",", ")", "}", ">")):
        depth += {"(": 1, "[": 1, "<": 1, "{": 1, ")": -1, "]": -1, ">": -1, "}": -1}.get(reader.next, 0)
        reader.at += 1
    return Opaque(" ".join(reader.tokens[start : reader.at]))
