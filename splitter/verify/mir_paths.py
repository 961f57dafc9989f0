"""The ways into modules of the split, as rustc prints them in MIR.

Invariant: a path that only looks like such a way, because a function has the module's name, is none.
"""

import re
from collections.abc import Iterable
from itertools import dropwhile, islice, pairwise

from splitter.model.evidence import Scope
from splitter.model.source import ItemKind, SourceFile
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import TokenKind
from splitter.verify.places import places

_IMPL = re.compile(r"(?:\b\w+::)*<impl (?!at )")
_ITEM_WORDS = frozenset(b"fn const static mut struct enum union trait mod".split())


def module_prefixes(scope: Scope, sources: dict[str, SourceFile], *, trimmed: bool) -> re.Pattern[str] | None:
    """Matches the way into a module of the split at the start of a path.

    Where rustc trims paths it may print any last part of that way, and the same for the monolith's own module. What a
    function of a module's name has inside is no way into the module.
    """
    whole = [*(scope.parent + place for place in places(scope)), *scope.elsewhere]
    if trimmed:
        whole = [path[start:] for path in (*whole, scope.parent) for start in range(len(path))]
    ways = sorted({path for path in whole if path}, key=lambda path: (-len("::".join(path)), path))
    if not ways:
        return None
    within = _within_functions(sources.values(), {path[-1] for path in ways})
    found = "|".join(rf"{re.escape('::'.join(path))}::{_unless(within.get(path[-1], ()))}" for path in ways)
    return re.compile(rf"(?<![\w:])(?:{found})(?!\{{|promoted\[|<(?!impl at ))")


def _within_functions(sources: Iterable[SourceFile], names: set[str]) -> dict[str, set[str]]:
    """Names of the items that functions of these names define in their bodies."""
    found: dict[str, set[str]] = {}
    for source in sources:
        for item in source.items:
            if item.kind is ItemKind.FN and item.name in names:
                behind = dropwhile(lambda token: token.text != b"fn", core_tokens(source, item))
                pairs = pairwise(islice(behind, 2, None))
                inner = (b for a, b in pairs if a.text in _ITEM_WORDS and b.kind is TokenKind.IDENT)
                found.setdefault(item.name, set()).update(name.text.decode() for name in inner)
    return found


def _unless(names: Iterable[str]) -> str:
    return rf"(?!(?:{'|'.join(sorted(map(re.escape, names)))})\b)" if names else ""


def without_impl_places(text: str) -> str:
    """MIR in which a method of `impl Type` is named by the type alone, wherever that impl stands.

    Where it stands beside its type rustc writes `Type::<T>::new`, elsewhere `place::<impl Type<T>>::new`.
    """
    parts: list[str] = []
    at = 0
    for found in _IMPL.finditer(text):
        end = _closing_angle(text, found.end())
        name = text[found.end() : end]
        if found.start() < at or not end or " for " in name:
            continue
        head, angle, rest = name.partition("<")
        parts += [text[at : found.start()], f"{head}::<{rest}" if angle else name]
        at = end + 1
    return "".join((*parts, text[at:]))


def _closing_angle(text: str, at: int) -> int:
    """Index of the `>` that closes an angle bracket opened before; 0 where none does on that line."""
    depth = 1
    for index in range(at, len(text)):
        if text[index] == "\n":
            break
        if text[index] == "<":
            depth += 1
        elif text[index] == ">" and text[index - 1] not in "-=":
            depth -= 1
            if depth == 0:
                return index
    return 0
