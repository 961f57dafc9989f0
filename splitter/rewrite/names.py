"""What an item names: siblings, imports, methods, and what it reaches through paths to its own module.

Invariant: reads one item's tokens; says nothing about where anything goes.
"""

from dataclasses import dataclass

from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.mentions import find_mentions
from splitter.source.tokens import TokenKind, code_tokens


@dataclass(frozen=True, slots=True)
class ItemNames:
    """Names of one item: `plain` first segments (with those that a local shadows), `certain` without them.

    `members` stand behind a dot or inside a path (methods, associated items), `through` behind `self::` or the
    full path of the item's own module.
    """

    plain: frozenset[str]
    certain: frozenset[str]
    members: frozenset[str]
    through: frozenset[str]


_NOTHING = ItemNames(frozenset(), frozenset(), frozenset(), frozenset())


def names_of(source: SourceFile, item: Item, own: tuple[str, ...]) -> ItemNames:
    """Names that an item uses; `own` is the full path of its module (`("crate", "value", "ffi")`)."""
    if item.kind in (ItemKind.NOTE, ItemKind.USE, ItemKind.INNER):
        return _NOTHING
    tokens = code_tokens(source.data, item.lead, item.core.end)
    plain: set[str] = set()
    certain: set[str] = set()
    through: set[str] = set()
    members: set[str] = set()
    for mention in find_mentions(tokens):
        segments = mention.segments
        members.update(segments[1:])
        if segments[0] == "self" and len(segments) > 1:
            through.add(segments[1])
        elif segments[: len(own)] == own and len(segments) > len(own):
            through.add(segments[len(own)])
        elif item.kind is ItemKind.MOD and segments[0] == "super":
            through.add(next((s for s in segments if s != "super"), ""))
        elif segments[0] not in ("self", "super", "crate", "$crate"):
            plain.add(segments[0])
            if not mention.local:
                certain.add(segments[0])
    for index, token in enumerate(tokens[1:], 1):
        if token.kind is TokenKind.IDENT and tokens[index - 1].text in (b".", b"::"):
            members.add(token.text.decode())
    return ItemNames(frozenset(plain), frozenset(certain), frozenset(members), frozenset(through))


def trait_methods(source: SourceFile, item: Item) -> frozenset[str]:
    """Names of the functions, constants and types that a trait declares."""
    tokens = code_tokens(source.data, item.core.start, item.core.end)
    return frozenset(
        tokens[index + 1].text.decode()
        for index, token in enumerate(tokens[:-1])
        if token.text in (b"fn", b"const", b"type") and tokens[index + 1].kind is TokenKind.IDENT
    )
