"""How far an item can be seen: what was private may be opened as far as the split needs, what was open stays open.

Source: The Rust Reference, "Visibility and privacy".
Invariant: what other crates can reach is told from the whole surface, not from the word `pub` alone.
"""

from collections.abc import Iterator

from splitter.model.check import Finding
from splitter.model.source import ItemKind
from splitter.verify.by_hand.entries import Entry
from splitter.verify.by_hand.surface import Surface
from splitter.verify.places import in_monolith
from splitter.verify.surface import Reach, members, reach_of

_SILENT = (ItemKind.IMPL, ItemKind.MACRO, ItemKind.CALL, ItemKind.EXTERN, ItemKind.OPAQUE, ItemKind.EXTERN_CRATE)
_WITH_FIELDS = (ItemKind.STRUCT, ItemKind.UNION)


def compare_visibility(old: Entry, new: Entry, surfaces: tuple[Surface, Surface]) -> Iterator[Finding | str]:
    """Findings, and lawful differences as texts."""
    if old.item.kind in _SILENT:
        return
    was, now = (_is_shown(entry, surface) for entry, surface in zip((old, new), surfaces, strict=True))
    words = old.item.visibility or "private", new.item.visibility or "private"
    if now and not was:
        yield _finding(new, f"other crates can reach it now; it was {words[0]}")
    elif was and not now:
        yield _finding(new, f"other crates cannot reach it any more; it is {words[1]}")
    elif words[0] != words[1] and _is_narrower(old, new):
        yield _finding(new, f"visibility is narrower: was {words[0]}, is {words[1]}")
    elif words[0] != words[1]:
        yield f"{new.key}: visibility was {words[0]}, is {words[1]}"
    if old.item.kind in _WITH_FIELDS:
        yield from _fields(old, new, shown=now)


def _is_shown(entry: Entry, surface: Surface) -> bool:
    """Say whether other crates can reach an item; a method where it is `pub` and its type can be reached."""
    if entry.of:
        types = {way.target.rsplit(" ", 1)[-1].rsplit("::", 1)[-1] for ways in surface.paths.values() for way in ways}
        return entry.item.visibility == "pub" and entry.of in types
    return (entry.path, entry.item.line) in surface.shown


def _is_narrower(old: Entry, new: Entry) -> bool:
    """Say whether something that was opened on purpose can be seen less far."""
    if not old.item.visibility:
        return False
    was, now = (_reach(entry) for entry in (old, new))
    return len(now) > len(was) and now[: len(was)] == was


def _reach(entry: Entry) -> tuple[str, ...]:
    reach = reach_of(entry.item.visibility, entry.module)
    return in_monolith(entry.scope, reach, is_module=True) if reach else ()


def _fields(old: Entry, new: Entry, *, shown: bool) -> Iterator[Finding | str]:
    was: dict[tuple[str, int], Reach] = members(old.source, old.item, old.module)
    now = members(new.source, new.item, new.module)
    opened = []
    for name, number in dict.fromkeys((*was, *now)):
        key = name, number
        shown_name = name.split(" ")[0]
        before, after = key in was and was[key] is None, key in now and now[key] is None
        if before and not after:
            yield _finding(new, f"field `{shown_name}` was pub, is so no more")
        elif after and not before and shown:
            yield _finding(new, f"field `{shown_name}` is pub now, for other crates too")
        elif (key in was) != (key in now) or before != after:
            opened.append(shown_name)
    if opened:
        yield f"{new.key}: visibility of {', '.join(f'`{name}`' for name in opened)} changed inside the crate"


def _finding(entry: Entry, message: str) -> Finding:
    return Finding(entry.key, entry.path, entry.item.line, message)
