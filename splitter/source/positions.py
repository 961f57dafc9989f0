"""Items that see where they stand: their own line, file, module or type name.

A move changes what these see; it cannot be otherwise, so it is listed item by item and not waved through.
Invariant: a macro of the file that asks for its position makes its callers ask as well.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from splitter.model.source import ItemKind, SourceFile
from splitter.source.item_tokens import all_tokens
from splitter.source.tokens import Token, TokenKind
from splitter.source.uses import use_leaves

_MACROS = frozenset(
    b"line column file module_path dbg log trace debug info warn error event span instrument"
    b" trace_span debug_span info_span warn_span error_span".split()
)
_ANY = (("std", "any"), ("core", "any"))
_PATHS = tuple([crate, b"::", b"any", b"::"] for crate in (b"std", b"core"))
_FUNCTIONS = frozenset((b"type_name", b"type_name_of_val"))
#: What a move changes without being asked for: where a panic was, and the number of a type.
PANIC, TYPE_ID = "panic!", "TypeId"
_TOLD = re.compile(r"(?P<key>.+): [^:]+ \((?P<by>[^()]+)\)")


def positional_items(sources: Iterable[SourceFile]) -> dict[str, str]:
    """Keys of such items, with the name of the macro or function by which they see it."""
    items = []
    for source in sources:
        known = _imported(source)
        items += [(item, all_tokens(source, item), known) for item in source.items if item.kind is not ItemKind.USE]
    macros = set(_MACROS)
    found: dict[str, str] = {}
    while True:
        size = len(found)
        for item, tokens, known in items:
            if item.key in found:
                continue
            for at, token in enumerate(tokens):
                called = token.text in macros and _is_call(tokens, at)
                by = f"{token.text.decode()}!" if called else _asked(tokens, at, known) if _may(token, known) else ""
                if by:
                    found[item.key] = by
                    if item.kind is ItemKind.MACRO:
                        macros.add(item.name.encode())
                    break
        if len(found) == size:
            return found


def _may(token: Token, known: "_Any") -> bool:
    return token.text in _FUNCTIONS or token.text in known.functions


def told(key: str, by: str, what: str = "asks for its own position") -> str:
    """How a check lists an item that sees where it stands, or shows it."""
    return f"{key}: {what} ({by})"


def untold(text: str) -> tuple[str, str]:
    """Key and macro or function of such a text; two empty strings for another one."""
    found = _TOLD.fullmatch(text)
    return (found["key"], found["by"]) if found else ("", "")


def askers(source: SourceFile) -> frozenset[str]:
    """All names by which items of a file can see where they stand: `line!`, `type_name`, its own macros."""
    own = (item.name for item in source.items if item.kind is ItemKind.MACRO)
    macros = {f"{name}!" for name in (*own, *(name.decode() for name in _MACROS))}
    return frozenset(macros | {name.decode() for name in _FUNCTIONS} | {PANIC, TYPE_ID})


@dataclass(frozen=True, slots=True)
class _Any:
    """What a file calls `std::any` by, and its functions."""

    modules: frozenset[bytes]
    functions: frozenset[bytes]


def _imported(source: SourceFile) -> _Any:
    modules: set[bytes] = set()
    functions: set[bytes] = set()
    for item in source.items:
        for leaf in use_leaves(source, item) if item.kind is ItemKind.USE else ():
            name, tail = leaf.name.encode(), leaf.path[2:]
            if leaf.path[:2] not in _ANY:
                continue
            if leaf.glob:
                functions |= _FUNCTIONS
            elif not tail or tail == ("self",):
                modules.add(name)
            elif tail[0].encode() in _FUNCTIONS:
                functions.add(name)
    return _Any(frozenset(modules), frozenset(functions))


def _asked(tokens: list[Token], at: int, known: _Any) -> str:
    """The function of `std::any` that is called there; nothing for another that is called alike."""
    name, before = tokens[at].text, [token.text for token in tokens[max(0, at - 4) : at]]
    real = name in _FUNCTIONS
    if before[-1:] == [b"::"]:
        asked = real and (before in _PATHS or not known.modules.isdisjoint(before[-2:-1]))
    else:
        asked = name in known.functions or (real and _imports_any(tokens[:at]))
        asked = asked and before[-1:] not in ([b"."], [b"fn"])
    return name.decode() if asked else ""


def _imports_any(tokens: list[Token]) -> bool:
    """Say whether an item imports from `std::any` in its body."""
    words = [token.text for token in tokens]
    ends = [at for at, word in enumerate(words) if word == b"any"]
    return any([*words[at - 2 : at + 1], b"::"] in _PATHS and words[at - 3 : at - 2] == [b"use"] for at in ends)


def _is_call(tokens: list[Token], at: int) -> bool:
    """Say whether a macro is called there; `line != 3` is none."""
    behind = tokens[at + 1 : at + 3]
    return len(behind) == 2 and behind[0].text == b"!" and behind[1].kind is TokenKind.OPEN
