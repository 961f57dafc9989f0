"""Everything in some files that has to be there afterwards, one entry a function, type, method or declaration.

What a person may take apart is taken apart: inline modules, inherent impls and extern blocks are looked into, so
that their members can stand in another module afterwards. Invariant: what stands in none of the entries (comments
by themselves, imports, `mod` lines, inner attributes) is among the loose pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from splitter.errors import SourceError
from splitter.model.evidence import Scope
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.attributes import read_attributes
from splitter.source.item_tokens import core_tokens
from splitter.source.parse import parse
from splitter.source.tokens import match_brackets
from splitter.verify.by_hand.attributes import LINTS, name_of
from splitter.verify.by_hand.parts import Parts, parts_of
from splitter.verify.canonical import Place, canonical_text
from splitter.verify.places import Path, module_of

_LOOSE = (ItemKind.NOTE, ItemKind.INNER, ItemKind.USE)
_SPACE = bytes(byte if byte in b"\r\n" else 32 for byte in range(256))
#: Attributes that say of a container what they say of each of its members, or nothing that matters here.
_OPEN = frozenset(("cfg", "doc", "macro_use", "path", "rustfmt::skip", *LINTS))


@dataclass(frozen=True, eq=False)
class Entry:
    """A piece where it stands; one is equal to itself alone.

    `module` includes inline modules, `owner` is the head of the impl or extern block around it. `gates` are the
    `cfg`s of everything around it.
    """

    item: Item
    source: SourceFile
    module: Path
    gates: tuple[str, ...]
    scope: Scope
    owner: str = ""
    of: str = ""

    @property
    def path(self) -> str:
        """Path of its file."""
        return self.source.path

    @property
    def key(self) -> str:
        """Its item's key without number; a method's with its type."""
        base = self.item.key.split("#")[0]
        kind, _, name = base.partition(":")
        return f"{kind}:{self.of}::{name}" if self.of else base

    @property
    def cfgs(self) -> tuple[str, ...]:
        """Everything that has to hold for it to exist."""
        return (*self.gates, *self.item.cfgs)

    @cached_property
    def parts(self) -> Parts:
        """Its docs, attributes and code, each in canonical form."""
        return parts_of(self.source, self.item, Place(self.scope, self.path, self.module))


@dataclass(frozen=True, slots=True)
class Loose:
    """An item that is no entry, or the container of entries (of which its comments and docs count)."""

    item: Item
    source: SourceFile
    module: Path


@dataclass(frozen=True, slots=True)
class Listing:
    """All entries of a tree, and what else stands in its files."""

    entries: tuple[Entry, ...]
    loose: tuple[Loose, ...]


def list_entries(sources: dict[str, SourceFile], scope: Scope) -> Listing:
    """Entries of parsed files, in order; `scope` knows which modules they are."""
    entries: list[Entry] = []
    loose: list[Loose] = []
    for path, source in sources.items():
        stands = scope.stands.get(path)
        gates = stands.cfgs if stands else ()
        for found in _walk(source, module_of(scope, path), gates, scope):
            if isinstance(found, Entry):
                entries.append(found)
            else:
                loose.append(found)
    return Listing(tuple(entries), tuple(loose))


def body_of(source: SourceFile, item: Item) -> SourceFile | None:
    """What stands between the braces of a container, parsed where it lies; None where it cannot be looked into."""
    tokens = core_tokens(source, item)
    try:
        pairs = match_brackets(tokens)
    except ValueError:
        return None
    opening = next((at for at, token in enumerate(tokens) if token.text == b"{" and pairs[at] == len(tokens) - 1), None)
    if opening is None:
        return None
    start, end = tokens[opening].end, tokens[pairs[opening]].start
    try:
        return parse(source.path, source.data[:start].translate(_SPACE) + source.data[start:end])
    except SourceError:
        return None


def inner_cfgs(source: SourceFile) -> tuple[str, ...]:
    """Conditions that a file or inline module puts on itself: `#![cfg(…)]`."""
    texts = [text for item in source.items if item.kind is ItemKind.INNER for text in item.attributes]
    outer = [text.replace("#![", "#[", 1).encode() for text in texts]
    return tuple(cfg for data in outer for cfg in read_attributes(data, 0, len(data)).cfgs)


def _walk(
    source: SourceFile, module: Path, gates: tuple[str, ...], scope: Scope, owner: str = "", of: str = ""
) -> Iterator[Entry | Loose]:
    gates = (*gates, *inner_cfgs(source))
    for item in source.items:
        if item.kind in _LOOSE or _brings_a_file(source, item):
            yield Loose(item, source, module)
            continue
        body = body_of(source, item) if _is_open(item) else None
        if body is None:
            yield Entry(item, source, module, gates, scope, owner, of)
            continue
        yield Loose(item, source, module)
        around = (*gates, *item.cfgs)
        if item.kind is ItemKind.MOD:
            yield from _walk(body, (*module, item.name), around, scope)
        else:
            head = _head(source, item, Place(scope, source.path, module))
            yield from _walk(body, module, around, scope, head, item.name)


def _brings_a_file(source: SourceFile, item: Item) -> bool:
    """Say whether an item only says that a file of items belongs here: `mod x;`, `include!("x.rs")`."""
    text = source.text(item.core)
    if item.kind is ItemKind.MOD:
        return text.endswith(b";")
    return item.kind is ItemKind.CALL and item.name == "include" and b'.rs"' in text


def _is_open(item: Item) -> bool:
    names = {name_of(text) for text in item.attributes}
    if item.kind is ItemKind.EXTERN:
        return names <= _OPEN | {"link"}
    inherent = item.kind is ItemKind.IMPL and item.trait is None
    return (inherent or item.kind is ItemKind.MOD) and names <= _OPEN


def _head(source: SourceFile, item: Item, place: Place) -> str:
    """Head of an impl or extern block, and for the latter what it is linked with."""
    links = [text for text in item.attributes if name_of(text) == "link"]
    core = source.data[item.core.start : item.core.end]
    return canonical_text(" ".join((*links, core[: core.index(b"{")].decode())), place)
