"""Bodies that differ in nothing but their place, as a macro of another crate tells it by `file!` or `line!`.

Which macros of other crates ask for that is not known beforehand; what they bring has to be the very place. The same
goes for texts that quote code, as the panic of `assert!` does: a path in them begins elsewhere, and leads to the same.
Invariant: every constant is compared; a text may only be the item's own file or module path, before and after, or the
same code, and a number only a line of the item that moved as far as the item did.
"""

import re
from dataclasses import dataclass

from splitter.model.evidence import Scope
from splitter.model.source import Item, SourceFile
from splitter.verify.canonical import Place, canonical_text
from splitter.verify.mir_text import Body
from splitter.verify.places import module_of

_CONSTANT = re.compile(r'(\bconst (?:"(?:[^"\\]|\\.)*"|\d+_u32)(?!\w))')
_PATH = re.compile(r"\b(?:self|super)::")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an item stands: its place in the split, its module with the crate, its first and its last line."""

    place: Place
    module: str
    first: int
    last: int


def spot_of(source: SourceFile, item: Item, scope: Scope) -> Spot:
    """The place of an item as macros tell it."""
    place = Place(scope, source.path, module_of(scope, source.path))
    module = "::".join((scope.crate, *place.module))
    first, last = (source.data.count(b"\n", 0, at) + 1 for at in (item.core.start, item.core.end))
    return Spot(place, module, first, last)


def differ_by_place(was: Body, now: Body, old: Spot, new: Spot) -> bool:
    """Say whether two bodies tell the places of their items, and are the same but for that."""
    rows = _CONSTANT.split(was.code), _CONSTANT.split(now.code)
    if len(rows[0]) != len(rows[1]) or rows[0][::2] != rows[1][::2]:
        return False
    pairs = zip(rows[0][1::2], rows[1][1::2], strict=True)
    texts = [text[1:-1] for text in was.constants], [text[1:-1] for text in now.constants]
    return (
        all(a == b or _told(a.removeprefix("const "), b.removeprefix("const "), old, new) for a, b in pairs)
        and all(a in texts[1] or any(_told(a, b, old, new) for b in texts[1]) for a in texts[0])
        and all(b in texts[0] or any(_told(a, b, old, new) for a in texts[0]) for b in texts[1])
    )


def _told(was: str, now: str, old: Spot, new: Spot) -> bool:
    """Say whether one constant is the place before, and the other in the same way the place after."""
    if was.startswith('"') and now.startswith('"'):
        same_module = (was, now) == (f'"{old.module}"', f'"{new.module}"')
        return same_module or _are_files(was[1:-1], now[1:-1], old, new) or _are_code(was[1:-1], now[1:-1], old, new)
    if not (was.endswith("_u32") and now.endswith("_u32")):
        return False
    lines = int(was.removesuffix("_u32")), int(now.removesuffix("_u32"))
    return old.first <= lines[0] <= old.last and lines[1] - new.first == lines[0] - old.first


def _are_files(was: str, now: str, old: Spot, new: Spot) -> bool:
    """Paths are told from the root of the workspace, which may lie below the root of the tree."""
    files = old.place.file, new.place.file
    if not (files[0].endswith(was) and files[1].endswith(now)):
        return False
    above = files[0].removesuffix(was)
    return above == files[1].removesuffix(now) and (not above or above.endswith("/"))


def _are_code(was: str, now: str, old: Spot, new: Spot) -> bool:
    """Say whether two texts quote the same code, of which nothing but the beginnings of paths is written otherwise."""
    if not _PATH.search(was) or "pub" in was or was.count(",") != now.count(","):
        return False
    return canonical_text(was, old.place) == canonical_text(now, new.place)
