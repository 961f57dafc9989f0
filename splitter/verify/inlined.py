"""Functions whose machine code tells a place: those that ask for theirs, and those into which such a one is inlined.

What such a user does by itself is compared by `mir`, where nothing is inlined.
Invariant: goes by names within the files of the split; a method is no name by itself, since many types have one.
"""

from collections.abc import Mapping

from splitter.model.source import ItemKind, SourceFile
from splitter.source.item_tokens import all_tokens
from splitter.source.positions import positional_items, showing_macro


def find_telling(sources: Mapping[str, SourceFile], others: frozenset[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Keys of such items, with the macro or function by which they see the place; then those of their users.

    `others` are macros of other files that ask.
    """
    found = positional_items(sources.values(), others)
    items = [(source, item) for source in sources.values() for item in source.items if item.kind is not ItemKind.USE]
    for source, item in items:
        by = "" if item.key in found else showing_macro(source, item)
        found |= {item.key: by} if by else {}
    words = {item.key: {token.text for token in all_tokens(source, item)} for source, item in items}
    names = {item.name.encode(): item.key for _, item in items if item.kind is ItemKind.FN}
    users: dict[str, str] = {}
    while True:
        known = found | users
        telling = {name: known[key] for name, key in names.items() if key in known}
        more = {key: by for key in words.keys() - known.keys() for name, by in telling.items() if name in words[key]}
        if not more:
            return found, users
        users |= more
