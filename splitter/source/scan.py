"""Finds where top-level items begin and end by their brackets alone.

Used where tree-sitter reports an error: newer syntax that it does not know yet must not shift the border of
the items around it. Invariant: looks at tokens only; a file whose brackets do not pair is refused.
"""

from splitter.source.tokens import Token, TokenKind, match_brackets

_BLOCK_ENDS = frozenset(
    (b"fn", b"struct", b"enum", b"union", b"trait", b"impl", b"mod", b"extern", b"macro_rules", b"macro")
)
_SEMICOLON_ENDS = frozenset((b"use", b"const", b"static", b"type"))
_PREFIXES = frozenset((b"pub", b"default", b"async", b"unsafe", b"safe", b"auto", b"crate"))


def scan_items(tokens: list[Token]) -> list[tuple[int, int]]:
    """Byte ranges of the top-level items proper, without attributes.

    Raises `ValueError(offset)` where brackets do not pair, an item does not end, or what stands there begins none.
    """
    pairs = match_brackets(tokens)
    items: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens):
        past_attribute = _skip_attribute(tokens, pairs, at)
        if past_attribute > at:
            at = past_attribute
            continue
        if tokens[at].kind is not TokenKind.IDENT and tokens[at].text != b"::":
            raise ValueError(tokens[at].start)
        end = _item_end(tokens, pairs, at)
        items.append((tokens[at].start, tokens[end].end))
        at = end + 1
    return items


def _skip_attribute(tokens: list[Token], pairs: dict[int, int], at: int) -> int:
    if tokens[at].text != b"#":
        return at
    bracket = at + 2 if at + 1 < len(tokens) and tokens[at + 1].text == b"!" else at + 1
    return pairs[bracket] + 1 if bracket in pairs else at


def _item_end(tokens: list[Token], pairs: dict[int, int], start: int) -> int:
    keyword = _keyword(tokens, pairs, start)
    at = start
    while at < len(tokens):
        token = tokens[at]
        if token.text == b";":
            return at
        if token.kind is TokenKind.OPEN:
            close = pairs[at]
            is_body = token.text == b"{" and keyword not in _SEMICOLON_ENDS
            if is_body and not _goes_on(tokens, close, keyword):
                return close
            at = close
        at += 1
    raise ValueError(tokens[start].start)


def _keyword(tokens: list[Token], pairs: dict[int, int], start: int) -> bytes:
    at = start
    while at < len(tokens):
        text = tokens[at].text
        if text == b"const" and at + 1 < len(tokens) and tokens[at + 1].text in (b"fn", b"unsafe", b"extern", b"async"):
            at += 1
        elif text in _PREFIXES:
            at += 1
            at = pairs[at] + 1 if at in pairs and text == b"pub" else at
        elif text == b"extern" and _names_function(tokens, at):
            return b"fn"
        else:
            return text if text in _BLOCK_ENDS or text in _SEMICOLON_ENDS else b"!"
    return b"!"


def _names_function(tokens: list[Token], at: int) -> bool:
    following = [token.text for token in tokens[at + 1 : at + 3]]
    return b"fn" in following


def _goes_on(tokens: list[Token], close: int, keyword: bytes) -> bool:
    following = tokens[close + 1].text if close + 1 < len(tokens) else b""
    if keyword == b"!":
        return following == b";"
    return keyword == b"fn" and following in (b"{", b">", b",", b"]", b")", b"where", b"=")
