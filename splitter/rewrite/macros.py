"""Macros that define public functions: what a call of theirs defines can be re-exported.

Invariant: reads `macro_rules!` definitions; says nothing about macros of other crates.
"""

from collections.abc import Iterable

from splitter.source.tokens import closing, code_tokens


def public_macros(sources: Iterable[bytes]) -> frozenset[str]:
    """Names of the macros in these files whose text declares a `pub` function."""
    found: set[str] = set()
    for data in sources:
        if b"macro_rules!" not in data:
            continue
        tokens = code_tokens(data)
        for at, token in enumerate(tokens[:-3]):
            if token.text == b"macro_rules" and tokens[at + 1].text == b"!":
                end = closing(tokens, at + 3)
                texts = [t.text for t in tokens[at + 3 : end]]
                if any(text == b"pub" and b"fn" in texts[i : i + 6] for i, text in enumerate(texts)):
                    found.add(tokens[at + 2].text.decode())
    return frozenset(found)
