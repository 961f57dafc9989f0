"""What the built library exports, as far as the source tells.

Source: The Rust Reference, "Application binary interface": `no_mangle`, `export_name`.
"""

from collections.abc import Iterable

from splitter.graph.definitions import Definitions, find_definitions
from splitter.model.graph import Symbol
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.attributes import read_attributes
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import NESTING, Token, TokenKind

_HEADS = (ItemKind.FN, ItemKind.STATIC)
_NESTED = (ItemKind.IMPL, ItemKind.MOD, ItemKind.CALL)


def find_symbols(source: SourceFile) -> tuple[Symbol, ...]:
    """Exported functions and statics of a file, those inside impls, inline modules and macro calls included."""
    definitions = find_definitions(source)
    return tuple(symbol for item in source.items for symbol in symbols_of(source, item, definitions))


def symbols_of(source: SourceFile, item: Item, definitions: Definitions) -> list[Symbol]:
    """What one item exports."""
    by_call = [definitions.by_call[n] for n in definitions.by_item[item.key] if n in definitions.by_call]
    if by_call and item.kind is ItemKind.CALL:
        return [Symbol(one.name, item.key, one.signature, item.line, item.cfgs) for one in by_call if one.exported]
    if item.symbol and item.kind in _HEADS:
        return [Symbol(item.symbol, item.key, signature(core_tokens(source, item)), item.line, item.cfgs)]
    return _inside(source, item) if item.kind in _NESTED else []


def signature(tokens: Iterable[Token]) -> str:
    """Tokens of a function or static up to its body or value, without visibility, joined by single blanks."""
    row: list[str] = []
    depth = 0
    for token in tokens:
        if depth == 0 and token.text in (b"{", b";", b"="):
            break
        depth += NESTING.get(token.kind, 0)
        row.append(token.text.decode())
    while row and row[0] == "pub":
        row = row[row.index(")") + 1 :] if row[1:2] == ["("] else row[1:]
    return " ".join(text for index, text in enumerate(row) if not (text == "," and row[index + 1 : index + 2] == [")"]))


def _inside(source: SourceFile, item: Item) -> list[Symbol]:
    tokens = core_tokens(source, item)
    found: list[Symbol] = []
    start = 0
    for at, token in enumerate(tokens[:-1]):
        if token.text in (b"}", b";", b"{"):
            start = at + 1
        if token.text != b"fn" or tokens[at + 1].kind is not TokenKind.IDENT:
            continue
        attributes = read_attributes(source.data, tokens[start].start, token.start)
        name = attributes.symbol(tokens[at + 1].text.decode())
        if name:
            head = next((k for k in range(start, at) if tokens[k].text in (b"pub", b"unsafe", b"extern", b"const")), at)
            line = source.data.count(b"\n", 0, token.start) + 1
            found.append(Symbol(name, item.key, signature(tokens[head:]), line, item.cfgs + attributes.cfgs))
    return found
