"""Code that is a text where it stands: what `quote!` and its kin hand on as tokens, and what `stringify!` shows.

Paths, visibilities and file names in it are meant for wherever those tokens end up. Source: the documentation of the
crates quote and syn; `std::stringify`.
Invariant: a macro is known by its name alone, whichever path leads to it.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

from splitter.source.macro_texts import macro_texts
from splitter.source.tokens import Token, TokenKind, closing

_QUOTES = re.compile(r"(?:parse_)?quote(?:_\w+)?|stringify")


def quoted(tokens: list[Token], others: frozenset[str] = frozenset()) -> frozenset[int]:
    """Indices of the tokens that are text, the brackets around them aside; `others` are macros that quote as well."""
    found: set[int] = set()
    code = [at for at, token in enumerate(tokens) if token.kind < TokenKind.COMMENT]
    for name, mark, opened in zip(code, code[1:], code[2:], strict=False):
        called = tokens[mark].text == b"!" and tokens[opened].kind is TokenKind.OPEN
        if called and name not in found and _takes_text(tokens[name].text.decode(), others):
            found.update(range(opened + 1, closing(tokens, opened)))
    return frozenset(found)


def quoting_macros(files: Iterable[bytes]) -> frozenset[str]:
    """Names of the macros in these files that hand all they are given on to one that quotes."""
    texts = [row for data in files for row in macro_texts(data)]
    found: set[str] = set()
    while True:
        more = {name for name, tokens in texts if name not in found and _only_quotes(tokens, frozenset(found))}
        if not more:
            return frozenset(found)
        found |= more


def _takes_text(macro: str, others: frozenset[str]) -> bool:
    return macro in others or _QUOTES.fullmatch(macro) is not None


def _only_quotes(rules: list[Token], others: frozenset[str]) -> bool:
    """Say whether the rules of a macro use what they are given, and only where it is quoted."""
    used = False
    for at, token in enumerate(rules[:-1]):
        if token.text == b"=>" and rules[at + 1].kind is TokenKind.OPEN and rules[at - 1].kind is TokenKind.CLOSE:
            body = rules[at + 1 : closing(rules, at + 1)]
            text = quoted(body, others)
            given = [i for i, (a, b) in enumerate(pairwise(body)) if a.text == b"$" and b.kind is TokenKind.IDENT]
            given = [i for i in given if body[i + 1].text != b"crate"]
            if any(i not in text for i in given):
                return False
            used = used or bool(given)
    return used
