"""Moves the items of a phase: the world before to a change set.

Invariant: pure; every byte of every touched file ends up kept in exactly one place or dropped with a reason
(`ChangeSet` refuses anything else).
"""

from splitter.model.change import Added, ChangeSet, Dropped, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, SourceFile, Span
from splitter.rewrite.edits import apply_edits, edits_of
from splitter.rewrite.exports import reexports, shown_names
from splitter.rewrite.headers import module_header
from splitter.rewrite.imports import line_key, module_imports, residue_imports
from splitter.rewrite.places import Place, common
from splitter.rewrite.retarget import retarget
from splitter.rewrite.residue import block_position, mod_lines, use_pieces
from splitter.rewrite.use_text import UseLine, render_uses
from splitter.rewrite.world import World

Row = list[Piece]


def move_items(world: World) -> ChangeSet:
    """Change set of a phase: new modules, the residue, and folders that gain a module."""
    rows: dict[str, tuple[Piece, ...]] = {}
    dropped: list[Dropped] = []
    before = {world.source.path: world.source.data}
    needed = _needed_at(world)
    for place in sorted(world.members):
        if place == world.residue:
            continue
        row, lost = _module(world, place, needed)
        rows[world.file(place)] = tuple(row)
        dropped += lost
    row, lost = _residue(world, needed)
    rows[world.residue_file] = tuple(row)
    dropped += lost
    for place in sorted(world.folders - set(world.members)):
        text = mod_lines(world, place)
        if not text:
            continue
        path = world.file(place)
        if place in world.existing:
            old = world.existing[place]
            before[path] = old.data
            rows[path] = tuple(_with_mod_lines(world, old, text))
        else:
            rows[path] = (_added(world, module_header(world, place), Why.HEADER), _added(world, text, Why.MOD))
    for place, old in world.existing.items():
        path = world.file(place)
        if path in rows or place == world.residue:
            continue
        pieces, lost = retarget(world, place, old)
        if lost:
            before[path] = old.data
            rows[path] = tuple(pieces)
            dropped += lost
    return ChangeSet(before, rows, tuple(dropped))


def _needed_at(world: World) -> dict[str, Place]:
    """For each item the module all of which has to see it, where that is not its own."""
    opened = {line.leaf.path[-1] for line in (*reexports(world), *residue_imports(world))}
    needed: dict[str, Place] = {}
    for item in world.source.items:
        place = world.place(item.key)
        names = world.definitions.by_item.get(item.key, ())
        users = {user for name in names for user in world.users.get(name, ())}
        users |= {world.residue} if any(name in opened for name in names) and place != world.residue else set()
        ancestor = place
        for user in users:
            ancestor = common(ancestor, user)
        if ancestor != place:
            needed[item.key] = ancestor
    return needed


def _module(world: World, place: Place, needed: dict[str, Place]) -> tuple[Row, list[Dropped]]:
    row: Row = [_added(world, module_header(world, place), Why.HEADER)]
    imports = render_uses(module_imports(world, place))
    if imports:
        row.append(_added(world, "\n" + imports, Why.IMPORT))
    children = mod_lines(world, place)
    if children:
        row.append(_added(world, "\n" + children, Why.MOD))
    dropped: list[Dropped] = []
    for item in world.members[place]:
        pieces, lost = apply_edits(world.source.path, item.span, edits_of(world, item, needed.get(item.key)))
        _join(world, row, pieces, blank=len(row) <= 3 and item is world.members[place][0])
        dropped += lost
    return row, dropped


def _residue(world: World, needed: dict[str, Place]) -> tuple[Row, list[Dropped]]:
    row: Row = []
    dropped: list[Dropped] = []
    position = block_position(world)
    staying = [i for i in world.source.items if world.place(i.key) == world.residue]
    for index, item in enumerate(world.source.items):
        if index == position:
            _block(world, row)
        if world.place(item.key) != world.residue:
            continue
        if item.kind is ItemKind.USE:
            following = next((i for i in staying if i.span.start > item.span.start), None)
            pieces, lost = use_pieces(world, item, blank_follows=following is None or _begins_blank(world, following))
        else:
            pieces, lost = apply_edits(world.source.path, item.span, edits_of(world, item, needed.get(item.key)))
        first = next((p for p in pieces if isinstance(p, Kept)), None)
        if not row and first is not None and _begins_blank(world, item) and item.span.start > 0:
            blank = Span(item.span.start, item.lead)
            pieces = [Kept(p.path, Span(blank.end, p.span.end)) if p is first and isinstance(p, Kept) else p for p in pieces]
            lost = [*lost, Dropped(world.source.path, blank, Why.BLANK)]
        _join(world, row, pieces, blank=index == position and not _begins_blank(world, item))
        dropped += lost
    if position >= len(world.source.items):
        _block(world, row)
    return row, dropped


def _block(world: World, row: Row) -> None:
    """Mod lines and re-exports, set off by blank lines."""
    if world.residue != ():
        return
    mods = mod_lines(world, ())
    if mods:
        _join(world, row, [_added(world, ("\n" if row else "") + mods, Why.MOD)])
    lines = _visible(world)
    if lines:
        _join(world, row, [_added(world, "\n" + render_uses(lines), Why.REEXPORT)])


def _visible(world: World) -> tuple[UseLine, ...]:
    """Re-exports that the compiler did not find to be dead, then private imports of what the residue uses."""
    public = []
    for line in reexports(world):
        key = ((), line_key(line))
        if key not in world.hints.dropped:
            public.append(UseLine(line.leaf, line.visibility, line.cfgs, key in world.hints.allowed))
    names = {line.leaf.name for line in public}
    private = [line for line in residue_imports(world) if line.leaf.name not in names]
    return (*public, *private)


def _with_mod_lines(world: World, old: SourceFile, text: str) -> Row:
    """An existing folder module with more mod lines, behind those that it has."""
    last = max((i.span.end for i in old.items if i.kind in (ItemKind.MOD, ItemKind.INNER, ItemKind.USE)), default=0)
    parts = [Kept(old.path, Span(0, last)), _added(world, text, Why.MOD), Kept(old.path, Span(last, len(old.data)))]
    return [part for part in parts if isinstance(part, Added) or len(part.span)]


def _join(world: World, row: Row, pieces: list[Piece], *, blank: bool = False) -> None:
    """Append pieces; where the row does not end a line, or a blank line is wanted, add the line ending."""
    if not pieces:
        return
    if row and not _ends_line(world, row[-1]):
        row.append(Added(world.source.newline, Why.BLANK))
    first = pieces[0]
    text = first.text if isinstance(first, Added) else world.source.text(first.span)
    if blank and row and text.split(b"\n", 1)[0].strip():
        row.append(Added(world.source.newline, Why.BLANK))
    row.extend(pieces)


def _ends_line(world: World, piece: Piece) -> bool:
    text = piece.text if isinstance(piece, Added) else world.source.text(piece.span)
    return text.endswith(b"\n")


def _begins_blank(world: World, item: Item) -> bool:
    return b"\n" in world.source.data[item.span.start : item.lead]


def _added(world: World, text: str, why: Why) -> Added:
    return Added(text.encode().replace(b"\n", world.source.newline), why)


def moved_names(world: World) -> dict[str, Place]:
    """Names that leave the residue, with the place where each goes."""
    return {
        name: world.place(item.key)
        for item in world.source.items
        if world.place(item.key) != world.residue
        for name, _ in shown_names(world, item)
    }
