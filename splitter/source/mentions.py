"""Names that a stretch of code uses: paths, macro calls, inline format arguments.

Source: The Rust Reference, "Paths", "Scopes"; `std::fmt`, "Positional and named parameters".
Invariant: works on tokens, so the inside of macro calls and macro definitions is seen as well; a name too
many costs an unused import that is pruned later, a name too few would not compile.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from splitter.source.tokens import NESTING, Token, TokenKind, code_tokens

KEYWORDS = frozenset(
    b"as async await break const continue dyn else enum extern false fn for if impl in let loop match mod move mut"
    b" pub ref return static struct trait true type unsafe use where while abstract become box do final macro override"
    b" priv try typeof unsized virtual yield gen".split()
)
_FORMAT_ARGUMENT = re.compile(rb"(?<!\{)(?:\{\{)*\{([A-Za-z_]\w*)|\b([A-Za-z_]\w*)\$")
_NO_START = KEYWORDS - {b"crate", b"super", b"self"} | {b"_", b"Self"}
_NO_PATH = frozenset((b".", b"::"))
_BINDERS = frozenset((b"let", b"for", b"mut", b"ref"))
_MARKS = frozenset((b"=>", b"|"))
_CONDITIONS = frozenset((b"if", b"while", b"match", b"&&"))
_BEFORE_CLOSURE = frozenset(b"( , = move { ; return => [ : & else".split()) | {b""}
_BEFORE_GENERIC, _AFTER_GENERIC = frozenset((b"<", b",", b"const")), frozenset((b">", b",", b"="))
#: An enum's member is slow to get at in a loop over all tokens of a file.
IDENT, STRING, OPEN, CLOSE = TokenKind.IDENT, TokenKind.STRING, TokenKind.OPEN, TokenKind.CLOSE


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
    scopes = _Scopes(_bound_in_signature(tokens))
    before, past = b"", 0
    for index, (kind, text, _) in enumerate(tokens):
        if index < past:
            continue
        if kind == IDENT:
            if text in _BINDERS:
                inside = text == b"for" or (text == b"let" and before in _CONDITIONS)
                scopes.bind(_bound_names(tokens, index), inside=inside)
            elif before not in _NO_PATH and text not in _NO_START:
                mention, past = _path(tokens, index, before, scopes)
                found += [mention] if mention is not None else []
        elif text in _MARKS:
            scopes.bind(_bound_by_mark(tokens, index, before))
        elif kind == OPEN:
            scopes.open(text, before)
        elif kind == CLOSE:
            scopes.close()
        elif kind == STRING and scopes.in_macro:
            found += _format_arguments(tokens[index], scopes)
        before = tokens[past - 1].text if past > index else text
    return found


class _Scopes:
    """The names that are bound inside the brackets which are open."""

    def __init__(self, coming: set[str]) -> None:
        """Begin an item whose signature binds the names `coming` for its first block."""
        self._open: list[tuple[set[str], bool]] = [(set(), False)]
        self._coming = coming

    @property
    def in_macro(self) -> bool:
        """Whether one of the brackets is that of a macro call."""
        return any(is_call for _, is_call in self._open)

    def open(self, bracket: bytes, before: bytes) -> None:
        """Go into a bracket; `before` is the text in front of it."""
        is_block = bracket == b"{"
        self._open.append((self._coming if is_block else set(), before == b"!"))
        self._coming = set() if is_block else self._coming

    def close(self) -> None:
        """Leave a bracket."""
        if len(self._open) > 1:
            self._open.pop()

    def bind(self, names: set[str], *, inside: bool = False) -> None:
        """Bind names from here on, or inside the next block."""
        (self._coming if inside else self._open[-1][0]).update(names)

    def knows(self, name: str) -> bool:
        """Say whether a name is bound."""
        return bool([names for names, _ in self._open if name in names])


def identifiers(tokens: list[Token]) -> set[str]:
    """Every identifier among the tokens and inside format strings, without keywords."""
    names = {t.text.decode() for t in tokens if t.kind is IDENT and t.text not in KEYWORDS}
    for token in tokens:
        if token.kind is STRING and b"{" in token.text:
            names.update((a or b).decode() for a, b in _FORMAT_ARGUMENT.findall(token.text))
    return names


def _path(tokens: list[Token], index: int, before: bytes, scopes: _Scopes) -> tuple[Mention | None, int]:
    """The path that begins at a token, and the index of the token behind it."""
    first = tokens[index].text.decode()
    segments = [first]
    past, count = index + 1, len(tokens)
    while past + 1 < count and tokens[past].text == b"::" and tokens[past + 1].kind == IDENT:
        segments.append(tokens[past + 1].text.decode())
        past += 2
    follows = tokens[past].text if past < count else b""
    alone = past == index + 1
    if alone and (follows == b":" or (follows != b"::" and first in ("self", "super", "crate"))):
        return None, past
    if before == b"$":
        if first != "crate":
            return None, past
        segments[0] = "$crate"
    local = alone and scopes.knows(segments[0])
    return Mention(tuple(segments), tokens[index].start, follows, local), past


def _format_arguments(token: Token, scopes: _Scopes) -> list[Mention]:
    names = {(a or b).decode() for a, b in _FORMAT_ARGUMENT.findall(token.text)}
    return [Mention((name,), token.start, b"", scopes.knows(name)) for name in sorted(names)]


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
        depth += NESTING.get(token.kind, 0)
        if depth < 0:
            break
        in_type = (token.text == b":" and depth == 0) or (in_type and token.text != b",")
        if not in_type and _is_binding(tokens, at):
            names.add(token.text.decode())
    return names


def _bound_by_mark(tokens: list[Token], index: int, before: bytes) -> set[str]:
    """Names that a closure's parameters or a match arm bind, where the mark begins one."""
    mark = tokens[index].text
    if mark == b"=>":
        return _arm_names(tokens, index)
    return _bound_names(tokens, index) if mark == b"|" and before in _BEFORE_CLOSURE else set()


def _arm_names(tokens: list[Token], index: int) -> set[str]:
    names: set[str] = set()
    depth = 0
    for at in range(index - 1, max(index - 80, -1), -1):
        token = tokens[at]
        depth -= NESTING.get(token.kind, 0)
        if depth < 0 or (depth == 0 and token.text in (b",", b"=>", b";")):
            break
        if _is_binding(tokens, at):
            names.add(token.text.decode())
    return names


def _is_binding(tokens: list[Token], at: int) -> bool:
    token = tokens[at]
    if token.kind is not IDENT or token.text in KEYWORDS or not (token.text[:1].islower() or token.text[:1] == b"_"):
        return False
    following = tokens[at + 1].text if at + 1 < len(tokens) else b""
    before = tokens[at - 1].text if at else b""
    return following not in (b"(", b"::", b"!", b"{") and before not in (b".", b"::")


def _bound_in_signature(tokens: list[Token]) -> set[str]:
    """Parameters and generic parameters of a function or other item, which its first block sees."""
    names: set[str] = set()
    angle = 0
    before = b""
    for at, (kind, text, _) in enumerate(tokens, 1):
        if kind == IDENT:
            following = tokens[at].text if at < len(tokens) else b""
            if following == b":" or (angle == 1 and before in _BEFORE_GENERIC and following in _AFTER_GENERIC):
                names.add(text.decode())
        elif text == b"{":
            break
        elif text == b"<":
            angle += 1
        elif text == b">":
            angle = max(0, angle - 1)
        before = text
    return names
