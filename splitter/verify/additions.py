"""What a change set adds and drops has to be what its reason says, and its files have to be those of the tree.

Invariant: judges tokens, so that no reason can carry code of another kind into the tree or out of it.
"""

from collections.abc import Callable, Iterator

from splitter.model.change import Added, ChangeSet, Why
from splitter.model.check import Finding
from splitter.model.source import Span
from splitter.source.tokens import Token, TokenKind, closing, tokenize
from splitter.verify.canonical import end_of_visibility

_PATH_WORDS = (b"self", b"super", b"crate")
_USE_MARKS = (b"::", b"{", b"}", b",", b"*")


def find_wrong_reasons(change: ChangeSet, files: dict[str, bytes]) -> Iterator[Finding]:
    """Added and dropped pieces that are not of the kind that their reason names; files that are not as planned."""
    for path, row in change.files.items():
        if files.get(path) != change.render(path):
            yield Finding("", path, 1, "this is not what the phase wrote")
        at = 0
        for piece in row:
            if isinstance(piece, Added):
                if not _fits(piece.text, piece.why):
                    line = change.render(path)[:at].count(b"\n") + 1
                    yield Finding("", path, line, f"`{_short(piece.text)}` was added as {piece.why.value}")
                at += len(piece.text)
            else:
                at += len(piece.span)
    for lost in change.dropped:
        data = change.before[lost.path]
        text = _text(data, lost.span)
        if not _fits(text, lost.why) or (lost.why is Why.HEADER):
            line = data.count(b"\n", 0, lost.span.start) + 1
            yield Finding("", lost.path, line, f"`{_short(text)}` was dropped as {lost.why.value}")


def _fits(text: bytes, why: Why) -> bool:
    tokens = list(tokenize(text))
    code = [token for token in tokens if token.kind < TokenKind.COMMENT]
    if len(code) < len(tokens) and why is not Why.HEADER:
        return False
    return _FITS[why](code)


def _is_path(code: list[Token]) -> bool:
    return all(token.kind in (TokenKind.IDENT, TokenKind.STRING) or token.text == b"::" for token in code)


def _is_attributes(code: list[Token]) -> bool:
    return _without_attributes(code) == []


def _is_visibility(code: list[Token]) -> bool:
    """`pub`, `pub(…)`, or what stands between the parentheses of the latter."""
    texts = [token.text for token in code]
    if not all(token.kind is TokenKind.IDENT or token.text in (b"(", b")", b"::") for token in code):
        return False
    if texts[:1] == [b"pub"]:
        return texts[1:] == [] or (texts[1:2] == [b"("] and texts[-1:] == [b")"])
    return bool(texts) and texts[0] in (*_PATH_WORDS, b"in")


def _are_declarations(code: list[Token], keyword: bytes) -> bool:
    """Say whether the tokens are `use` or `mod` declarations and nothing else."""
    rest = _without_attributes(code)
    at = 0
    while at < len(rest):
        at = end_of_visibility(rest, at)
        end = next((i for i in range(at, len(rest)) if rest[i].text == b";"), None)
        if end is None or rest[at].text != keyword:
            return False
        body = rest[at + 1 : end]
        plain = all(token.kind is TokenKind.IDENT or token.text in _USE_MARKS for token in body)
        if not body or not plain or (keyword == b"mod" and len(body) != 1):
            return False
        at = end + 1
    return True


def _without_attributes(code: list[Token]) -> list[Token]:
    row: list[Token] = []
    at = 0
    while at < len(code):
        following = [token.text for token in code[at : at + 3]]
        if following[:2] in ([b"#", b"["], [b"#", b"!"]):
            at = closing(code, at + (following.index(b"[") if b"[" in following else 1)) + 1
        else:
            row.append(code[at])
            at += 1
    return row


def _text(data: bytes, span: Span) -> bytes:
    return data[span.start : span.end]


def _short(text: bytes) -> str:
    shown = " ".join(text.decode("utf-8", "replace").split())
    return shown if len(shown) <= 60 else shown[:57] + "…"


_FITS: dict[Why, Callable[[list[Token]], bool]] = {
    Why.HEADER: _is_attributes,
    Why.IMPORT: lambda code: _are_declarations(code, b"use"),
    Why.MOD: lambda code: _are_declarations(code, b"mod"),
    Why.REEXPORT: lambda code: _are_declarations(code, b"use"),
    Why.VISIBILITY: _is_visibility,
    Why.PATH: _is_path,
    Why.CFG: _is_attributes,
    Why.BLANK: lambda code: not code,
    Why.REWRAP: lambda code: all(token.text == b"," for token in code),
}
