"""Matches the tokens of a macro call against the matcher of an arm.

Source: The Rust Reference, "Macros by example".
Invariant: no backtracking; a fragment longer than one token ends where the token that the matcher expects next stands.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from splitter.source.tokens import Token, TokenKind, closing

_SINGLE = frozenset(("ident", "tt", "lifetime", "block", "literal"))


@dataclass(slots=True)
class Match:
    """What each metavariable stands for, once for each turn of the repetition that it is in."""

    found: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))


def match_call(matcher: list[Token], call: list[Token]) -> Match | None:
    """What the metavariables of a matcher stand for in a call; None where it does not fit."""
    match = Match()
    return match if _match(matcher, 0, len(matcher), call, 0, match) == len(call) else None


def _match(pattern: list[Token], at: int, end: int, call: list[Token], here: int, match: Match) -> int:
    """Index in the call behind what the pattern matches, or -1."""
    while at < end:
        token = pattern[at]
        if token.text == b"$" and at + 1 < end and pattern[at + 1].text == b"(":
            close = closing(pattern, at + 1)
            separator, after = _repetition(pattern, close + 1)
            here = _repeat(pattern, (at + 2, close), separator, call, here, match)
            at = after
        elif token.text == b"$" and at + 3 < end and pattern[at + 2].text == b":":
            stop = pattern[at + 4] if at + 4 < end else None
            past = _fragment(pattern[at + 3].text.decode(), stop, call, here)
            if past < 0:
                return -1
            match.found[pattern[at + 1].text.decode()].append(b" ".join(t.text for t in call[here:past]))
            here, at = past, at + 4
        elif here < len(call) and call[here].text == token.text:
            here, at = here + 1, at + 1
        else:
            return -1
    return here


def _repeat(
    pattern: list[Token], span: tuple[int, int], separator: bytes, call: list[Token], here: int, match: Match
) -> int:
    while here < len(call):
        trial = Match()
        past = _match(pattern, span[0], span[1], call, here, trial)
        if past <= here:
            break
        for name, texts in trial.found.items():
            match.found[name] += texts
        here = past
        if separator:
            if here >= len(call) or call[here].text != separator:
                break
            if _match(pattern, span[0], span[1], call, here + 1, Match()) <= here + 1:
                break
            here += 1
    return here


def _repetition(pattern: list[Token], at: int) -> tuple[bytes, int]:
    """Separator (empty for none) and the index behind the repetition operator."""
    if pattern[at].text in (b"*", b"+", b"?"):
        return b"", at + 1
    return pattern[at].text, at + 2


def _fragment(kind: str, stop: Token | None, call: list[Token], here: int) -> int:
    """Index behind the fragment that begins at `here`; negative where there is none."""
    if kind == "vis":
        return _visibility(call, here)
    if here >= len(call) or call[here].kind is TokenKind.CLOSE:
        return -1
    if kind in _SINGLE:
        token = call[here]
        if kind == "ident" and token.kind is not TokenKind.IDENT:
            return -1
        if kind == "literal" and token.text == b"-":
            return here + 2
        return closing(call, here) + 1 if token.kind is TokenKind.OPEN else here + 1
    at = here
    while at < len(call) and not (stop is not None and call[at].text == stop.text):
        if call[at].kind is TokenKind.CLOSE:
            break
        at = closing(call, at) + 1 if call[at].kind is TokenKind.OPEN else at + 1
    return at if at > here else -1


def _visibility(call: list[Token], here: int) -> int:
    if here >= len(call) or call[here].text != b"pub":
        return here
    scoped = here + 1 < len(call) and call[here + 1].text == b"("
    return closing(call, here + 1) + 1 if scoped else here + 1
