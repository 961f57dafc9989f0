"""Private fields and methods that other modules will have to reach, as far as names tell.

Used where no compiler says it. Invariant: opens a member too many rather than one too few, and never further
than the monolith's own module.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise

from splitter.model.source import Item, ItemKind
from splitter.rewrite.members import find_member
from splitter.rewrite.places import Place, common
from splitter.rewrite.world import Hints, World
from splitter.source.item_tokens import all_tokens, core_tokens
from splitter.source.mentions import identifiers
from splitter.source.tokens import Token, TokenKind, code_tokens

_DECLARING = (b"fn", b"const", b"type")


def foresee(world: World) -> Hints:
    """The world's hints, with the members that names say must be opened."""
    found: set[tuple[str, str]] = set()
    reached = _Reached(world)
    for item in world.source.items:
        place = world.place(item.key)
        if place == () or item.kind not in (ItemKind.STRUCT, ItemKind.UNION, ItemKind.IMPL) or item.trait is not None:
            continue
        tokens = core_tokens(world.source, item)
        for member in _members(item, tokens):
            if reached.from_outside(item, place, member) and find_member(world.source, item, member) is not None:
                found.add((item.key, member))
    return replace(world.hints, opened=world.hints.opened | found)


@dataclass(slots=True)
class _Reached:
    """Items by the members that they reach, and by the types that they name.

    `earlier` are places of modules that earlier phases made, by the members that they reach; `words` are all
    identifiers of these modules.
    """

    world: World
    by_member: dict[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    by_name: dict[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    earlier: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    words: dict[Place, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for item in self.world.source.items:
            names = self.world.names[item.key]
            for member in names.members:
                self.by_member[member].append(item)
            for name in names.plain:
                self.by_name[name].append(item)
        for place, file in self.world.existing.items():
            tokens = code_tokens(file.data)
            self.words[place] = identifiers(tokens)
            for before, token in pairwise(tokens):
                if before.text in (b".", b"::"):
                    self.earlier[token.text.decode()].append(place)

    def from_outside(self, item: Item, place: Place, member: str) -> bool:
        """Say whether code outside `place` may reach the member."""
        if item.kind is not ItemKind.IMPL:
            namers = self._outside(self.by_name.get(item.name, []), place)
            if any(member.isdigit() or member in self._identifiers(other) for other in namers):
                return True
            spelled = (words for other, words in self.words.items() if common(other, place) != place)
            if any({item.name, member} <= words for words in spelled):
                return True
        earlier = any(common(other, place) != place for other in self.earlier.get(member, ()))
        return earlier or bool(self._outside(self.by_member.get(member, []), place))

    def _outside(self, items: list[Item], place: Place) -> list[Item]:
        return [item for item in items if common(self.world.place(item.key), place) != place]

    def _identifiers(self, item: Item) -> set[str]:
        return identifiers(all_tokens(self.world.source, item))


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
