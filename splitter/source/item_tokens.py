"""Tokens of one item, lexed once for everybody who asks.

Invariant: lists are shared or cheap copies; nobody changes them.
"""

from bisect import bisect_left
from operator import attrgetter

from splitter.model.source import Item, SourceFile
from splitter.source.tokens import Token, code_tokens

_START = attrgetter("start")


def all_tokens(source: SourceFile, item: Item) -> list[Token]:
    """Tokens of an item from its first attribute on, without comments and docs."""
    return code_tokens(source.data, item.lead, item.core.end)


def core_tokens(source: SourceFile, item: Item) -> list[Token]:
    """Tokens of the item proper: from its visibility or first keyword on."""
    tokens = all_tokens(source, item)
    start = bisect_left(tokens, item.core.start, key=_START)
    return tokens[start:] if start else tokens
