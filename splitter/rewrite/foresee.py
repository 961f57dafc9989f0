"""Private fields and methods that other modules will have to reach, as far as names tell.

Used where no compiler says it: none is asked, or it would find something else of the same name and be content.
Source: The Rust Reference, "Method call expressions", "Field access expressions" (automatic dereferencing).
Invariant: opens a member too many rather than one too few, and never further
than the monolith's own module.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from splitter.model.source import Item, ItemKind
from splitter.rewrite.known_traits import KNOWN_TRAITS, PRELUDE_TRAITS
from splitter.rewrite.members import find_member
from splitter.rewrite.names import trait_methods
from splitter.rewrite.places import Place, common
from splitter.rewrite.world import Hints, World
from splitter.source.item_tokens import all_tokens, core_tokens
from splitter.source.mentions import identifiers
from splitter.source.tokens import NESTING, Token, TokenKind, code_tokens

_DECLARING = (b"fn", b"const", b"type")
_DEREFS = ("Deref", "DerefMut")


def foresee(world: World) -> Hints:
    """The world's hints, with the members that names say must be opened."""
    return _opened(world, lambda _item, _member: True)


def foresee_hidden(world: World) -> Hints:
    """The same for those members alone that a call would silently find another one in place of.

    A method that is out of reach is passed over where the type's `Deref` target or a trait has one of that name, a
    field where the target has one.
    """
    files = (world.source, *world.existing.values())
    impls = [(file, item) for file in files for item in file.items if item.kind is ItemKind.IMPL and item.trait]
    derefs = {item.name for _, item in impls if _trait(item) in _DEREFS}
    traits = [(file, item) for file in files for item in file.items if item.kind is ItemKind.TRAIT]
    ours = (trait_methods(file, item) for file, item in (*impls, *traits))
    elsewhere = frozenset().union(*ours, *KNOWN_TRAITS.values(), *PRELUDE_TRAITS.values())
    return _opened(
        world, lambda item, member: item.name in derefs or (item.kind is ItemKind.IMPL and member in elsewhere)
    )


def _trait(item: Item) -> str:
    return (item.trait or "").split("<", maxsplit=1)[0].rsplit("::", 1)[-1].strip()


def _opened(world: World, wanted: Callable[[Item, str], bool]) -> Hints:
    found: set[tuple[str, str]] = set()
    reached = _Reached(world)
    for item in world.source.items:
        place = world.place(item.key)
        if place == () or item.kind not in (ItemKind.STRUCT, ItemKind.UNION, ItemKind.IMPL) or item.trait is not None:
            continue
        tokens = core_tokens(world.source, item)
        for member in _members(item, tokens):
            if not wanted(item, member) or not reached.from_outside(item, place, member):
                continue
            if find_member(world.source, item, member) is not None:
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
        depth += NESTING.get(token.kind, 0)
        following = tokens[at + 1]
        if item.kind is ItemKind.IMPL:
            if depth == 1 and token.text in _DECLARING and following.kind is TokenKind.IDENT:
                names.append(following.text.decode())
        elif depth == 1 and token.kind is TokenKind.IDENT and following.text == b":":
            names.append(token.text.decode())
    if not names and item.kind is ItemKind.STRUCT and any(token.text == b"(" for token in tokens):
        names = [str(number) for number in range(12)]
    return names
