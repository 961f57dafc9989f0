"""The only edits inside an item that moves: visibility, paths relative to its module, relative include paths.

Invariant: an edit replaces or inserts whole tokens and gives its reason; everything else stays verbatim, and so does
what a macro takes as text.
"""

import posixpath
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from splitter.model.change import Added, Dropped, Kept, Piece, Why
from splitter.model.source import Item, ItemKind, Span
from splitter.rewrite.members import find_member
from splitter.rewrite.places import Place, common, path_between, visible_from
from splitter.rewrite.reroot import climbed
from splitter.rewrite.world import World
from splitter.source.item_tokens import all_tokens
from splitter.source.quoting import quoted
from splitter.source.tokens import Token, TokenKind

_INCLUDES = (b"include_str", b"include_bytes", b"include")
_RELATIVE = re.compile(rb'^"(?![/\\])(.*)"$', re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the bytes of `span` (empty for an insertion) by `text`."""

    span: Span
    text: bytes
    why: Why


def edits_of(world: World, item: Item, needed_at: Place | None) -> tuple[Edit, ...]:
    """Edits for an item at its new place; `needed_at` is the module all of which has to see it, if any."""
    place = world.place(item.key)
    if place == world.origin and needed_at is None and not world.hints.opened:
        return ()
    tokens = all_tokens(world.source, item)
    edits = _opened(world, item, place)
    if needed_at is not None:
        edits += visibility_edits(world, item, needed_at)
    if place != world.origin and item.kind is not ItemKind.USE:
        moved = _rescoped(world, tokens, place, {edit.span.start for edit in edits})
        moved += _paths(world, tokens, place)
        moved += _includes(world, tokens, place)
        text = {tokens[at].start for at in quoted(tokens, world.quoting)} if moved else frozenset()
        edits += [edit for edit in moved if edit.span.start not in text]
    return tuple(sorted(set(edits)))


def apply_edits(path: str, span: Span, edits: tuple[Edit, ...]) -> tuple[list[Piece], list[Dropped]]:
    """Pieces of a span with the edits made, and what they drop."""
    pieces: list[Piece] = []
    dropped: list[Dropped] = []
    at = span.start
    for edit in edits:
        if edit.span.start > at:
            pieces.append(Kept(path, Span(at, edit.span.start)))
        if edit.text:
            pieces.append(Added(edit.text, edit.why))
        if len(edit.span):
            dropped.append(Dropped(path, edit.span, edit.why))
        at = edit.span.end
    if span.end > at:
        pieces.append(Kept(path, Span(at, span.end)))
    return pieces, dropped


def visibility_edits(world: World, item: Item, needed_at: Place) -> list[Edit]:
    """Edits that let all of `needed_at` see an item at its new place."""
    place = world.place(item.key)
    wanted = visible_from(place, needed_at)
    if not wanted or item.kind in (ItemKind.MACRO, ItemKind.IMPL, ItemKind.NOTE):
        return []
    if item.kind in (ItemKind.CALL, ItemKind.EXTERN):
        names = world.definitions.by_item.get(item.key, ())
        found = [find_member(world.source, item, name) for name in names]
        return [_insertion(at, wanted) for at in found if at is not None]
    if not item.visibility:
        return [_insertion(item.core.start, wanted)]
    if item.private:
        end = world.source.data.index(b")", item.core.start) + 1
        return [Edit(Span(item.core.start, end), wanted.encode(), Why.VISIBILITY)]
    return []


def _insertion(at: int, visibility: str) -> Edit:
    return Edit(Span(at, at), f"{visibility} ".encode(), Why.VISIBILITY)


def _opened(world: World, item: Item, place: Place) -> list[Edit]:
    """Fields and methods that the compiler found to be out of reach."""
    edits = []
    for key, member in sorted(world.hints.opened):
        at = find_member(world.source, item, member) if key == item.key else None
        if at is not None:
            edits.append(_insertion(at, visible_from(place, ()) or "pub(super)"))
    return edits


def _rescoped(world: World, tokens: list[Token], place: Place, taken: set[int]) -> list[Edit]:
    """`pub(super)`, `pub(self)` and `pub(in super::…)` keep naming the module that they named."""
    edits = []
    for at in range(len(tokens) - 3):
        if tokens[at].text != b"pub" or tokens[at + 1].text != b"(" or tokens[at].start in taken:
            continue
        close = next(i for i in range(at + 2, len(tokens)) if tokens[i].text == b")")
        path = tuple(t.text.decode() for t in tokens[at + 2 : close] if t.text not in (b"::", b"in"))
        if path[:1] == ("self",):
            target = path_between(place, common(place, world.origin))
        elif path[:1] == ("super",):
            target = climbed(world, path, place)
        else:
            continue
        text = "super" if target == ("super",) else "self" if target == ("self",) else f"in {'::'.join(target)}"
        span = Span(tokens[at + 2].start, tokens[close - 1].end)
        if world.source.text(span) != text.encode():
            edits.append(Edit(span, text.encode(), Why.VISIBILITY))
    return edits


def _paths(world: World, tokens: list[Token], place: Place) -> list[Edit]:
    """`self::` and `super::` at the start of a path, counted from the module that the item stood in."""
    edits: list[Edit] = []
    levels = _nested_modules(tokens)
    for at, token in enumerate(tokens[:-2]):
        starts = token.text in (b"self", b"super") and tokens[at + 1].text == b"::"
        if not starts or (tokens[at - 1].text in (b"::", b"(", b"in") and _in_visibility(tokens, at)):
            continue
        if at and tokens[at - 1].text == b"::":
            continue
        end = at
        while tokens[end].text == b"super" and tokens[end + 1].text == b"::" and tokens[end + 2].text == b"super":
            end += 2
        climbs = (end - at) // 2 + 1 if token.text == b"super" else 0
        if climbs < levels[at]:
            continue
        edits.append(_path_edit(world, tokens, (at, end), climbs - levels[at], levels[at], place))
    return [edit for edit in edits if world.source.text(edit.span) != edit.text]


def _path_edit(world: World, tokens: list[Token], ends: tuple[int, int], climbs: int, level: int, place: Place) -> Edit:
    start, end = ends
    following = tokens[end + 2].text.decode() if end + 2 < len(tokens) else ""
    inner = ("super",) * level
    if climbs == 0:
        homes = world.homes(following)
        home = place if place in homes else next(iter(homes), world.residue)
        path = path_between(place, home)
        path = inner + path[1:] if inner and path[0] == "self" else inner + path
        path = path or ("self",)
    else:
        path = inner + climbed(world, ("super",) * climbs, place)
    return Edit(Span(tokens[start].start, tokens[end].end), "::".join(path).encode(), Why.PATH)


def _in_visibility(tokens: list[Token], at: int) -> bool:
    return any(token.text == b"pub" for token in tokens[max(0, at - 3) : at])


def _nested_modules(tokens: list[Token]) -> list[int]:
    """How many inline modules of the item enclose each token."""
    levels: list[int] = []
    stack: list[bool] = []
    for at, token in enumerate(tokens):
        levels.append(sum(stack))
        if token.kind is TokenKind.OPEN:
            stack.append(token.text == b"{" and at >= 2 and tokens[at - 2].text == b"mod")
        elif token.kind is TokenKind.CLOSE and stack:
            stack.pop()
    return levels


def _includes(world: World, tokens: list[Token], place: Place) -> list[Edit]:
    """Relative paths of `include_str!` and its kin are read from the file that they stand in."""
    edits = []
    old = PurePosixPath(world.source.path).parent
    new = PurePosixPath(world.file(place)).parent
    for at, token in enumerate(tokens[:-3]):
        literal = tokens[at + 3]
        if token.text not in _INCLUDES or tokens[at + 1].text != b"!" or literal.kind is not TokenKind.STRING:
            continue
        found = _RELATIVE.match(literal.text)
        if found and old != new:
            path = posixpath.relpath(str(old / found.group(1).decode()), str(new))
            edits.append(Edit(Span(literal.start, literal.end), f'"{path}"'.encode(), Why.PATH))
    return edits
