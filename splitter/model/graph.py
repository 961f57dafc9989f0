"""How the items of a file hang together.

Invariant: a value without behaviour of its own beyond look-ups; edges name items by key.
"""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from splitter.model.source import Item, SourceFile


class Tie(StrEnum):
    """Why one item depends on another."""

    USES = "uses"
    IMPLEMENTS = "implements"
    TWIN = "twin"


@dataclass(frozen=True, slots=True)
class Reference:
    """`src` depends on `dst`, `count` times."""

    src: str
    dst: str
    tie: Tie
    count: int = 1


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name that the built library exports, with the signature that the source gives it.

    `cfgs` are the predicates under which it exists.
    """

    name: str
    item: str
    signature: str
    line: int
    cfgs: tuple[str, ...] = ()


@dataclass(frozen=True)
class SymbolGraph:
    """Items of one file, the references between them, and what they export."""

    source: SourceFile
    references: tuple[Reference, ...]
    symbols: tuple[Symbol, ...]
    defined: dict[str, tuple[str, ...]]
    """Names that each item defines in the file's scope."""

    @cached_property
    def users(self) -> dict[str, frozenset[str]]:
        """Keys of the items that depend on each item."""
        found: dict[str, set[str]] = defaultdict(set)
        for reference in self.references:
            found[reference.dst].add(reference.src)
        return {key: frozenset(keys) for key, keys in found.items()}

    @cached_property
    def uses(self) -> dict[str, frozenset[str]]:
        """Keys of the items that each item depends on."""
        found: dict[str, set[str]] = defaultdict(set)
        for reference in self.references:
            found[reference.src].add(reference.dst)
        return {key: frozenset(keys) for key, keys in found.items()}

    def items(self, *kinds: str) -> tuple[Item, ...]:
        """Items of the given kinds, in file order."""
        return tuple(item for item in self.source.items if item.kind in kinds)
