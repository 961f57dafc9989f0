"""A source file as a row of items that partition its bytes.

Invariant: knows no parser and no disk; offsets are bytes, lines are 1-based.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import pairwise


class ItemKind(StrEnum):
    """What a top-level piece of a file is; the value is the prefix of its key."""

    FN = "fn"
    STRUCT = "struct"
    ENUM = "enum"
    UNION = "union"
    TRAIT = "trait"
    IMPL = "impl"
    MOD = "mod"
    USE = "use"
    CONST = "const"
    STATIC = "static"
    TYPE = "type"
    MACRO = "macro"
    CALL = "call"
    EXTERN = "extern"
    EXTERN_CRATE = "crate"
    NOTE = "note"
    INNER = "inner"
    OPAQUE = "opaque"


#: Kinds that a phase may move; the others are the frame of the file.
_PRIVATE = ("", "pub(self)", "pub(inself)")
MOVABLE = frozenset(ItemKind) - {
    ItemKind.USE,
    ItemKind.INNER,
    ItemKind.OPAQUE,
    ItemKind.EXTERN_CRATE,
}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open byte range `start..end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            message = f"span {self.start}..{self.end} runs backwards"
            raise ValueError(message)

    def __len__(self) -> int:
        return self.end - self.start

    def contains(self, other: "Span") -> bool:
        """Say whether `other` lies wholly inside this span."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Item:
    """One top-level piece of a file.

    `span` is everything that belongs to the item: blank lines before it, comments, docs, attributes,
    the item proper and the rest of its last line. `lead` is where its first comment, doc or attribute
    stands, `core` the item proper from its visibility or first keyword to its last token.
    """

    key: str
    kind: ItemKind
    name: str
    span: Span
    lead: int
    core: Span
    line: int
    end_line: int
    visibility: str = ""
    attributes: tuple[str, ...] = ()
    cfgs: tuple[str, ...] = ()
    symbol: str | None = None
    target: str | None = None
    trait: str | None = None
    stays: str | None = None

    @property
    def movable(self) -> bool:
        """Say whether a phase may move the item at all."""
        return self.stays is None and self.kind in MOVABLE

    @property
    def private(self) -> bool:
        """Say whether the item is seen in its own module alone: `pub(self)` is as good as nothing."""
        return self.visibility.replace(" ", "") in _PRIVATE

    @property
    def deprecated(self) -> bool:
        """Say whether naming the item raises a warning."""
        return any(attribute.startswith("#[deprecated") for attribute in self.attributes)

    @property
    def test_only(self) -> bool:
        """Say whether the item exists in test builds only."""
        return "test" in self.cfgs or any(a.startswith(("#[test]", "#[bench]")) for a in self.attributes)


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A file's bytes and the items that partition them, in file order; one is equal to itself alone."""

    path: str
    data: bytes
    digest: str
    items: tuple[Item, ...] = field(repr=False)

    def __post_init__(self) -> None:
        edges = [0, *(item.span.end for item in self.items)]
        starts = [item.span.start for item in self.items]
        if edges[-1] != len(self.data) or starts != edges[:-1]:
            message = f"{self.path}: items do not partition the file"
            raise ValueError(message)

    @cached_property
    def by_key(self) -> dict[str, Item]:
        """Items by their key."""
        return {item.key: item for item in self.items}

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Byte offset at which each line begins."""
        starts, at = [0], self.data.find(b"\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.data.find(b"\n", at + 1)
        return tuple(starts)

    @property
    def line_count(self) -> int:
        """Number of lines, a last line without newline included."""
        return len(self.line_starts) - (1 if self.data.endswith(b"\n") or not self.data else 0)

    @property
    def newline(self) -> bytes:
        """The line ending that the file uses."""
        first = self.data.find(b"\n")
        return b"\r\n" if first > 0 and self.data[first - 1 : first] == b"\r" else b"\n"

    def text(self, span: Span) -> bytes:
        """Bytes of a span."""
        return self.data[span.start : span.end]

    def whole(self, item: Item) -> bytes:
        """All bytes that belong to an item."""
        return self.text(item.span)


def is_partition(spans: list[Span], length: int) -> bool:
    """Say whether the spans, in any order, cover `0..length` without gap or overlap."""
    row = sorted(span for span in spans if len(span))
    if not row:
        return length == 0
    joined = all(left.end == right.start for left, right in pairwise(row))
    return joined and row[0].start == 0 and row[-1].end == length
