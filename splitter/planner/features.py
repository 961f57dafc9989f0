"""What is known about each unit: name tokens, section, identifiers, signature types.

Invariant: knows no similarity; reads bytes by regular expression alone, one pass a unit.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from splitter.model.graph import SymbolGraph
from splitter.model.source import ItemKind
from splitter.planner.units import Unit

_IDENT = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_STRING_OR_COMMENT = re.compile(rb'"(?:[^"\\]|\\.)*"|//[^\n]*', re.DOTALL)
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")
_RULE = re.compile(r"[-=*#~─━═]{3,}+(?!>)")
_COMMON = 0.4
_FUSED = 8


@dataclass(frozen=True, slots=True)
class Features:
    """Features of one unit; `at` is its place in file order, `lines` its size."""

    at: int
    lines: int
    name: tuple[str, ...]
    section: str
    idents: frozenset[str]
    signature: frozenset[str]
    cfgs: frozenset[str]
    exported: bool


def find_features(graph: SymbolGraph, units: tuple[Unit, ...]) -> tuple[Features, ...]:
    """Features of all units, in their order."""
    sections = find_sections(graph)
    symbols = frozenset(symbol.item for symbol in graph.symbols)
    order = {item.key: at for at, item in enumerate(graph.source.items)}
    found = tuple(_describe(graph, unit, sections, order, symbols) for unit in units)
    letter = _fused_letter(one for one, unit in zip(found, units, strict=True) if unit.anchor)
    return tuple(replace(one, name=_apart(one.name, letter)) for one in found) if letter else found


def split_name(name: str) -> tuple[str, ...]:
    """Lower-case words of an identifier: `rt_SocketFdMap` gives rt, socket, fd, map."""
    return tuple(word.lower() for part in name.split("_") for word in _HUMP.findall(part))


def common_words(features: Iterable[Features]) -> frozenset[str]:
    """First words that so many entry points begin with that they tell nothing (`rt`, `molt`)."""
    return _leading(one for one in features if one.exported)


def usual_words(features: tuple[Features, ...]) -> frozenset[str]:
    """The same; in a file without entry points those that many of all functions begin with (`expand`, `write`)."""
    return common_words(features) if any(one.exported for one in features) else _leading(features)


def _leading(features: Iterable[Features]) -> frozenset[str]:
    firsts = Counter(one.name[0] for one in features if one.name)
    return frozenset(word for word, count in firsts.items() if count > _COMMON * firsts.total())


def without_common(name: tuple[str, ...], common: frozenset[str]) -> tuple[str, ...]:
    """The words of a name without a first word that tells nothing."""
    return name[1:] if len(name) > 1 and name[0] in common else name


def find_sections(graph: SymbolGraph) -> dict[str, str]:
    """Title of the section that each item stands in, as banners tell; empty before the first."""
    current, found = "", {}
    for item in graph.source.items:
        lead = graph.source.data[item.lead : item.core.end if item.kind is ItemKind.NOTE else item.core.start]
        current = banner_title(lead.decode(errors="replace")) or current
        found[item.key] = current
    return found


def banner_title(text: str) -> str:
    """Title of a section banner in a comment, or nothing where the comment is no banner."""
    lines = [line.strip() for line in text.splitlines()]
    comments = [line for line in lines if line.startswith(("//", "/*", "*")) and not line.startswith(("///", "//!"))]
    if not any(_RULE.search(line) for line in comments):
        return ""
    for at, line in enumerate(comments):
        near = comments[max(0, at - 1) : at + 2]
        title = _RULE.sub(" ", line).strip(" /*!\t")
        if title and re.search(r"[A-Za-z]", title) and len(title) < 80 and any(_RULE.search(one) for one in near):
            return " ".join(title.split()).lower()
    return ""


def _fused_letter(functions: Iterable[Features]) -> str:
    """The letter that all entry points begin with, where it is written as one with the word behind it (`ymap_len`)."""
    firsts = {one.name[0] for one in functions if one.name and one.exported}
    letters = {first[0] for first in firsts}
    return letters.pop() if len(firsts) >= _FUSED and len(letters) == 1 else ""


def _apart(name: tuple[str, ...], letter: str) -> tuple[str, ...]:
    fused = name and name[0].startswith(letter) and name[0] != letter
    return (letter, name[0][len(letter) :], *name[1:]) if fused else name


def _describe(
    graph: SymbolGraph, unit: Unit, sections: dict[str, str], order: dict[str, int], symbols: frozenset[str]
) -> Features:
    source = graph.source
    items = [source.by_key[key] for key in unit.keys]
    head = items[0]
    body = b" ".join(source.text(item.core) for item in items)
    code = _STRING_OR_COMMENT.sub(b" ", body)
    idents = frozenset(word.decode() for word in _IDENT.findall(code))
    return Features(
        at=order[head.key],
        lines=sum(source.data.count(b"\n", item.span.start, item.span.end) for item in items),
        name=split_name(unit.name),
        section=sections[head.key],
        idents=idents,
        signature=_signature(source.text(head.core)),
        cfgs=frozenset(cfg for item in items for cfg in item.cfgs),
        exported=any(key in symbols for key in unit.keys) or head.visibility == "pub" or head.kind is ItemKind.CALL,
    )


def _signature(core: bytes) -> frozenset[str]:
    head = core.partition(b"{")[0]
    return frozenset(word.decode() for word in _IDENT.findall(head) if word[:1].isupper())
