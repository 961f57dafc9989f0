"""The only place that calls tree-sitter: top-level nodes of a file.

Invariant: node ranges are those of items proper, without attributes and comments; where the grammar reports
an error the ranges come from `scan`, and an item that does not parse by itself has no syntax tree.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from splitter.source.scan import scan_items
from splitter.source.tokens import code_tokens, tokenize

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_NOT_ITEMS = frozenset(("line_comment", "block_comment", "attribute_item", "inner_attribute_item", "shebang"))


@dataclass(frozen=True, slots=True)
class ItemNode:
    """An item proper: its byte range, and its syntax (with the offset where that begins) if it has one."""

    start: int
    end: int
    syntax: "Node | None"
    base: int


def item_nodes(data: bytes) -> list[ItemNode]:
    """Items proper of a file in order; raises `ValueError(offset)` when the text is no Rust."""
    root = _parser().parse(data).root_node
    if not root.has_error:
        return _joined([ItemNode(n.start_byte, n.end_byte, n, 0) for n in root.children if n.type not in _NOT_ITEMS])
    _refuse_open_ends(data)
    return [_alone(data, start, end) for start, end in scan_items(code_tokens(data))]


def _refuse_open_ends(data: bytes) -> None:
    """Raise `ValueError(offset)` at a comment or string that does not end."""
    for token in tokenize(data):
        open_comment = token.text.startswith(b"/*") and not token.text.endswith(b"*/")
        if open_comment or token.text in (b'"', b"/*"):
            raise ValueError(token.start)


def _joined(nodes: list[ItemNode]) -> list[ItemNode]:
    """A `;` that stands by itself belongs to the item before it."""
    row: list[ItemNode] = []
    for node in nodes:
        if node.syntax is not None and node.syntax.type in (";", "empty_statement") and row:
            last = row.pop()
            row.append(ItemNode(last.start, node.end, last.syntax, last.base))
        else:
            row.append(node)
    return row


def _alone(data: bytes, start: int, end: int) -> ItemNode:
    root = _parser().parse(data[start:end]).root_node
    nodes = [node for node in root.children if node.type not in _NOT_ITEMS]
    if root.has_error or not nodes:
        return ItemNode(start, end, None, start)
    return ItemNode(start, end, nodes[0], start)


@cache
def _parser() -> "Parser":
    import tree_sitter_rust
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_rust.language()))
