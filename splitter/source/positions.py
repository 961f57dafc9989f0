"""Items that see where they stand: their own line, file, module or type name.

A move changes what these see; it cannot be otherwise, so it is listed item by item and not waved through.
Invariant: a macro that asks for its position makes its callers ask as well, whichever file of the tree defines it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import all_tokens
from splitter.source.macro_texts import macro_texts
from splitter.source.tokens import Token, TokenKind, closing, code_tokens
from splitter.source.uses import use_leaves

_MACROS = frozenset(
    b"line column file module_path dbg log trace debug info warn error event span instrument"
    b" trace_span debug_span info_span warn_span error_span".split()
)
_ANY = (("std", "any"), ("core", "any"))
_PATHS = tuple([crate, b"::", b"any", b"::"] for crate in (b"std", b"core"))
#: Macros of the standard library that see no position, or show it in a panic alone.
_STANDARD = frozenset(
    b"assert assert_eq assert_ne cfg compile_error concat dbg debug_assert debug_assert_eq debug_assert_ne env eprint"
    b" eprintln format format_args include include_bytes include_str is_x86_feature_detected matches option_env panic"
    b" print println stringify thread_local todo unimplemented unreachable vec write writeln".split()
)
_SHOWING = frozenset((b"assert", b"debug_assert", b"dbg"))
_FUNCTIONS = frozenset((b"type_name", b"type_name_of_val"))
#: What a move changes without being asked for: where a panic was, and the number of a type.
PANIC, TYPE_ID = "panic!", "TypeId"
_TOLD = re.compile(r"(?P<key>.+): [^:]+ \((?P<by>[^()]+)\)")


def positional_items(sources: Iterable[SourceFile], others: frozenset[str] = frozenset()) -> dict[str, str]:
    """Keys of such items, with the name of the macro or function by which they see it.

    `others` are macros of other files that ask, as `asking_macros` finds them; a macro of these sources that has such
    a name counts for itself.
    """
    texts = []
    for source in sources:
        known = _imported(source)
        items = (item for item in source.items if item.kind is not ItemKind.USE)
        texts += [_Text(item.key, _macro(item), all_tokens(source, item), known) for item in items]
    own = {text.macro for text in texts}
    return _spread(texts, _MACROS | ({name.encode() for name in others} - own))


def asking_macros(files: Iterable[bytes]) -> frozenset[str]:
    """Names of the macros in these files whose callers see where they stand."""
    found = [row for data in files for row in macro_texts(data)]
    return frozenset(_spread([_Text(name, name.encode(), tokens, _NOTHING) for name, tokens in found], _MACROS))


def foreign_macro(source: SourceFile, item: Item) -> str:
    """The first macro that an item calls and that neither its file nor the standard library defines, or nothing."""
    known = _known_macros(source)
    tokens = all_tokens(source, item)
    calls = (token.text for at, token in enumerate(tokens) if _is_call(tokens, at))
    return next((f"{name.decode()}!" for name in calls if name not in known), "")


def showing_macro(source: SourceFile, item: Item) -> str:
    """The first macro that may show the text of what it is given, and is given a path that begins in the module.

    `assert!(super::limit() > 0)` does, in its panic; a macro of another crate may.
    """
    known = _known_macros(source)
    tokens = all_tokens(source, item)
    for at, token in enumerate(tokens):
        if _is_call(tokens, at) and (token.text in _SHOWING or token.text not in known):
            given = tokens[at + 3 : closing(tokens, at + 2)]
            if any(a.text in (b"self", b"super") and b.text == b"::" for a, b in pairwise(given)):
                return f"{token.text.decode()}!"
    return ""


@lru_cache(maxsize=64)
def _known_macros(source: SourceFile) -> frozenset[bytes]:
    """Names of the macros that a file or the standard library defines."""
    return _STANDARD | {_macro(item) for item in source.items}


def _spread(texts: list["_Text"], macros: frozenset[bytes]) -> dict[str, str]:
    """Keys of the texts that ask, by one of these macros or through one another, with what they ask by."""
    found: dict[str, str] = {}
    asking = set(macros)
    while True:
        size = len(found)
        for text in texts:
            by = "" if text.key in found else _asks_by(text.tokens, asking, text.known)
            if by:
                found[text.key] = by
                asking |= {text.macro} - {b""}
        if len(found) == size:
            return found


def _asks_by(tokens: list[Token], macros: set[bytes], known: "_Any") -> str:
    """The macro or function by which code sees where it stands, or nothing."""
    for at, token in enumerate(tokens):
        if token.text in macros and _is_call(tokens, at):
            return f"{token.text.decode()}!"
        by = _asked(tokens, at, known) if token.text in _FUNCTIONS or token.text in known.functions else ""
        if by:
            return by
    return ""


def _macro(item: Item) -> bytes:
    """Name of the macro that an item defines, or nothing."""
    return item.name.encode() if item.kind is ItemKind.MACRO else b""


def told(key: str, by: str, what: str = "asks for its own position") -> str:
    """How a check lists an item that sees where it stands, or shows it."""
    return f"{key}: {what} ({by})"


def untold(text: str) -> tuple[str, str]:
    """Key and macro or function of such a text; two empty strings for another one."""
    found = _TOLD.fullmatch(text)
    return (found["key"], found["by"]) if found else ("", "")


def askers(source: SourceFile) -> frozenset[str]:
    """All names by which items of a file can see where they stand: `line!`, `type_name`, every macro that it calls."""
    tokens = code_tokens(source.data)
    called = {token.text for at, token in enumerate(tokens) if _is_call(tokens, at)}
    own = {_macro(item) for item in source.items} - {b""}
    macros = {f"{name.decode()}!" for name in _MACROS | own | called}
    return frozenset(macros | {name.decode() for name in _FUNCTIONS} | {PANIC, TYPE_ID})


@dataclass(frozen=True, slots=True)
class _Any:
    """What a file calls `std::any` by, and its functions."""

    modules: frozenset[bytes]
    functions: frozenset[bytes]


_NOTHING = _Any(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class _Text:
    """Code that may ask, the name of the macro that it defines, and what its file calls `std::any` by."""

    key: str
    macro: bytes
    tokens: list[Token]
    known: _Any


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
