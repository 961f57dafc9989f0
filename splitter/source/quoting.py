"""Code that is a text where it stands: what `quote!` and its kin hand on as tokens, and what `stringify!` shows.

Paths, visibilities and file names in it are meant for wherever those tokens end up. Source: the documentation of the
crates quote and syn; `std::stringify`.
Invariant: a macro is known by its name alone, whichever path leads to it.
"""

import re

from splitter.source.tokens import Token, TokenKind, closing

_QUOTES = re.compile(rb"(?:parse_)?quote(?:_\w+)?|stringify")


def quoted(tokens: list[Token]) -> frozenset[int]:
    """Indices of the tokens that are text, the brackets around them aside."""
    found: set[int] = set()
    code = [at for at, token in enumerate(tokens) if token.kind < TokenKind.COMMENT]
    for name, mark, opened in zip(code, code[1:], code[2:], strict=False):
        called = tokens[mark].text == b"!" and tokens[opened].kind is TokenKind.OPEN
        if called and name not in found and _QUOTES.fullmatch(tokens[name].text):
            found.update(range(opened + 1, closing(tokens, opened)))
    return frozenset(found)
