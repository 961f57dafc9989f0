"""Attributes in front of an item: their texts, `cfg` predicates and export names.

Source: The Rust Reference, "Attributes", "Conditional compilation", "ABI".
"""

import re
from dataclasses import dataclass

from splitter.source.tokens import NESTING, Token, code_tokens

_EXPORT = re.compile(r'\bexport_name\s*=\s*"([^"]*)"')
_MACRO_EXPORT = re.compile(r"\bexport_name\s*=\s*[\w:]+!\s*[({\[]\s*\"?([\w]+)")
_NO_MANGLE = re.compile(r"\bno_mangle\b")


@dataclass(frozen=True, slots=True)
class Attributes:
    """Texts of attributes with white space collapsed, and the predicates of the `cfg`s among them."""

    texts: tuple[str, ...] = ()
    cfgs: tuple[str, ...] = ()

    def symbol(self, name: str) -> str | None:
        """Name under which the built library exports the item, if any attribute says that it does."""
        for text in self.texts:
            named = _EXPORT.search(text) or _MACRO_EXPORT.search(text)
            if named:
                return named.group(1)
            if _NO_MANGLE.search(text):
                return name.removeprefix("r#")
        return None


def read_attributes(data: bytes, start: int, end: int) -> Attributes:
    """Outer and inner attributes that stand in `data[start:end]`."""
    tokens = code_tokens(data, start, end)
    texts: list[str] = []
    cfgs: list[str] = []
    at = 0
    while at < len(tokens):
        stop = _attribute_end(tokens, at)
        if stop == at:
            at += 1
            continue
        texts.append(" ".join(data[tokens[at].start : tokens[stop - 1].end].decode().split()))
        body = [token.text for token in tokens[at:stop]]
        opening = body.index(b"[") + 1
        if body[opening : opening + 2] == [b"cfg", b"("] and body[1] == b"[":
            inside = tokens[at + opening + 2 : stop - 2]
            cfgs.append(_predicate(inside))
        at = stop
    return Attributes(tuple(texts), tuple(cfgs))


def _predicate(tokens: list[Token]) -> str:
    """Canonical spacing, so that equal predicates are equal texts."""
    text = "".join(token.text.decode() for token in tokens).rstrip(",")
    return re.sub(r",(?=[)])", "", text).replace(",", ", ").replace("=", " = ")


def _attribute_end(tokens: list[Token], at: int) -> int:
    if tokens[at].text != b"#":
        return at
    index = at + 1
    if index < len(tokens) and tokens[index].text == b"!":
        index += 1
    if index >= len(tokens) or tokens[index].text != b"[":
        return at
    depth = 0
    while index < len(tokens):
        depth += NESTING.get(tokens[index].kind, 0)
        index += 1
        if depth == 0:
            return index
    return at
