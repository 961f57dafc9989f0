"""Macros that define public functions: what a call of theirs defines can be re-exported.

Invariant: reads `macro_rules!` definitions; says nothing about macros of other crates.
"""

from collections.abc import Iterable

from splitter.source.macro_texts import macro_texts


def public_macros(sources: Iterable[bytes]) -> frozenset[str]:
    """Names of the macros in these files whose text declares a `pub` function."""
    found: set[str] = set()
    for data in sources:
        for name, tokens in macro_texts(data):
            texts = [token.text for token in tokens]
            if any(text == b"pub" and b"fn" in texts[at : at + 6] for at, text in enumerate(texts)):
                found.add(name)
    return frozenset(found)
