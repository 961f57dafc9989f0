"""The file that items leave: what stays, the mod lines, the re-exports, and the imports it no longer needs.

Invariant: items that stay keep their bytes and their order; comments above a dropped import stay. An import with docs
is never dropped: they would become those of the next item.
"""

import posixpath
from dataclasses import replace
from pathlib import PurePosixPath

from splitter.model.change import Added, Dropped, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, Span
from splitter.rewrite.edits import Edit, apply_edits
from splitter.rewrite.gates import as_text, attribute_lines
from splitter.rewrite.imports import line_key, module_gate
from splitter.rewrite.places import Place, visible_from
from splitter.rewrite.prune_use import pruned
from splitter.rewrite.reroot import reroot
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World
from splitter.source.tokens import TokenKind, tokenize

_ALLOW = "#[allow(unused_imports)]"


def mod_lines(world: World, parent: Place) -> list[tuple[str, str]]:
    """Name and `mod` line of each new module directly below `parent`, sorted."""
    level = len(parent) + 1
    new = {p[:level] for p in world.members if len(p) >= level and p[: len(parent)] == parent and p != world.residue}
    lines = []
    if parent == () and world.residue != world.origin and not brings_macros(world):
        lines.append(residue_line(world))
    for place in new - set(world.existing):
        below = [i for p, items in world.members.items() if p[:level] == place for i in items]
        later = any(p[:level] == place and p not in world.members for p in world.planned)
        gate = "" if later else as_text(module_gate(below))
        visibility = f"{visible_from(parent, ())} " if parent else ""
        lines.append((place[-1], attribute_lines((gate,)) + f"{visibility}mod {place[-1]};\n"))
    return sorted(lines, key=lambda line: world.style.segment(line[0]))


def residue_line(world: World) -> tuple[str, str]:
    """Name and `mod` line of the residue where it leaves its parent; its macros have to reach the modules behind it."""
    name = world.residue[-1]
    path = posixpath.relpath(world.residue_file, str(PurePosixPath(world.tree.parent).parent))
    uses_macros = "#[macro_use]\n" if brings_macros(world) else ""
    return name, f'{uses_macros}#[path = "{path}"]\nmod {name};\n'


def brings_macros(world: World) -> bool:
    """Say whether the residue defines macros."""
    return any(item.kind is ItemKind.MACRO for item in world.members[world.residue])


def block_position(world: World) -> int:
    """Index of the item behind which mod lines go: after the imports, and after every macro that modules may use."""
    items = world.source.items
    position = 0
    for index, item in enumerate(items):
        stays = world.place(item.key) == world.residue
        brings_macros = item.kind is ItemKind.MOD and any(a.startswith("#[macro_use") for a in item.attributes)
        if stays and (item.kind is ItemKind.MACRO or brings_macros or item.kind is ItemKind.EXTERN_CRATE):
            position = index + 1
    head = 0
    for index, item in enumerate(items):
        declared = item.kind is ItemKind.MOD and world.source.data[item.core.end - 1 : item.core.end] == b";"
        if item.kind in (ItemKind.USE, ItemKind.INNER, ItemKind.EXTERN_CRATE) or declared:
            head = index + 1
        elif item.kind is not ItemKind.NOTE:
            break
    return max(position, head) if world.residue == () else head


def use_pieces(world: World, item: Item, *, blank_follows: bool) -> tuple[list[Piece], list[Dropped]]:
    """A `use` item of the residue with the leaves that it still needs."""
    path, span = world.source.path, item.span
    lines, changed = _use_lines(world, item)
    # A list is not taken apart for it: its parts would stand in another order than rustfmt's.
    allow = any(line.allows for line in lines) and _ALLOW not in item.attributes
    lines = [replace(line, allows=()) for line in lines]
    head = f"{_ALLOW}\n" if allow else ""
    if not changed:
        return apply_edits(path, span, (Edit(Span(item.core.start, item.core.start), _bytes(world, head), Why.IMPORT),))
    if not lines:
        return _comments_only(world, item, blank_follows=blank_follows)
    text = head + (_with_fewer(world, item, lines) or _taken_apart(world, item, lines, head))
    pieces: list[Piece] = [Kept(path, Span(span.start, item.core.start)), Added(_bytes(world, text), Why.IMPORT)]
    pieces.append(Kept(path, Span(item.core.end, span.end)))
    return [p for p in pieces if isinstance(p, Added) or len(p.span)], [Dropped(path, item.core, Why.IMPORT)]


def _with_fewer(world: World, item: Item, lines: list[UseLine]) -> str | None:
    """The declaration as it was made, if some of its leaves go and nothing else changes."""
    paths = {leaf.span: leaf.path for owner, leaf in world.leaves if owner.key == item.key}
    same = all(line.leaf.path == paths[line.leaf.span] and not line.cfgs for line in lines)
    if not same or any(line.visibility != item.visibility for line in lines):
        return None
    return pruned(world.source, item, frozenset(line.leaf.span for line in lines))


def _taken_apart(world: World, item: Item, lines: list[UseLine], head: str) -> str:
    """One declaration for each path, under the attributes that the whole had."""
    every = "".join(f"{attribute}\n" for attribute in item.attributes) + head
    groups = [text for text in world.style.render(tuple(lines)).split(";\n") if text]
    return f";\n{every}".join(groups) + ";"


def _bytes(world: World, text: str) -> bytes:
    return text.encode().replace(b"\n", world.source.newline)


def _use_lines(world: World, item: Item) -> tuple[list[UseLine], bool]:
    lines: list[UseLine] = []
    changed = False
    documented = _has_docs(world, item)
    for owner, leaf in world.leaves:
        if owner.key != item.key:
            continue
        moved = leaf.moved(_residue_path(world, leaf.path))
        visibility = item.visibility if world.residue == world.origin else ""
        line = UseLine(moved, visibility)
        changed = changed or visibility != item.visibility
        key = (world.residue, line_key(UseLine(moved)))
        unused = key in world.hints.dropped or (world.by_names and not visibility and _left_behind(world, leaf.name))
        if unused and not documented:
            changed = True
            continue
        gates = tuple(cfg for place, text, cfg in world.hints.gated if (place, text) == key)
        allow = unused or key in world.hints.allowed
        changed = changed or moved.path != leaf.path or bool(gates)
        lines.append(replace(line, cfgs=gates).allowing("unused_imports", when=allow))
    return lines, changed


def _has_docs(world: World, item: Item) -> bool:
    return any(token.kind is TokenKind.DOC for token in tokenize(world.source.data, item.span.start, item.core.start))


def _residue_path(world: World, path: tuple[str, ...]) -> tuple[str, ...]:
    local = path[1:] if path[0] == "self" else path
    moved = bool(local) and any(place != world.residue for place in world.homes(local[0]))
    if world.residue == world.origin and not (moved and len(local) > 1):
        return path
    return reroot(world, path, world.residue)


def _left_behind(world: World, name: str) -> bool:
    """Names alone say: what used this import has moved away, all of it."""
    users = world.users.get(name, frozenset())
    return bool(users) and world.residue not in users and () not in users


def _comments_only(world: World, item: Item, *, blank_follows: bool) -> tuple[list[Piece], list[Dropped]]:
    path, data, span = world.source.path, world.source.data, item.span
    comments = [t for t in tokenize(data, span.start, span.end) if t.kind >= TokenKind.COMMENT]
    kept: list[Span] = []
    for token in comments:
        newline = data.find(b"\n", token.end, span.end)
        kept.append(Span(token.start, newline + 1 if newline >= 0 else span.end))
    if not blank_follows or comments:
        kept.insert(0, Span(span.start, min(item.lead, kept[0].start if kept else item.lead)))
    pieces: list[Piece] = []
    dropped: list[Dropped] = []
    at = span.start
    for part in kept:
        if part.start > at:
            dropped.append(Dropped(path, Span(at, part.start), Why.IMPORT))
        if len(part):
            pieces.append(Kept(path, part))
        at = max(at, part.end)
    if at < span.end:
        dropped.append(Dropped(path, Span(at, span.end), Why.IMPORT))
    return pieces, dropped
