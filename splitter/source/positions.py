"""Items that see where they stand: their own line, file, module or type name.

A move changes what these see; it cannot be otherwise, so it is listed item by item and not waved through.
Invariant: a macro of the file that asks for its position makes its callers ask as well.
"""

import re
from collections.abc import Iterable

from splitter.model.source import ItemKind, SourceFile
from splitter.source.item_tokens import all_tokens
from splitter.source.tokens import Token, TokenKind
from splitter.source.uses import use_leaves

_MACROS = frozenset(
    b"line column file module_path dbg log trace debug info warn error event span instrument"
    b" trace_span debug_span info_span warn_span error_span".split()
)
_FUNCTIONS = frozenset((b"type_name", b"type_name_of_val"))
#: What a move changes in them, as the checks list it.
_TOLD = re.compile(r"(?P<key>.+): asks for its own position \((?P<by>[^()]+)\)")


def positional_items(sources: Iterable[SourceFile]) -> dict[str, str]:
    """Keys of such items, with the name of the macro or function by which they see it."""
    items = []
    for source in sources:
        functions = _imported(source)
        items += [(item, all_tokens(source, item), functions) for item in source.items]
    macros = set(_MACROS)
    found: dict[str, str] = {}
    while True:
        size = len(found)
        for item, tokens, functions in items:
            if item.key in found:
                continue
            for at, token in enumerate(tokens):
                called = token.text in macros and _is_call(tokens, at)
                if called or (token.text in _FUNCTIONS and _is_asked(tokens, at, functions)):
                    found[item.key] = token.text.decode() + ("!" if called else "")
                    if item.kind is ItemKind.MACRO:
                        macros.add(item.name.encode())
                    break
        if len(found) == size:
            return found


def told(key: str, by: str) -> str:
    """How a check lists an item that sees where it stands."""
    return f"{key}: asks for its own position ({by})"


def untold(text: str) -> tuple[str, str]:
    """Key and macro or function of such a text; two empty strings for another one."""
    found = _TOLD.fullmatch(text)
    return (found["key"], found["by"]) if found else ("", "")


def askers(source: SourceFile) -> frozenset[str]:
    """All names by which items of a file can see where they stand: `line!`, `type_name`, its own macros."""
    own = (item.name for item in source.items if item.kind is ItemKind.MACRO)
    macros = {f"{name}!" for name in (*own, *(name.decode() for name in _MACROS))}
    return frozenset(macros | {name.decode() for name in _FUNCTIONS})


def _imported(source: SourceFile) -> frozenset[bytes]:
    """Functions of `std::any` that a file calls without a path."""
    leaves = [leaf for item in source.items if item.kind is ItemKind.USE for leaf in use_leaves(source, item)]
    names: set[bytes] = set()
    for leaf in leaves:
        if leaf.path[:2] in (("std", "any"), ("core", "any")):
            names |= _FUNCTIONS if leaf.glob else {part.encode() for part in leaf.path[2:]}
    return frozenset(names & _FUNCTIONS)


def _is_call(tokens: list[Token], at: int) -> bool:
    """Say whether a macro is called there; `line != 3` is none."""
    behind = tokens[at + 1 : at + 3]
    return len(behind) == 2 and behind[0].text == b"!" and behind[1].kind is TokenKind.OPEN


def _is_asked(tokens: list[Token], at: int, imported: frozenset[bytes]) -> bool:
    """Say whether the name at an index is the function of `std::any`, not a method or function that is called alike."""
    before = [token.text for token in tokens[max(0, at - 2) : at]]
    if before[-1:] == [b"::"]:
        return before == [b"any", b"::"]
    return tokens[at].text in imported and before[-1:] not in ([b"."], [b"fn"])
