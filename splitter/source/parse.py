"""Rust text to a `SourceFile` whose items partition it.

Invariant: no byte of the file lies outside an item or in two. A comment with a blank line behind it is an
item of its own, and so are a byte order mark and a shebang; blank lines belong to what follows, the rest of a
line to what stands on it.
"""

import hashlib
import re
from collections import Counter
from functools import lru_cache
from pathlib import PurePosixPath

from splitter.errors import SourceError
from splitter.model.source import Item, ItemKind, SourceFile, Span
from splitter.source.describe import Described, describe, describe_inner, describe_note
from splitter.source.grammar import item_nodes
from splitter.source.tokens import Token, TokenKind, closing, tokenize

_BOM = b"\xef\xbb\xbf"
#: rustc takes `#!` for a shebang unless an inner attribute follows.
_SHEBANG = re.compile(rb"#!(?!\s*\[)")


@lru_cache(maxsize=128)
def parse(path: str, data: bytes) -> SourceFile:
    """Parse a whole file; who asks again for the same gets the same, which nobody can change.

    Raises `SourceError` with path and line when the bytes are empty, not UTF-8, or no Rust.
    """
    _refuse_what_is_no_text(path, data)
    head = _head(data)
    start = head[-1].end if head else 0
    clean = re.sub(rb"[^\n]", b" ", data[:start]) + data[start:]
    try:
        nodes = item_nodes(clean)
    except ValueError as error:
        offset = int(error.args[0])
        line = data.count(b"\n", 0, offset) + 1
        message = f"{path}:{line}: this does not parse as Rust"
        raise SourceError(message, "Make the file build first (`cargo check`), then plan again.") from error
    described: list[Described] = []
    at = start
    for node in nodes:
        described += _gap(clean, described[-1:], at, node.start)
        lead = described.pop() if described and described[-1].open else None
        begin = lead.lead if lead else node.start
        described.append(_bound(path, describe(clean, node, begin)))
        at = node.end
    described += _gap(clean, described[-1:], at, len(clean))
    if not described:
        message = f"{path}:1: there is no item in this file"
        raise SourceError(message, "Name a Rust source file with functions in it.")
    return SourceFile(path, data, hashlib.sha256(data).hexdigest(), _with_spans(data, [*head, *described]))


def _head(data: bytes) -> list[Described]:
    """A byte order mark and a shebang line, which have to stay the first bytes of their file."""
    head: list[Described] = []
    at = 0
    if data.startswith(_BOM):
        at = len(_BOM)
        head.append(Described("inner:bom", ItemKind.INNER, "bom", 0, Span(0, at), at))
    if _SHEBANG.match(data, at):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        head.append(Described("inner:shebang", ItemKind.INNER, "shebang", at, Span(at, end), end))
    return head


def _bound(path: str, made: Described) -> Described:
    """Say of the function in which a program begins that it stays; only a crate root's `main` is one."""
    where = PurePosixPath(path)
    is_root = where.name in ("main.rs", "build.rs") or where.parent.name in ("bin", "examples")
    if made.key == "fn:main" and is_root:
        made.stays = "the program begins here"
    return made


def _refuse_what_is_no_text(path: str, data: bytes) -> None:
    if not data.strip():
        message = f"{path}:1: the file is empty"
        raise SourceError(message, "Name a Rust source file with functions in it.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{path}:{line}: byte {data[error.start]:#04x} is not UTF-8"
        raise SourceError(message, "Rust source is UTF-8; convert the file first.") from error


def _gap(data: bytes, before: list[Described], start: int, end: int) -> list[Described]:
    """Items in the text between two items proper; the last is `open` when it leads the item that follows."""
    found: list[Described] = []
    tokens = list(tokenize(data, start, end))
    index = _skip_rest_of_line(data, tokens, start) if before else 0
    if index:
        before[-1].end = tokens[index - 1].end
    while index < len(tokens):
        begin, inner, notes_only = tokens[index].start, False, True
        while index < len(tokens):
            token = tokens[index]
            stop, is_inner = _element(tokens, index)
            if is_inner != inner and not notes_only:
                break
            inner = is_inner
            plain = token.kind is TokenKind.COMMENT
            notes_only = notes_only and plain
            index = _same_line_comments(data, tokens, stop)
            past = tokens[index - 1].end
            if (inner or notes_only) and _blank_line_follows(data, past, end):
                break
        past = tokens[index - 1].end
        if inner:
            found.append(describe_inner(data, begin, past))
        elif index == len(tokens) and not (notes_only and (_blank_line_follows(data, past, end) or end == len(data))):
            found.append(Described.leading(begin, past))
        else:
            found.append(describe_note(data, begin, past))
    return found


def _skip_rest_of_line(data: bytes, tokens: list[Token], start: int) -> int:
    index = 0
    at = start
    while index < len(tokens):
        token = tokens[index]
        if token.kind is not TokenKind.COMMENT or b"\n" in data[at : token.start]:
            break
        at = token.end
        index += 1
    if index and index < len(tokens) and b"\n" not in data[at : tokens[index].start]:
        return 0
    return index


def _same_line_comments(data: bytes, tokens: list[Token], index: int) -> int:
    """Index past the comments that stand on the line on which the element before them ends."""
    while index < len(tokens) and tokens[index].kind is TokenKind.COMMENT:
        if b"\n" in data[tokens[index - 1].end : tokens[index].start] or tokens[index - 1].text.startswith(b"//"):
            break
        index += 1
    return index


def _element(tokens: list[Token], index: int) -> tuple[int, bool]:
    """Index past one comment, doc or attribute, and whether it is an inner one."""
    token = tokens[index]
    if token.kind in (TokenKind.COMMENT, TokenKind.DOC):
        return index + 1, token.kind is TokenKind.DOC and token.text.startswith((b"//!", b"/*!"))
    if token.text != b"#":
        return index + 1, False
    inner = index + 1 < len(tokens) and tokens[index + 1].text == b"!"
    return closing(tokens, index + (2 if inner else 1)) + 1, inner


def _blank_line_follows(data: bytes, at: int, end: int) -> bool:
    newline = data.find(b"\n", at, end)
    if newline < 0 or data[at:newline].strip():
        return False
    following = data.find(b"\n", newline + 1, end)
    return following >= 0 and not data[newline + 1 : following].strip()


def _with_spans(data: bytes, described: list[Described]) -> tuple[Item, ...]:
    seen: Counter[str] = Counter()
    items: list[Item] = []
    start = line = counted = 0
    for index, piece in enumerate(described):
        limit = described[index + 1].lead if index + 1 < len(described) else len(data)
        newline = data.find(b"\n", piece.end, limit)
        end = newline + 1 if newline >= 0 else piece.end
        if index + 1 == len(described) or data[piece.end : end].strip():
            end = limit if index + 1 == len(described) else piece.end
        seen[piece.key] += 1
        key = piece.key if seen[piece.key] == 1 else f"{piece.key}#{seen[piece.key]}"
        line += data.count(b"\n", counted, piece.core.start)
        last = line + data.count(b"\n", piece.core.start, piece.core.end)
        items.append(piece.item(key, Span(start, end), (line + 1, last + 1)))
        line, counted = last, piece.core.end
        start = end
    return tuple(items)
