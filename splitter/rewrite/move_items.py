"""Moves the items of a phase: the world before to a change set.

Invariant: pure; every byte of every touched file ends up kept in exactly one place or dropped with a reason
(`ChangeSet` refuses anything else).
"""

from splitter.model.change import Added, ChangeSet, Dropped, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, Span
from splitter.rewrite.edits import apply_edits, edits_of
from splitter.rewrite.exports import reexports
from splitter.rewrite.headers import module_header
from splitter.rewrite.imports import line_key, module_imports, residue_imports
from splitter.rewrite.insert import added, declared_before, mod_additions, splice, use_additions
from splitter.rewrite.legacy import parent_row
from splitter.rewrite.places import Place
from splitter.rewrite.reach import needed_at
from splitter.rewrite.residue import block_position, mod_lines, use_pieces
from splitter.rewrite.retarget import retarget
from splitter.rewrite.use_order import ends_line, in_order
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World

Row = list[Piece]


def move_items(world: World) -> ChangeSet:
    """Change set of a phase: new modules, the residue, and folders that gain a module."""
    rows: dict[str, tuple[Piece, ...]] = {}
    dropped: list[Dropped] = []
    before = {world.source.path: world.source.data}
    needed = needed_at(world)
    for place in sorted(set(world.members) - {world.residue, ()}):
        row, lost = _module(world, place, needed)
        rows[world.file(place)] = tuple(row)
        dropped += lost
    row, lost = _residue(world, needed)
    rows[world.residue_file] = tuple(row)
    dropped += lost
    if world.residue != ():
        rows[world.tree.parent], lost = parent_row(world)
        dropped += lost
        before |= {world.parent.path: world.parent.data} if world.parent else {}
    for place in sorted(world.folders - set(world.members) - set(world.existing)):
        text = _mod_text(world, place)
        if text:
            header = added(world, module_header(world, place) + "\n", Why.HEADER)
            rows[world.file(place)] = (header, added(world, text, Why.MOD))
    for place, old in world.existing.items():
        pieces, lost = retarget(world, place, old)
        additions = mod_additions(old, declared_before(world, old, place), mod_lines(world, place), world.style)
        if lost or additions:
            before[old.path] = old.data
            rows[old.path] = tuple(splice(world, pieces, old.path, additions))
            dropped += lost
    return ChangeSet(before, rows, tuple(dropped))


def _mod_text(world: World, parent: Place) -> str:
    return "".join(text for _, text in mod_lines(world, parent))


def _module(world: World, place: Place, needed: dict[str, Place]) -> tuple[Row, list[Dropped]]:
    row: Row = [added(world, module_header(world, place), Why.HEADER)]
    imports = world.style.render(module_imports(world, place))
    if imports:
        row.append(added(world, "\n" + imports, Why.IMPORT))
    children = _mod_text(world, place)
    if children:
        row.append(added(world, "\n" + children, Why.MOD))
    dropped: list[Dropped] = []
    before: Item | None = None
    for item in world.members[place]:
        pieces, lost = apply_edits(world.source.path, item.span, edits_of(world, item, needed.get(item.key)))
        _join(world, row, pieces, blank=before is None or _parted(world, before, item))
        dropped += lost
        before = item
    return [*row, *_last_newline(world, row)], dropped


def _residue(world: World, needed: dict[str, Place]) -> tuple[Row, list[Dropped]]:
    leaves_parent = world.residue != world.origin
    row: Row = [added(world, module_header(world, world.residue), Why.HEADER)] if leaves_parent else []
    dropped: list[Dropped] = []
    declared = declared_before(world, world.source, ()) if world.residue == () else []
    position = -1 if declared else block_position(world)
    before: Item | None = None
    orphan = False
    places: dict[str, tuple[int, int]] = {}
    staying = [i for i in world.source.items if world.place(i.key) == world.residue]
    for index, item in enumerate(world.source.items):
        if index == position:
            _block(world, row)
        if world.place(item.key) != world.residue or item is world.mark:
            continue
        if item.kind is ItemKind.USE:
            following = next((i for i in staying if i.span.start > item.span.start), None)
            pieces, lost = use_pieces(world, item, blank_follows=following is None or _begins_blank(world, following))
        else:
            pieces, lost = apply_edits(world.source.path, item.span, edits_of(world, item, needed.get(item.key)))
        first = next((p for p in pieces if isinstance(p, Kept)), None)
        if not row and first is not None and _begins_blank(world, item) and item.span.start > 0:
            blank = Span(item.span.start, item.lead)
            pieces = [
                Kept(p.path, Span(blank.end, p.span.end)) if p is first and isinstance(p, Kept) else p for p in pieces
            ]
            lost = [*lost, Dropped(world.source.path, blank, Why.BLANK)]
        start = len(row)
        begins = index == position or (leaves_parent and len(row) == 1) or (orphan and item.kind is not ItemKind.USE)
        _join(world, row, pieces, blank=begins or (before is not None and _parted(world, before, item)))
        places[item.key] = (start, len(row))
        dropped += lost
        before = item
        # Comments of an import that went away must not lead the item that follows.
        orphan = (
            item.kind is ItemKind.USE and bool(pieces) and not any(isinstance(p, Added) for p in pieces) and bool(lost)
        )
    additions = mod_additions(world.source, declared, mod_lines(world, ()), world.style) if declared else []
    additions += use_additions(world, declared, _visible(world)) if declared else []
    additions = in_order(world, row, places, additions)
    if position >= len(world.source.items):
        _block(world, row)
    row = splice(world, row, world.source.path, additions)
    mark = [Kept(world.source.path, world.mark.span)] if world.mark and not leaves_parent else []
    ends = world.source.data.endswith(b"\n")
    return [*mark, *row, *(_last_newline(world, row) if ends else ())], dropped


def _block(world: World, row: Row) -> None:
    """Mod lines and re-exports, set off by blank lines; in the legacy layout imports alone."""
    mods = _mod_text(world, ()) if world.residue == () else ""
    if mods:
        _join(world, row, [added(world, ("\n" if row else "") + mods, Why.MOD)])
    lines = _visible(world) if world.residue == () else residue_imports(world)
    if lines:
        why = Why.REEXPORT if world.residue == () else Why.IMPORT
        _join(world, row, [added(world, ("\n" if row else "") + world.style.render(lines), why)])


def _visible(world: World) -> tuple[UseLine, ...]:
    """Re-exports that the compiler did not find to be dead, then private imports of what the residue uses."""
    public = []
    for line in reexports(world):
        key = ((), line_key(line))
        if key not in world.hints.dropped:
            public.append(line.allowing("unused_imports", when=key in world.hints.allowed))
    names = {line.leaf.name for line in public}
    private = [line for line in residue_imports(world) if line.leaf.name not in names]
    return (*public, *private)


def _join(world: World, row: Row, pieces: list[Piece], *, blank: bool = False) -> None:
    """Append pieces; where the row does not end a line, or a blank line is wanted, add the line ending."""
    if not pieces:
        return
    if row and not ends_line(world, row[-1]):
        row.append(Added(world.source.newline, Why.BLANK))
    first = pieces[0]
    text = first.text if isinstance(first, Added) else world.source.text(first.span)
    if blank and row and text.split(b"\n", 1)[0].strip():
        row.append(Added(world.source.newline, Why.BLANK))
    row.extend(pieces)


def _parted(world: World, before: Item, item: Item) -> bool:
    """Say whether a blank line stood between two items that become neighbours, with others between them."""
    between = world.source.items[world.order[before.key] + 1 : world.order[item.key]]
    return any(_begins_blank(world, other) for other in between)


def _last_newline(world: World, row: Row) -> Row:
    return [Added(world.source.newline, Why.BLANK)] if row and not ends_line(world, row[-1]) else []


def _begins_blank(world: World, item: Item) -> bool:
    return b"\n" in world.source.data[item.span.start : item.lead]
