"""Check `state`: each static, thread-local and lazy cell is defined exactly as often as before, and the same way.

A private static that was copied into two modules passes the compiler, the linker and a comparison of function
bodies, and makes one counter into two. Invariant: statics inside functions, inline modules and macro calls count
as well, and those of a file that is compiled as two modules count twice.
"""

from collections import Counter
from dataclasses import dataclass

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Scope
from splitter.model.source import Span
from splitter.source.tokens import NESTING, Token, TokenKind, code_tokens
from splitter.verify.canonical import Place, canonical
from splitter.verify.compiled import times_compiled
from splitter.verify.places import module_of, unreadable, within


@dataclass(frozen=True, slots=True)
class _Cell:
    """A static: its name, and everything from `mut` to its value in canonical form."""

    name: str
    text: str


def check_state(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare the statics of two trees by name, mutability, type and value."""
    old, new = _cells(before, within(scope, before)), _cells(after, within(scope, after))
    if not old and not new:
        return CheckResult("state", Outcome.NOT_APPLICABLE, reason="the file has no state of its own")
    was, now = Counter(cell for cell, _, _ in old), Counter(cell for cell, _, _ in new)
    findings = []
    for cell in sorted({*was, *now}, key=lambda cell: (cell.name, cell.text)):
        if was[cell] == now[cell]:
            continue
        path, line = next((path, line) for found, path, line in (*reversed(new), *old) if found == cell)
        findings.append(Finding(f"static:{cell.name}", path, line, _message(cell, was, now)))
    equal = sum(count for cell, count in was.items() if now[cell] == count)
    return judge("state", sum(was.values()), equal, tuple(findings))


def _message(cell: _Cell, was: Counter[_Cell], now: Counter[_Cell]) -> str:
    if was[cell] and now[cell]:
        return f"`{cell.name}` is defined {now[cell]} times, was {was[cell]}"
    if was[cell]:
        changed = any(other.name == cell.name and now[other] > was[other] for other in now)
        return f"`{cell.name}` was `{cell.text}`" if changed else f"`{cell.name}` is defined no more"
    changed = any(other.name == cell.name for other in was)
    return f"`{cell.name}` is `{cell.text}` now" if changed else f"`{cell.name}` was not there before"


def _cells(evidence: Evidence, scope: Scope) -> list[tuple[_Cell, str, int]]:
    found = []
    times = {} if unreadable(evidence.files) else times_compiled(evidence.files, scope)
    for path, data in sorted(evidence.files.items()):
        if not path.endswith(".rs"):
            continue
        place = Place(scope, path, module_of(scope, path))
        tokens = code_tokens(data)
        for at, token in enumerate(tokens):
            name_at = _name_at(tokens, at)
            if name_at is None:
                continue
            end = _end(tokens, name_at)
            span = Span(token.end, tokens[end].start if end < len(tokens) else len(data))
            code = [part for part, _ in canonical(data, span, place) if not part.startswith(("//", "/*"))]
            line = data.count(b"\n", 0, token.start) + 1
            found += [(_Cell(tokens[name_at].text.decode(), " ".join(code)), path, line)] * times.get(path, 1)
    return found


def _name_at(tokens: list[Token], at: int) -> int | None:
    """Index of the name of the static that `tokens[at]` begins, if it does."""
    if tokens[at].text != b"static":
        return None
    at += 1
    while at < len(tokens) and tokens[at].text in (b"mut", b"ref", b"$"):
        at += 1
    named = at + 1 < len(tokens) and tokens[at].kind is TokenKind.IDENT and tokens[at + 1].text == b":"
    return at if named else None


def _end(tokens: list[Token], at: int) -> int:
    """Index of the token that ends a static: a `;`, or the bracket that closes what surrounds it."""
    depth = 0
    while at < len(tokens):
        depth += NESTING.get(tokens[at].kind, 0)
        if depth < 0 or (depth == 0 and tokens[at].text == b";"):
            return at
        at += 1
    return at
