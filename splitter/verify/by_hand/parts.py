"""An item taken apart: docs, comments, attributes, visibility and code, each in a form that a move does not change.

Beyond what `canonical` thinks away, an attribute's spelling (`unsafe(no_mangle)`), the grouping of derives, and what
rustfmt does when code has more or less room: a block around the only expression of a match arm.
Invariant: every token of the item is in one of the parts.
"""

import re
from dataclasses import dataclass

from splitter.model.source import Item, SourceFile
from splitter.source.tokens import Token, TokenKind, tokenize
from splitter.verify.by_hand.attributes import name_of
from splitter.verify.canonical import Place, canonical, canonical_text
from splitter.verify.places import absolute, in_monolith

Code = tuple[tuple[str, int], ...]

_UNSAFE = re.compile(r"# \[ unsafe \( (.*) \) \]$")
_DERIVE = re.compile(r"# \[ derive \( (.*) \) \]$")
_LINK = re.compile(r"\b(?:crate|self|super)(?:::\w+)+")
_DOC = re.compile(r'# \[ doc = (".*") \]$', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parts:
    """`code` has offsets; `comments` are the plain ones, in front of the item and inside it."""

    docs: tuple[str, ...]
    comments: tuple[str, ...]
    attributes: tuple[str, ...]
    code: Code

    @property
    def texts(self) -> tuple[str, ...]:
        """The code without offsets."""
        return tuple(text for text, _ in self.code)


def parts_of(source: SourceFile, item: Item, place: Place) -> Parts:
    """Take an item apart; `place` is where it stands."""
    lead = tokenize(source.data, item.lead, item.core.start)
    docs = [_doc(token.text.decode("utf-8", "replace"), place) for token in lead if token.kind is TokenKind.DOC]
    comments = [plain(token) for token in lead if token.kind is TokenKind.COMMENT]
    attributes: list[str] = []
    for text in item.attributes:
        shown = _attribute(canonical_text(text, place))
        documented = _DOC.match(canonical_text(text, place))
        if documented:
            docs.append(_doc(documented[1], place))
        elif name_of(text) != "cfg":
            attributes += shown
    row = canonical(source.data, item.core, place)
    behind = tokenize(source.data, item.core.end, _line_end(source, item))
    comments += [plain(token) for token in tokenize(source.data, item.core.start, item.core.end) if _is_plain(token)]
    comments += [plain(token) for token in behind if _is_plain(token)]
    code = tuple((text, at) for text, at in row if not _is_comment(text))
    return Parts(tuple(docs), tuple(comments), tuple(attributes), _unwrapped(code))


def plain(token: Token) -> str:
    """A comment without what depends on how far it is indented."""
    return " ".join(token.text.decode("utf-8", "replace").split())


def lint_of(text: str, place: Place) -> tuple[str, ...]:
    """An inner attribute as the outer one would read."""
    return _attribute(canonical_text(text.replace("#!", "#", 1), place))


def _attribute(text: str) -> tuple[str, ...]:
    text = _UNSAFE.sub(r"# [ \1 ]", text)
    derived = _DERIVE.match(text)
    texts = [f"derive({name.strip()})" for name in derived[1].split(",") if name.strip()] if derived else None
    return tuple(f"#[{name.replace(' ', '')}]" for name in texts) if texts is not None else (_close(text),)


def _close(text: str) -> str:
    """Canonical tokens of an attribute written as a person would."""
    text = re.sub(r" ?(::|[\[\]()]) ?", r"\1", text.replace("# [", "#["))
    return text.replace(" ,", ",")


def _doc(text: str, place: Place) -> str:
    """A doc whose links lead to the same place under whatever path; a block without its indentation."""

    def canonical_link(found: re.Match[str]) -> str:
        path = in_monolith(place.scope, absolute(tuple(found[0].split("::")), place.module))
        return "::".join(("crate", *path))

    flat = text.rstrip() if text.startswith("//") else " ".join(text.split())
    return _LINK.sub(canonical_link, flat)


def _is_plain(token: Token) -> bool:
    return token.kind is TokenKind.COMMENT


def _is_comment(text: str) -> bool:
    tokens = tokenize(text.encode()) if text.startswith(("//", "/*")) else []
    return bool(tokens) and tokens[0].kind is TokenKind.COMMENT


def _line_end(source: SourceFile, item: Item) -> int:
    end = source.data.find(b"\n", item.core.end, item.span.end)
    return item.span.end if end < 0 else end


def _unwrapped(code: Code) -> Code:
    """Match arms without the block that rustfmt puts around an expression which has no room, and takes off again."""
    row = list(code)
    at = 0
    while at + 1 < len(row):
        if row[at][0] == "=>" and row[at + 1][0] == "{":
            close = _closing(row, at + 1)
            inner = row[at + 2 : close]
            if inner and not _is_block(inner):
                row[at + 1 : close + 1] = [*inner, (",", row[close][1])]
        at += 1
    return tuple(pair for index, pair in enumerate(row) if not (pair[0] == "," and _ends_anyway(row, index)))


def _ends_anyway(row: list[tuple[str, int]], comma: int) -> bool:
    """Say whether a comma stands beside a closing brace: what ends an arm is either of them, or both."""
    following = row[comma + 1][0] if comma + 1 < len(row) else ""
    return bool(following) and (following in ("}", ",") or row[comma - 1][0] == "}")


def _closing(row: list[tuple[str, int]], at: int) -> int:
    depth = 0
    for index in range(at, len(row)):
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(row[index][0], 0)
        if depth == 0:
            return index
    return len(row)


def _is_block(inner: list[tuple[str, int]]) -> bool:
    """Say whether more than one expression stands between the braces of an arm."""
    depth = 0
    for index, (text, _) in enumerate(inner):
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(text, 0)
        if depth == 0 and text == ";":
            return True
        ends = text == "}" and depth == 0 and index + 1 < len(inner)
        if ends and inner[index + 1][0] not in (".", "?", "else", "as", ",", "=="):
            return True
    return inner[0][0] in ("let", "#", "$")
