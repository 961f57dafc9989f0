"""What an item names: siblings, imports, methods, and what it reaches through paths to its own module.

Invariant: reads one item's tokens; says nothing about where anything goes.
"""

from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import all_tokens, core_tokens
from splitter.source.mentions import mentions_at
from splitter.source.tokens import Token, TokenKind
from splitter.source.uses import use_leaves


@dataclass(frozen=True, slots=True)
class ItemNames:
    """Names of one item: `plain` first segments (with those that a local shadows), `certain` without them.

    `members` stand behind a dot or inside a path (methods, associated items), `through` behind `self::` (in an inline
    module: `super::`), `absolute` behind the full path of the monolith; `macros` are those that it calls.
    """

    plain: frozenset[str]
    certain: frozenset[str]
    members: frozenset[str]
    through: frozenset[str]
    absolute: frozenset[str] = frozenset()
    macros: frozenset[str] = frozenset()

    def __or__(self, other: "ItemNames") -> "ItemNames":
        """The names of both."""
        return ItemNames(
            self.plain | other.plain,
            self.certain | other.certain,
            self.members | other.members,
            self.through | other.through,
            self.absolute | other.absolute,
            self.macros | other.macros,
        )


_ROOTS = ("crate", "$crate")
_PATH_WORDS = frozenset(("", "self", "super", "crate"))
_NOTHING = ItemNames(frozenset(), frozenset(), frozenset(), frozenset())


def expanded(own: dict[str, ItemNames], macros: dict[str, list[str]]) -> dict[str, ItemNames]:
    """Names of each item with those of the macros that it calls: what a macro's body names is looked up at the call.

    `macros` are the keys of the file's own macros, by name.
    """
    whole: dict[str, ItemNames] = {}
    for key, names in own.items():
        called = [key]
        for caller in called:
            called += [k for name in own[caller].macros for k in macros.get(name, ()) if k not in called]
        whole[key] = reduce(or_, (own[macro] for macro in called[1:]), names)
    return whole


def names_of(source: SourceFile, item: Item, own: tuple[str, ...]) -> ItemNames:
    """Names that an item uses; `own` is the full path of the monolith (`("crate", "value", "ffi")`)."""
    if item.kind in (ItemKind.NOTE, ItemKind.INNER):
        return _NOTHING
    if item.kind is ItemKind.USE:
        # `use sum_wide as sum;` needs what it gives another name to.
        firsts = frozenset(leaf.path[0] for leaf in use_leaves(source, item) if leaf.name != leaf.path[0])
        return replace(_NOTHING, plain=firsts - _PATH_WORDS, certain=firsts - _PATH_WORDS)
    tokens = all_tokens(source, item)
    plain: set[str] = set()
    certain: set[str] = set()
    through: set[str] = set()
    members: set[str] = set()
    absolute: set[str] = set()
    macros: set[str] = set()
    for mention in mentions_at(source.data, item.lead, item.core.end):
        segments = mention.segments
        members.update(segments[1:])
        if mention.follows == b"!":
            macros.add(segments[-1])
        if segments[0] == "self" and len(segments) > 1:
            through.add(segments[1])
        elif ("crate", *segments[1:])[: len(own)] == own and segments[0] in _ROOTS and len(segments) > len(own):
            absolute.add(segments[len(own)])
        elif item.kind is ItemKind.MOD and segments[0] == "super":
            through.add(next((s for s in segments if s != "super"), ""))
        elif segments[0] not in ("self", "super", "crate", "$crate"):
            plain.add(segments[0])
            if not mention.local:
                certain.add(segments[0])
    members |= _behind_dots(tokens)
    rows = (frozenset(row) for row in (plain, certain, members, through, absolute, macros))
    return ItemNames(*rows)


def _behind_dots(tokens: list[Token]) -> set[str]:
    """Names behind a dot or `::`, and any in the arguments of a macro call: a macro may put a dot in front."""
    found: set[str] = set()
    calls: list[bool] = []
    for index, token in enumerate(tokens):
        before = tokens[index - 1].text if index else b""
        if token.kind is TokenKind.OPEN:
            calls.append(before == b"!" or (bool(calls) and calls[-1]))
        elif token.kind is TokenKind.CLOSE and calls:
            calls.pop()
        elif token.kind is TokenKind.IDENT and (before in (b".", b"::") or (calls and calls[-1])):
            found.add(token.text.decode())
    return found


def trait_methods(source: SourceFile, item: Item) -> frozenset[str]:
    """Names of the functions, constants and types that a trait declares."""
    tokens = core_tokens(source, item)
    return frozenset(
        tokens[index + 1].text.decode()
        for index, token in enumerate(tokens[:-1])
        if token.text in (b"fn", b"const", b"type") and tokens[index + 1].kind is TokenKind.IDENT
    )
