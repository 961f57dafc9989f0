"""Rust's lexical grammar, as far as telling tokens apart needs it.

Source: The Rust Reference, "Lexical structure".
Invariant: tokens, comments and the white space between them partition the input; never fails: a byte that
begins no token is a token of its own.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple


class TokenKind(IntEnum):
    """What a token is."""

    IDENT = 1
    LIFETIME = 2
    NUMBER = 3
    STRING = 4
    CHAR = 5
    PUNCT = 6
    OPEN = 7
    CLOSE = 8
    COMMENT = 9
    DOC = 10


#: How much deeper inside brackets the code behind a token stands.
NESTING = {TokenKind.OPEN: 1, TokenKind.CLOSE: -1}


class Token(NamedTuple):
    """A token or comment with its text and the byte offset where it begins."""

    kind: TokenKind
    text: bytes
    start: int

    @property
    def end(self) -> int:
        """Offset of the byte after the token."""
        return self.start + len(self.text)


_PATTERN = re.compile(
    rb"""
    [ \t\r\n\f\v]*
    (?:
    (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>(?:br|cr|r)(?P<hash>\#*)"(?:.*?"(?P=hash)|.*))
  | (?P<string>(?:b|c)?"(?:[^"\\]|\\.)*")
  | (?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\\n\x80-\xff]|[\xc0-\xff][\x80-\xbf]+)')
  | (?P<lifetime>'(?:r\#)?[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)
  | (?P<ident>(?:r\#)?[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)
  | (?P<number>[0-9](?:[0-9A-Za-z_]|\.(?=[0-9])|(?<=[eE])[+-](?=[0-9]))*)
  | (?P<open>[({\[])
  | (?P<close>[)}\]])
  | (?P<punct>::|->|=>|\.\.\.|\.\.=|\.\.|&&|\|\||[^ \t\r\n\f\v])
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_NAMES = {
    "raw": TokenKind.STRING,
    "string": TokenKind.STRING,
    "char": TokenKind.CHAR,
    "lifetime": TokenKind.LIFETIME,
    "ident": TokenKind.IDENT,
    "number": TokenKind.NUMBER,
    "open": TokenKind.OPEN,
    "close": TokenKind.CLOSE,
    "punct": TokenKind.PUNCT,
}
_KINDS = {number: _NAMES.get(name) for name, number in _PATTERN.groupindex.items()}
_BLOCK_EDGE = re.compile(rb"/\*|\*/")
_DOC_LINE = (b"///", b"//!")
_SLASH = ord("/")


def tokenize(data: bytes, start: int = 0, end: int | None = None) -> list[Token]:
    """Tokens and comments of `data[start:end]` in order, with offsets into `data`; white space is left out."""
    at, stop = start, len(data) if end is None else end
    tokens: list[Token] = []
    # The inner loop of the whole tool: a tuple is made without the detour of its class's own constructor.
    new, add, kinds = tuple.__new__, tokens.append, _KINDS
    while True:
        for found in _PATTERN.finditer(data, at, stop):
            number = found.lastindex or 0
            at, past = found.span(number)
            kind = kinds[number]
            if kind is not None:
                add(new(Token, (kind, data[at:past], at)))
            elif data[at + 1] == _SLASH:
                past -= 1 if data[past - 1 : past] == b"\r" else 0
                add(Token(TokenKind.DOC if _is_doc_line(data[at:past]) else TokenKind.COMMENT, data[at:past], at))
            else:
                past = _block_end(data, at, stop)
                add(Token(TokenKind.DOC if _is_doc_block(data[at:past]) else TokenKind.COMMENT, data[at:past], at))
                at = past
                break  # go on behind the comment, whose inside is no code
        else:
            return tokens


@lru_cache(maxsize=16384)
def code_tokens(data: bytes, start: int = 0, end: int | None = None) -> list[Token]:
    """Tokens without plain comments and docs; the list is shared between callers, who leave it as it is."""
    return [t for t in tokenize(data, start, end) if t.kind < TokenKind.COMMENT]


def match_brackets(tokens: list[Token]) -> dict[int, int]:
    """Index of the closing token for each opening one; raises `ValueError(offset)` where they do not pair."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind is TokenKind.OPEN:
            stack.append(index)
        elif token.kind is TokenKind.CLOSE:
            if not stack or tokens[stack[-1]].text + token.text not in (b"()", b"[]", b"{}"):
                raise ValueError(token.start)
            pairs[stack.pop()] = index
    if stack:
        raise ValueError(tokens[stack[-1]].start)
    return pairs


def closing(tokens: list[Token], at: int) -> int:
    """Index of the token that closes the bracket at `at`; the last one where none does."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += NESTING.get(tokens[index].kind, 0)
        if depth == 0:
            return index
    return len(tokens) - 1


def _is_doc_line(text: bytes) -> bool:
    return text.startswith(_DOC_LINE) and not text.startswith(b"////")


def _is_doc_block(text: bytes) -> bool:
    return text.startswith((b"/**", b"/*!")) and not text.startswith((b"/***", b"/**/"))


def _block_end(data: bytes, start: int, stop: int) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(data, start, stop):
        depth += 1 if edge.group() == b"/*" else -1
        if depth == 0:
            return edge.end()
    return stop
