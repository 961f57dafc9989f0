"""The `macro_rules!` definitions of a file, wherever in it they stand.

Invariant: reads tokens alone, so that a file which does not parse tells its macros as well.
"""

from collections.abc import Iterator

from splitter.source.tokens import Token, closing, code_tokens


def macro_texts(data: bytes) -> Iterator[tuple[str, list[Token]]]:
    """Name and rules of each macro that a file defines, in order."""
    if b"macro_rules!" not in data:
        return
    tokens = code_tokens(data)
    for at, token in enumerate(tokens[:-3]):
        if token.text == b"macro_rules" and tokens[at + 1].text == b"!":
            yield tokens[at + 2].text.decode(), tokens[at + 3 : closing(tokens, at + 3)]
