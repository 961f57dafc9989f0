"""Names that no new module may take."""

from splitter.graph.definitions import find_definitions
from splitter.model.source import ItemKind, SourceFile
from splitter.source.mentions import mentions_at
from splitter.source.uses import use_leaves

_ALWAYS = frozenset(("std", "core", "alloc", "proc_macro", "test", "self", "super", "crate"))


def reserved_names(source: SourceFile, crates: frozenset[str], ours: frozenset[str] = frozenset()) -> frozenset[str]:
    """Type names and modules of the file, its imports, crates in use, and what its paths begin with.

    `ours` are modules that earlier phases made: a module below another may be called like one of these.
    """
    found = set(find_definitions(source).types)
    for item in source.items:
        if item.kind is ItemKind.USE:
            found |= {part for leaf in use_leaves(source, item) for part in (leaf.name, leaf.path[0])}
        elif item.kind not in (ItemKind.NOTE, ItemKind.INNER):
            mentions = mentions_at(source.data, item.lead, item.core.end)
            found |= {m.name for m in mentions if len(m.segments) > 1}
    return frozenset(found - ours) | _ALWAYS | {name.replace("-", "_") for name in crates}
