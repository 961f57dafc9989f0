"""Builds the symbol graph of a file: one walk over the tokens of each item.

Invariant: knows no planner; edges come from names alone, resolved in the file's own scope (locals and generic
parameters shadow items, `use` aliases lead to their target, `self::`, `super::` and `crate::` paths are followed
as far as the file's own module path tells).
"""

from collections import Counter

from splitter.graph.definitions import Definitions, find_definitions
from splitter.graph.symbols import symbols_of
from splitter.model.graph import Reference, Symbol, SymbolGraph, Tie
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.mentions import Mention, mentions_at
from splitter.source.uses import use_leaves


def build_graph(source: SourceFile, module_path: tuple[str, ...] = ()) -> SymbolGraph:
    """Graph of a file; `module_path` is its path in the crate (`("value", "ffi")`), empty at the crate root."""
    definitions = find_definitions(source)
    aliases = _aliases(source, module_path)
    references: list[Reference] = []
    symbols: list[Symbol] = []
    for item in source.items:
        counts: Counter[tuple[str, Tie]] = Counter()
        for mention in _mentions(source, item):
            for key in _resolve(mention, definitions, aliases, module_path):
                if key != item.key:
                    counts[key, Tie.USES] += 1
        if item.kind is ItemKind.IMPL:
            for name in (item.name, (item.trait or "").lstrip("!").split("<")[0]):
                counts.update({(key, Tie.IMPLEMENTS): 1 for key in definitions.types.get(name, ())})
        references += [Reference(item.key, key, tie, count) for (key, tie), count in counts.items()]
        symbols += symbols_of(source, item, definitions)  # here, where the item's tokens are at hand
    references += _twins(source)
    defined = {item.key: definitions.by_item[item.key] for item in source.items}
    return SymbolGraph(source, tuple(references), tuple(symbols), defined)


def _mentions(source: SourceFile, item: Item) -> list[Mention]:
    if item.kind in (ItemKind.USE, ItemKind.NOTE, ItemKind.INNER):
        return []
    return mentions_at(source.data, item.lead, item.core.end)


def _aliases(source: SourceFile, module_path: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Names that `use` declarations give to something of this very file."""
    found: dict[str, tuple[str, ...]] = {}
    for item in source.items:
        if item.kind is not ItemKind.USE:
            continue
        for leaf in use_leaves(source, item):
            local = _local_path(leaf.path, module_path)
            if local and not leaf.glob:
                found[leaf.name] = local
    return found


def _local_path(path: tuple[str, ...], module_path: tuple[str, ...]) -> tuple[str, ...]:
    """The part of a path that stands inside this file's scope, or nothing."""
    if path[0] == "self":
        return path[1:]
    own = ("crate", *module_path)
    if path[: len(own)] == own:
        return path[len(own) :]
    return ()


def _resolve(
    mention: Mention, definitions: Definitions, aliases: dict[str, tuple[str, ...]], module_path: tuple[str, ...]
) -> list[str]:
    segments = mention.segments
    if segments[0] in ("self", "crate", "$crate"):
        segments = _local_path(("crate", *segments[1:]) if segments[0] == "$crate" else segments, module_path)
        if not segments:
            return []
    elif mention.local:
        return []
    segments = aliases.get(segments[0], (segments[0],)) + segments[1:]
    name = segments[0]
    if len(segments) > 1:
        return definitions.types.get(name, [])
    if mention.follows == b"!":
        return definitions.macros.get(name, [])
    return definitions.named(name)


def _twins(source: SourceFile) -> list[Reference]:
    """Items of one kind and name under different `cfg`s belong together."""
    row: list[Reference] = []
    first: dict[tuple[ItemKind, str], str] = {}
    for item in source.items:
        if (
            item.kind in (ItemKind.IMPL, ItemKind.USE, ItemKind.NOTE, ItemKind.INNER, ItemKind.EXTERN)
            or item.name == "_"
        ):
            continue
        other = first.setdefault((item.kind, item.name), item.key)
        if other != item.key:
            row += [Reference(item.key, other, Tie.TWIN), Reference(other, item.key, Tie.TWIN)]
    return row
