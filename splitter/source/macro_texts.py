"""The `macro_rules!` definitions of a file, wherever in it they stand.

Invariant: reads tokens alone, so that a file which does not parse tells its macros as well; of a file that was read,
only its macros are kept.
"""

from functools import lru_cache

from splitter.source.tokens import Token, TokenKind, closing, tokenize


@lru_cache(maxsize=8192)
def macro_texts(data: bytes) -> tuple[tuple[str, list[Token]], ...]:
    """Name and rules of each macro that a file defines, in order; callers share them, and leave them as they are."""
    if b"macro_rules!" not in data:
        return ()
    tokens = [token for token in tokenize(data) if token.kind < TokenKind.COMMENT]
    starts = (
        at for at, token in enumerate(tokens[:-3]) if token.text == b"macro_rules" and tokens[at + 1].text == b"!"
    )
    return tuple((tokens[at + 2].text.decode(), tokens[at + 3 : closing(tokens, at + 3)]) for at in starts)
