"""Names that a stretch of code uses: paths, macro calls, inline format arguments.

Source: The Rust Reference, "Paths", "Scopes"; `std::fmt`, "Positional and named parameters".
Invariant: works on tokens, so the inside of macro calls and macro definitions is seen as well; a name too
many costs an unused import that is pruned later, a name too few would not compile.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from splitter.source.tokens import Token, TokenKind, code_tokens

KEYWORDS = frozenset(
    b"as async await break const continue dyn else enum extern false fn for if impl in let loop match mod move mut"
    b" pub ref return static struct trait true type unsafe use where while abstract become box do final macro override"
    b" priv try typeof unsized virtual yield gen".split()
)
_FORMAT_ARGUMENT = re.compile(rb"(?<!\{)(?:\{\{)*\{([A-Za-z_]\w*)|\b([A-Za-z_]\w*)\$")
_NO_START = KEYWORDS - {b"crate", b"super", b"self"}
_NO_PATH = frozenset((b".", b"::"))
_BINDERS = frozenset((b"let", b"for", b"mut", b"ref"))
_PATTERN_KEYWORDS = frozenset((b"if", b"while", b"match"))


class Mention(NamedTuple):
    """A path as written, from its first segment on.

    `local` says that a binding or a generic parameter of that name is in scope; `follows` is the text of the
    token behind the path (`(`, `!`, `{`, …).
    """

    segments: tuple[str, ...]
    start: int
    follows: bytes
    local: bool

    @property
    def name(self) -> str:
        """First segment."""
        return self.segments[0]


@lru_cache(maxsize=65536)
def mentions_at(data: bytes, start: int, end: int) -> list[Mention]:
    """`find_mentions` of the code at these bytes; the list is shared between callers, who leave it as it is."""
    return find_mentions(code_tokens(data, start, end))


def find_mentions(tokens: list[Token]) -> list[Mention]:
    """Paths that the code tokens of an item name, in order; fields, methods and bound labels are no paths."""
    found: list[Mention] = []
    scopes: list[set[str]] = [set()]
    coming = _bound_in_signature(tokens)
    before = b""
    macro_depth: list[int] = []
    depth = 0
    count = len(tokens)
    index = 0
    while index < count:
        token = tokens[index]
        text = token.text
        if token.kind is TokenKind.OPEN:
            depth += 1
            if before == b"!":
                macro_depth.append(depth)
            scopes.append(coming if text == b"{" else set())
            coming = set() if text == b"{" else coming
        elif token.kind is TokenKind.CLOSE:
            if macro_depth and macro_depth[-1] == depth:
                macro_depth.pop()
            depth -= 1
            if len(scopes) > 1:
                scopes.pop()
        elif token.kind is TokenKind.STRING:
            found += _format_arguments(token, scopes) if macro_depth else []
        elif text in _BINDERS or (text == b"|" and _opens_closure(before)):
            bound = _bound_names(tokens, index)
            (coming if text == b"for" or _is_conditional(tokens, index) else scopes[-1]).update(bound)
        elif text == b"=>":
            scopes[-1].update(_arm_names(tokens, index))
        elif token.kind is TokenKind.IDENT and before not in _NO_PATH and text not in _NO_START:
            mention, index = _path(tokens, index, scopes)
            found += [mention] if mention is not None else []
        before = tokens[index].text
        index += 1
    return found


def identifiers(tokens: list[Token]) -> set[str]:
    """Every identifier among the tokens and inside format strings, without keywords."""
    names = {t.text.decode() for t in tokens if t.kind is TokenKind.IDENT and t.text not in KEYWORDS}
    for token in tokens:
        if token.kind is TokenKind.STRING and b"{" in token.text:
            names.update((a or b).decode() for a, b in _FORMAT_ARGUMENT.findall(token.text))
    return names


def _path(tokens: list[Token], index: int, scopes: list[set[str]]) -> tuple[Mention | None, int]:
    segments = [tokens[index].text.decode()]
    at = index + 1
    while at + 1 < len(tokens) and tokens[at].text == b"::" and tokens[at + 1].kind is TokenKind.IDENT:
        segments.append(tokens[at + 1].text.decode())
        at += 2
    follows = tokens[at].text if at < len(tokens) else b""
    last = at - 1
    alone = len(segments) == 1
    if (alone and follows == b":") or (alone and segments[0] in ("self", "super", "crate") and follows != b"::"):
        return None, last
    if index and tokens[index - 1].text == b"$":
        if segments[0] != "crate":
            return None, last
        segments[0] = "$crate"
    local = alone and any(segments[0] in scope for scope in scopes)
    return Mention(tuple(segments), tokens[index].start, follows, local), last


def _format_arguments(token: Token, scopes: list[set[str]]) -> list[Mention]:
    names = {(a or b).decode() for a, b in _FORMAT_ARGUMENT.findall(token.text)}
    return [Mention((name,), token.start, b"", local=any(name in scope for scope in scopes)) for name in sorted(names)]


def _opens_closure(before: bytes) -> bool:
    return before in (b"(", b",", b"=", b"move", b"{", b";", b"return", b"=>", b"[", b":", b"&", b"else", b"")


def _is_conditional(tokens: list[Token], index: int) -> bool:
    before = tokens[index - 1].text if index else b""
    return tokens[index].text == b"let" and before in (*_PATTERN_KEYWORDS, b"&&")


def _bound_names(tokens: list[Token], index: int) -> set[str]:
    """Lower-case names in the pattern that begins behind a binder."""
    opener = tokens[index].text
    stops = {b"let": (b"=", b";", b"else"), b"for": (b"in",), b"|": (b"|",)}.get(opener)
    if stops is None:
        in_type = index > 0 and tokens[index - 1].text in (b"*", b"&")
        bound = not in_type and index + 1 < len(tokens) and _is_binding(tokens, index + 1)
        return {tokens[index + 1].text.decode()} if bound else set()
    names: set[str] = set()
    in_type, depth = False, 0
    for at in range(index + 1, min(index + 80, len(tokens))):
        token = tokens[at]
        if depth == 0 and token.text in stops:
            break
        depth += {TokenKind.OPEN: 1, TokenKind.CLOSE: -1}.get(token.kind, 0)
        if depth < 0:
            break
        in_type = (token.text == b":" and depth == 0) or (in_type and token.text != b",")
        if not in_type and _is_binding(tokens, at):
            names.add(token.text.decode())
    return names


def _arm_names(tokens: list[Token], index: int) -> set[str]:
    names: set[str] = set()
    depth = 0
    for at in range(index - 1, max(index - 80, -1), -1):
        token = tokens[at]
        depth += {TokenKind.CLOSE: 1, TokenKind.OPEN: -1}.get(token.kind, 0)
        if depth < 0 or (depth == 0 and token.text in (b",", b"=>", b";")):
            break
        if _is_binding(tokens, at):
            names.add(token.text.decode())
    return names


def _is_binding(tokens: list[Token], at: int) -> bool:
    token = tokens[at]
    if (
        token.kind is not TokenKind.IDENT
        or token.text in KEYWORDS
        or not (token.text[:1].islower() or token.text[:1] == b"_")
    ):
        return False
    following = tokens[at + 1].text if at + 1 < len(tokens) else b""
    before = tokens[at - 1].text if at else b""
    return following not in (b"(", b"::", b"!", b"{") and before not in (b".", b"::")


def _bound_in_signature(tokens: list[Token]) -> set[str]:
    """Parameters and generic parameters of a function or other item, which its first block sees."""
    names: set[str] = set()
    angle = 0
    for at, token in enumerate(tokens):
        if token.text == b"{":
            break
        if token.text == b"<":
            angle += 1
        elif token.text == b">":
            angle = max(0, angle - 1)
        before = tokens[at - 1].text if at else b""
        following = tokens[at + 1].text if at + 1 < len(tokens) else b""
        if token.kind is not TokenKind.IDENT:
            continue
        if following == b":" or (angle == 1 and before in (b"<", b",", b"const") and following in (b">", b",", b"=")):
            names.add(token.text.decode())
    return names
