"""Tokens of an item in a form that a lawful move does not change.

What a move may touch is thought away: visibility, where relative paths are counted from, the way to a relative
include, the comma before a closing bracket; none of these where a macro takes it as text. Invariant: every other
token and comment stands for itself, in order.
"""

import posixpath
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from splitter.model.evidence import Scope
from splitter.model.source import Span
from splitter.source.quoting import quoted
from splitter.source.tokens import Token, TokenKind, tokenize
from splitter.verify.places import Path, absolute, in_monolith

_INCLUDES = (b"include_str", b"include_bytes", b"include")
_RESTRICTED = (b"crate", b"super", b"self", b"in")
_LITERAL = re.compile(rb'"([^/\\].*)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """Where code stands: the file, its module, and the split that it is part of."""

    scope: Scope
    file: str
    module: Path


def canonical(data: bytes, span: Span, place: Place) -> tuple[tuple[str, int], ...]:
    """Canonical tokens and comments of a stretch of code, each with the offset where it stands."""
    tokens = list(tokenize(data, span.start, span.end))
    row: list[tuple[str, int]] = []
    inline: list[str | None] = []
    text = quoted(tokens, place.scope.quoting)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if at in text:
            row.append((token.text.decode("utf-8", "replace"), token.start))
            at += 1
            continue
        past = end_of_visibility(tokens, at)
        if past > at:
            at = past
            continue
        if token.text in (b"self", b"super", b"crate") and _begins_path(tokens, at):
            module = place.module + tuple(name for name in inline if name)
            at, path = _path(tokens, at)
            goes_on = at < len(tokens) and tokens[at].text == b"::" and tokens[at + 1].text in (b"{", b"*")
            plain = in_monolith(place.scope, absolute(path, module), is_module=goes_on)
            row.append(("crate::" + "::".join(plain), token.start))
            continue
        if token.text == b"{":
            opens_module = at >= 2 and tokens[at - 2].text == b"mod"
            inline.append(tokens[at - 1].text.decode() if opens_module else None)
        elif token.text == b"}" and inline:
            inline.pop()
        if token.text in _INCLUDES:
            row.append((token.text.decode(), token.start))
            at, literal = _include(tokens, at, place.file)
            row += literal
            continue
        if not (token.text == b"," and _is_trailing(tokens, at)):
            row.append((token.text.decode("utf-8", "replace"), token.start))
        at += 1
    return tuple(row)


def canonical_text(text: str, place: Place) -> str:
    """Canonical form of a piece of code that is a text by itself."""
    data = text.encode()
    return " ".join(part for part, _ in canonical(data, Span(0, len(data)), place))


def end_of_visibility(tokens: list[Token], at: int) -> int:
    """Index past the visibility that begins at `at`; `at` itself where none does."""
    if tokens[at].text != b"pub" or (at and tokens[at - 1].text == b"$"):
        return at
    if at + 2 < len(tokens) and tokens[at + 1].text == b"(" and tokens[at + 2].text in _RESTRICTED:
        end = at + 3
        while end < len(tokens) and tokens[end].text != b")":
            end += 1
        # `pub (self::A, B)` is the field of a tuple struct.
        plain = all(t.kind is TokenKind.IDENT or t.text == b"::" for t in tokens[at + 2 : end])
        return end + 1 if plain and (tokens[at + 2].text == b"in" or end == at + 3) else at + 1
    return at + 1


def _begins_path(tokens: list[Token], at: int) -> bool:
    before = tokens[at - 1].text if at else b""
    return before != b"::" and at + 1 < len(tokens) and tokens[at + 1].text == b"::"


def _path(tokens: list[Token], at: int) -> tuple[int, Path]:
    """Index past a path, and its segments up to a brace, a star or a generic argument."""
    names = [tokens[at].text.decode()]
    at += 1
    while at + 1 < len(tokens) and tokens[at].text == b"::" and tokens[at + 1].kind is TokenKind.IDENT:
        names.append(tokens[at + 1].text.decode())
        at += 2
    return at, tuple(names)


def _include(tokens: list[Token], at: int, file: str) -> tuple[int, list[tuple[str, int]]]:
    """The relative path in `include_str!("…")`, from the root of the tree; index past what was read."""
    words = [token.text for token in tokens[at + 1 : at + 3]]
    literal = tokens[at + 3] if at + 3 < len(tokens) else None
    found = _LITERAL.fullmatch(literal.text) if literal is not None and words == [b"!", b"("] else None
    if literal is None or found is None:
        return at + 1, []
    path = posixpath.normpath(str(PurePosixPath(file).parent / found.group(1).decode("utf-8", "replace")))
    return at + 4, [("!", tokens[at + 1].start), ("(", tokens[at + 2].start), (f'"{path}"', literal.start)]


def _is_trailing(tokens: list[Token], at: int) -> bool:
    """Say whether a comma stands before a closing bracket and is not what makes a tuple of one."""
    following = next((t for t in tokens[at + 1 :] if t.kind < TokenKind.COMMENT), None)
    if following is not None and following.text == b">":
        return True
    if following is None or following.kind is not TokenKind.CLOSE:
        return False
    if following.text != b")":
        return True
    depth = 0
    for index in range(at - 1, -1, -1):
        kind, text = tokens[index].kind, tokens[index].text
        if kind is TokenKind.CLOSE:
            depth += 1
        elif kind is TokenKind.OPEN:
            if depth == 0:
                return index > 0 and (
                    tokens[index - 1].kind is TokenKind.IDENT or tokens[index - 1].text in (b">", b"!")
                )
            depth -= 1
        elif text == b"," and depth == 0:
            return True
    return False
