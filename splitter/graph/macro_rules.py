"""What a call of a `macro_rules!` macro of the same file defines: matches the call, then reads the transcriber.

Source: The Rust Reference, "Macros by example".
Invariant: an approximation without backtracking; a fragment longer than one token ends where the token that
the matcher expects next stands. A call that fits no arm defines nothing that is known.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from splitter.source.tokens import NESTING, Token, TokenKind, code_tokens, match_brackets

_SINGLE = frozenset(("ident", "tt", "lifetime", "block", "literal"))
_DEFINING = frozenset((b"fn", b"static", b"struct", b"enum", b"union", b"trait", b"type", b"const", b"mod"))
_QUALIFIERS = frozenset((b"unsafe", b"async", b"const", b"extern", b"mut"))


@dataclass(frozen=True, slots=True)
class Defined:
    """A name that a call defines: the visibility written in the transcriber, and whether that exports a symbol.

    `signature` are the transcriber's tokens up to the body, the name filled in.
    """

    name: str
    keyword: str
    visibility: str
    exported: bool
    signature: str = ""


@dataclass(frozen=True)
class MacroRules:
    """Arms of a macro: tokens of each matcher and transcriber, without their outer brackets."""

    arms: tuple[tuple[list[Token], list[Token]], ...]


@dataclass(slots=True)
class _Match:
    found: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))


def read_macro(data: bytes, start: int, end: int) -> MacroRules:
    """Arms of the `macro_rules!` item that stands at these bytes."""
    tokens = code_tokens(data, start, end)
    pairs = match_brackets(tokens)
    at = next(index for index, token in enumerate(tokens) if token.kind is TokenKind.OPEN)
    stop = pairs[at]
    arms = []
    at += 1
    while at < stop:
        if at not in pairs:
            at += 1
            continue
        matcher = tokens[at + 1 : pairs[at]]
        at = pairs[at] + 1
        while at < stop and at not in pairs:
            at += 1
        if at < stop:
            arms.append((matcher, tokens[at + 1 : pairs[at]]))
            at = pairs[at] + 1
    return MacroRules(tuple(arms))


def defined_by(macro: MacroRules, call: list[Token]) -> tuple[Defined, ...] | None:
    """What a call with these tokens between its brackets defines; None where no arm fits."""
    for matcher, transcriber in macro.arms:
        match = _Match()
        end = _match(matcher, 0, len(matcher), call, 0, match)
        if end == len(call):
            return _definitions(transcriber, match)
    return None


def _definitions(transcriber: list[Token], match: _Match) -> tuple[Defined, ...]:
    found: list[Defined] = []
    for at, token in enumerate(transcriber[:-1]):
        if token.text not in _DEFINING:
            continue
        following = at + 1
        while following < len(transcriber) and transcriber[following].text == b"mut":
            following += 1
        if following + 1 < len(transcriber) and transcriber[following].text == b"$":
            names = match.found.get(transcriber[following + 1].text.decode(), [])
        elif following < len(transcriber) and transcriber[following].kind is TokenKind.IDENT:
            names = [transcriber[following].text]
        else:
            continue
        if transcriber[following].text in _DEFINING | _QUALIFIERS or not _at_item_level(transcriber, at):
            continue
        visibility, exported = _lead(transcriber, at)
        for turn, name in enumerate(names):
            text = _signature(transcriber, at, following, name, _filling(match, turn, len(names)))
            found.append(Defined(name.decode(), token.text.decode(), visibility, exported, text))
    return tuple(dict.fromkeys(found))


def _filling(match: _Match, turn: int, turns: int) -> dict[bytes, bytes]:
    """What metavariables stand for in one turn of the repetition that defines a name; those of other depths aside."""
    found = {name.encode(): texts for name, texts in match.found.items()}
    return {
        name: texts[turn if len(texts) == turns else 0] for name, texts in found.items() if len(texts) in (1, turns)
    }


def _signature(transcriber: list[Token], at: int, named: int, name: bytes, filling: dict[bytes, bytes]) -> str:
    """Tokens from the qualifiers to the body, with the defined name in its place and metavariables filled in."""
    start = at
    while start and (transcriber[start - 1].text in _QUALIFIERS or transcriber[start - 1].kind is TokenKind.STRING):
        start -= 1
    row = [token.text for token in transcriber[start:named]] + [name]
    behind = named + 2 if transcriber[named].text == b"$" else named + 1
    for before, token in pairwise(transcriber[behind - 1 :]):
        if token.text in (b"{", b";", b"="):
            break
        if before.text == b"$" and token.text in filling:
            row[-1] = filling[token.text]
        else:
            row.append(token.text)
    return b" ".join(row).decode()


def _at_item_level(tokens: list[Token], at: int) -> bool:
    """Only repetitions `$(…)` enclose what a transcriber defines beside the call."""
    stack: list[bool] = []
    for index in range(at):
        if tokens[index].kind is TokenKind.OPEN:
            stack.append(index > 0 and tokens[index - 1].text == b"$" and tokens[index].text == b"(")
        elif tokens[index].kind is TokenKind.CLOSE:
            stack.pop()
    return all(stack)


def _lead(tokens: list[Token], at: int) -> tuple[str, bool]:
    """Visibility in front of a defining keyword, and whether an attribute before it exports."""
    start = at
    while start and (tokens[start - 1].text in _QUALIFIERS or tokens[start - 1].kind is TokenKind.STRING):
        start -= 1
    end = start
    if start and tokens[start - 1].text == b")":
        opening = start - 1
        while opening and tokens[opening].text != b"(":
            opening -= 1
        start = opening if opening and tokens[opening - 1].text == b"pub" else start
    visibility = ""
    if start and tokens[start - 1].text == b"pub":
        visibility = "pub" + b"".join(token.text for token in tokens[start:end]).decode()
        start -= 1
    begin = start
    while begin and tokens[begin - 1].text not in (b";", b"}", b"{"):
        begin -= 1
    exported = any(token.text in (b"no_mangle", b"export_name") for token in tokens[begin:start])
    return visibility, exported


def _match(pattern: list[Token], at: int, end: int, call: list[Token], here: int, match: _Match) -> int:
    """Index in the call behind what the pattern matches, or -1."""
    while at < end:
        token = pattern[at]
        if token.text == b"$" and at + 1 < end and pattern[at + 1].text == b"(":
            close = _close(pattern, at + 1)
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
    pattern: list[Token], span: tuple[int, int], separator: bytes, call: list[Token], here: int, match: _Match
) -> int:
    while here < len(call):
        trial = _Match()
        past = _match(pattern, span[0], span[1], call, here, trial)
        if past <= here:
            break
        for name, texts in trial.found.items():
            match.found[name] += texts
        here = past
        if separator:
            if here >= len(call) or call[here].text != separator:
                break
            if _match(pattern, span[0], span[1], call, here + 1, _Match()) <= here + 1:
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
    if here >= len(call):
        return -1
    if kind in _SINGLE:
        token = call[here]
        if kind == "ident" and token.kind is not TokenKind.IDENT:
            return -1
        if kind == "literal" and token.text == b"-":
            return here + 2
        return _close(call, here) + 1 if token.kind is TokenKind.OPEN else here + 1
    at = here
    while at < len(call) and not (stop is not None and call[at].text == stop.text):
        if call[at].kind is TokenKind.CLOSE:
            break
        at = _close(call, at) + 1 if call[at].kind is TokenKind.OPEN else at + 1
    return at if at > here else -1


def _visibility(call: list[Token], here: int) -> int:
    if here >= len(call) or call[here].text != b"pub":
        return here
    scoped = here + 1 < len(call) and call[here + 1].text == b"("
    return _close(call, here + 1) + 1 if scoped else here + 1


def _close(tokens: list[Token], at: int) -> int:
    depth = 0
    for index in range(at, len(tokens)):
        depth += NESTING.get(tokens[index].kind, 0)
        if depth == 0:
            return index
    return len(tokens) - 1
