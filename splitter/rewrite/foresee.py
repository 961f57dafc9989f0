"""Private fields and methods that other modules will have to reach, as far as names tell.

Used where no compiler says it. Invariant: opens a member too many rather than one too few, and never further
than the monolith's own module.
"""

from dataclasses import replace

from splitter.model.source import Item, ItemKind
from splitter.rewrite.members import find_member
from splitter.rewrite.places import common
from splitter.rewrite.world import Hints, World
from splitter.source.mentions import identifiers
from splitter.source.tokens import Token, TokenKind, code_tokens

_DECLARING = (b"fn", b"const", b"type")


def foresee(world: World) -> Hints:
    """The world's hints, with the members that names say must be opened."""
    tokens = {item.key: code_tokens(world.source.data, item.core.start, item.core.end) for item in world.source.items}
    found: set[tuple[str, str]] = set()
    for item in world.source.items:
        place = world.place(item.key)
        if place == () or item.kind not in (ItemKind.STRUCT, ItemKind.UNION, ItemKind.IMPL) or item.trait is not None:
            continue
        others = [i for i in world.source.items if common(world.place(i.key), place) != place]
        for member in _members(item, tokens[item.key]):
            if find_member(world.source, item, member) is None:
                continue
            if any(_reaches(world, other, item, member, tokens[other.key]) for other in others):
                found.add((item.key, member))
    return replace(world.hints, opened=world.hints.opened | found)


def _members(item: Item, tokens: list[Token]) -> list[str]:
    """Names of fields (numbers for those of a tuple struct), or of what an impl declares."""
    names: list[str] = []
    depth = 0
    for at, token in enumerate(tokens[:-1]):
        depth += {TokenKind.OPEN: 1, TokenKind.CLOSE: -1}.get(token.kind, 0)
        following = tokens[at + 1]
        if item.kind is ItemKind.IMPL:
            if depth == 1 and token.text in _DECLARING and following.kind is TokenKind.IDENT:
                names.append(following.text.decode())
        elif depth == 1 and token.kind is TokenKind.IDENT and following.text == b":":
            names.append(token.text.decode())
    if not names and item.kind is ItemKind.STRUCT and any(token.text == b"(" for token in tokens):
        names = [str(number) for number in range(12)]
    return names


def _reaches(world: World, other: Item, item: Item, member: str, tokens: list[Token]) -> bool:
    names = world.names[other.key]
    if member.isdigit() or item.kind is not ItemKind.IMPL:
        if item.name in names.plain:
            return member.isdigit() or member in identifiers(tokens)
        return not member.isdigit() and member in names.members
    return member in names.members


