"""A `use` declaration with fewer leaves, its groups left as people made them.

Source: rustfmt, nested imports: names are filled; in a group of groups each member with a path has a line of its own.
Invariant: order and nesting stay; only a group with one member left loses its braces.
"""

from dataclasses import dataclass
from itertools import groupby

from splitter.model.source import Item, SourceFile, Span
from splitter.rewrite.use_text import FLAT_WIDTH, filled
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import Token


@dataclass(frozen=True, slots=True)
class _Node:
    """A leaf with its text, or a group with the path before it (`a::b::`)."""

    text: str
    span: Span
    members: tuple["_Node", ...] = ()
    group: bool = False


def pruned(source: SourceFile, item: Item, kept: frozenset[Span]) -> str | None:
    """Text of the declaration with the leaves at these spans; None where comments stand in it, or no leaf is left."""
    if any(mark in source.text(item.core) for mark in (b"//", b"/*")):
        return None
    tokens = core_tokens(source, item)
    start = next(index for index, token in enumerate(tokens) if token.text == b"use") + 1
    head = source.data[item.core.start : tokens[start].start].decode()
    node, _ = _read(tokens, start)
    text = _render(node, kept, 0, len(head))
    return None if text is None else f"{head}{text};"


def _read(tokens: list[Token], at: int) -> tuple[_Node, int]:
    begin = tokens[at].start
    parts: list[str] = []
    while tokens[at].text not in (b",", b"}", b";"):
        if tokens[at].text == b"{":
            members = []
            at += 1
            while tokens[at].text != b"}":
                member, at = _read(tokens, at)
                members.append(member)
                at += 1 if tokens[at].text == b"," else 0
            return _Node("".join(parts), Span(begin, tokens[at].end), tuple(members), group=True), at + 1
        parts.append(" as " if tokens[at].text == b"as" else tokens[at].text.decode())
        at += 1
    return _Node("".join(parts), Span(begin, tokens[at - 1].end)), at


def _render(node: _Node, kept: frozenset[Span], indent: int, before: int) -> str | None:
    """The node at an indentation, with `before` characters in front of it on its line."""
    if not node.group:
        return node.text if node.span in kept else None
    left = [member for member in node.members if _is_left(member, kept)]
    if not left:
        return None
    if len(left) == 1 and left[0].text.split(" ")[0] != "self":
        return f"{node.text}{_render(left[0], kept, indent, before + len(node.text))}"
    pad = " " * (indent + 4)
    texts = [_render(member, kept, indent + 4, indent + 4) or "" for member in left]
    flat = f"{node.text}{{{', '.join(texts)}}}"
    if not any("{" in text for text in texts):
        if before + len(flat) + 1 <= FLAT_WIDTH:
            return flat
        return f"{node.text}{{\n{filled(texts, pad)}\n{' ' * indent}}}"
    runs = [(path, list(run)) for path, run in groupby(texts, key=lambda text: "::" in text)]
    rows = [row for path, run in runs for row in ([f"{pad}{t}," for t in run] if path else [filled(run, pad)])]
    return "\n".join([f"{node.text}{{", *rows, f"{' ' * indent}}}"])


def _is_left(node: _Node, kept: frozenset[Span]) -> bool:
    return any(_is_left(member, kept) for member in node.members) if node.group else node.span in kept
