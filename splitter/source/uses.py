"""`use` declarations as leaves: what each brings into scope, and from where.

Source: The Rust Reference, "Use declarations".
"""

from dataclasses import dataclass

from splitter.model.source import Item, SourceFile, Span
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import Token


@dataclass(frozen=True, slots=True)
class UseLeaf:
    """One name (or glob) of a `use` tree; `path` begins with `""` where the source begins with `::`.

    `braced_self` marks `a::{self}`, which imports the type namespace alone.
    """

    path: tuple[str, ...]
    alias: str | None = None
    glob: bool = False
    braced_self: bool = False
    span: Span = Span(0, 0)

    @property
    def name(self) -> str:
        """The name that it brings into scope (`*` for a glob, `_` for an unnamed trait)."""
        return "*" if self.glob else self.alias or self.path[-1]

    def moved(self, path: tuple[str, ...]) -> "UseLeaf":
        """The same leaf with another path."""
        return UseLeaf(path, self.alias, self.glob, self.braced_self, self.span)


def use_leaves(source: SourceFile, item: Item) -> tuple[UseLeaf, ...]:
    """Leaves of a `use` item, in order."""
    tokens = core_tokens(source, item)
    start = next(index for index, token in enumerate(tokens) if token.text == b"use") + 1
    leaves: list[UseLeaf] = []
    _tree(tokens, start, (), leaves)
    return tuple(leaves)


def _tree(tokens: list[Token], at: int, prefix: tuple[str, ...], leaves: list[UseLeaf]) -> int:
    path = list(prefix)
    begin = tokens[at].start
    if tokens[at].text == b"::":
        path = path or [""]
        at += 1
    while True:
        token = tokens[at]
        if token.text == b"{":
            at += 1
            while tokens[at].text != b"}":
                at = _tree(tokens, at, tuple(path), leaves)
                at += 1 if tokens[at].text == b"," else 0
            return at + 1
        if token.text == b"*":
            leaves.append(UseLeaf(tuple(path), glob=True, span=Span(begin, token.end)))
            return at + 1
        in_braces = token.text == b"self" and bool(prefix) and len(path) == len(prefix)
        if not in_braces:
            path.append(token.text.decode())
        at += 1
        if at < len(tokens) and tokens[at].text == b"::":
            at += 1
            continue
        alias = None
        if at < len(tokens) and tokens[at].text == b"as":
            alias = tokens[at + 1].text.decode()
            at += 2
        leaves.append(UseLeaf(tuple(path), alias, braced_self=in_braces, span=Span(begin, tokens[at - 1].end)))
        return at
