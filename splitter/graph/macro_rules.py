"""What a call of a `macro_rules!` macro of the same file defines: matches the call, then reads the transcriber.

Source: The Rust Reference, "Macros by example".
Invariant: an approximation; a call that fits no arm defines nothing that is known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from splitter.graph.macro_match import Match, match_call
from splitter.source.tokens import Token, TokenKind, closing, code_tokens, match_brackets

_DEEPEST = 8
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


def defined_by(
    macro: MacroRules, call: list[Token], rules: Mapping[str, MacroRules], deep: int = 0
) -> tuple[Defined, ...] | None:
    """What a call with these tokens between its brackets defines; None where no arm fits.

    `rules` are the macros that the transcriber may call in turn, itself or as the name that it was given.
    """
    for matcher, transcriber in macro.arms:
        match = match_call(matcher, call)
        if match is not None:
            inner = _calls(transcriber, match, rules) if deep < _DEEPEST else ()
            more = (one for rule, tokens in inner for one in defined_by(rule, tokens, rules, deep + 1) or ())
            return tuple(dict.fromkeys((*_definitions(transcriber, match), *more)))
    return None


def _calls(
    transcriber: list[Token], match: Match, rules: Mapping[str, MacroRules]
) -> Iterator[tuple[MacroRules, list[Token]]]:
    """Calls of known macros that the transcriber makes where items stand, as far as no repetition feeds them."""
    single = {name.encode(): texts[0] for name, texts in match.found.items() if len(texts) == 1}
    for at, token in enumerate(transcriber[:-1]):
        if token.text != b"!" or at == 0 or transcriber[at + 1].kind is not TokenKind.OPEN:
            continue
        name = transcriber[at - 1].text
        given = at > 1 and transcriber[at - 2].text == b"$"
        rule = rules.get((single.get(name, b"") if given else name).decode())
        inside = transcriber[at + 2 : closing(transcriber, at + 1)]
        loops = any(one.text == b"$" and other.kind is TokenKind.OPEN for one, other in pairwise(inside))
        if rule is not None and not loops and _at_item_level(transcriber, at):
            yield rule, _filled(inside, single)


def _filled(tokens: list[Token], filling: Mapping[bytes, bytes]) -> list[Token]:
    """The tokens with what the metavariables among them stand for."""
    row: list[bytes] = []
    for before, token in pairwise([Token(TokenKind.PUNCT, b"", 0), *tokens]):
        if before.text == b"$" and token.text in filling:
            row[-1] = filling[token.text]
        else:
            row.append(token.text)
    return code_tokens(b" ".join(row))


def _definitions(transcriber: list[Token], match: Match) -> tuple[Defined, ...]:
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
    return tuple(found)


def _filling(match: Match, turn: int, turns: int) -> dict[bytes, bytes]:
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
