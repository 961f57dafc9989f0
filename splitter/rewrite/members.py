"""Where a visibility goes in front of a field, a method, or what an extern block or a known macro declares.

Invariant: finds places by tokens at the first level of the item's body; says nothing where one is already there.
"""

from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import NESTING, Token, TokenKind

_DECLARING = frozenset((b"fn", b"const", b"type", b"static"))
_QUALIFIERS = frozenset((b"unsafe", b"async", b"const", b"extern", b"default", b"safe"))
_OPEN_MACROS = frozenset(("thread_local", "lazy_static"))


def find_member(source: SourceFile, item: Item, member: str) -> int | None:
    """Offset in front of a private member; a tuple field is named by its number. None if there is no such member."""
    tokens = core_tokens(source, item)
    body = _body(tokens)
    if item.kind in (ItemKind.STRUCT, ItemKind.UNION):
        if member.isdigit():
            return _tuple_field(tokens, body, int(member))
        return _declared(tokens, body, member, fields=True)
    if item.kind is ItemKind.CALL and (not tokens or tokens[0].text.decode() not in _OPEN_MACROS):
        return None
    if item.kind in (ItemKind.IMPL, ItemKind.EXTERN, ItemKind.CALL) and item.trait is None:
        return _declared(tokens, body, member, fields=False)
    return None


def _body(tokens: list[Token]) -> int:
    depth = 0
    for index, token in enumerate(tokens):
        if token.text in (b"{", b"(") and depth == 0 and (index == 0 or tokens[index - 1].text not in (b"pub", b"Fn")):
            return index
        depth += {b"<": 1, b">": -1, b"[": 1, b"]": -1}.get(token.text, 0)
    return len(tokens)


def _declared(tokens: list[Token], body: int, member: str, *, fields: bool) -> int | None:
    depth = 0
    # The compiler names a raw identifier by its plain word as a rule.
    names = (member.encode(), b"r#" + member.removeprefix("r#").encode())
    for index in range(body, len(tokens)):
        token = tokens[index]
        depth += NESTING.get(token.kind, 0)
        if depth != 1 or token.kind is not TokenKind.IDENT or token.text not in names:
            continue
        if fields:
            if index + 1 < len(tokens) and tokens[index + 1].text == b":":
                return None if _has_visibility(tokens, index) else token.start
            continue
        start = index - 1 if tokens[index - 1].text in _DECLARING else index - 2
        if tokens[start].text not in _DECLARING:
            continue
        while tokens[start - 1].text in _QUALIFIERS or (
            tokens[start - 1].kind is TokenKind.STRING and tokens[start - 2].text == b"extern"
        ):
            start -= 1
        return None if _has_visibility(tokens, start) else tokens[start].start
    return None


def _tuple_field(tokens: list[Token], body: int, number: int) -> int | None:
    depth, angle, field, fresh = 0, 0, 0, True
    for index in range(body, len(tokens)):
        token = tokens[index]
        if token.kind is TokenKind.OPEN:
            depth += 1
            if depth == 1:
                continue
        elif token.kind is TokenKind.CLOSE:
            depth -= 1
        angle += {b"<": 1, b">": -1}.get(token.text, 0)
        if depth == 1 and angle == 0 and token.text == b",":
            field, fresh = field + 1, True
            continue
        if fresh and depth >= 1 and field == number and token.text != b"#":
            return None if token.text == b"pub" else token.start
        fresh = fresh and token.text == b"#"
    return None


def _has_visibility(tokens: list[Token], index: int) -> bool:
    before = tokens[index - 1].text
    if before != b")":
        return before == b"pub"
    opening = index - 1
    while tokens[opening].text != b"(":
        opening -= 1
    return tokens[opening - 1].text == b"pub"
