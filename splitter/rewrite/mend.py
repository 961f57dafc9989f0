"""What the compiler's errors say of an attempt, as hints for the next one.

Source: rustc's error index (E0603, E0616, E0624, E0451, E0364, E0365, E0425 and their kin).
Invariant: pure; errors that lead to no new hint come back as they are.
"""

import re
from dataclasses import dataclass, replace

from splitter.model.evidence import Diagnostic
from splitter.model.source import ItemKind
from splitter.rewrite.members import find_member
from splitter.rewrite.places import Place
from splitter.rewrite.world import Hints, World

_PRIVATE_MEMBER = re.compile(r"^fields? (?P<fields>.+?) of (?:struct|union) `(?P<type>[^`]+)` (?:is|are) private")
_PRIVATE_METHOD = re.compile(
    r"^(?:method|associated function|associated constant|associated type) `(?P<name>[^`]+)` is private"
)
_PRIVATE_TUPLE = re.compile(
    r"^(?:tuple struct constructor|cannot (?:initialize|match against) a tuple struct)(?: `(?P<type>[^`]+)`)?"
)
_NO_REEXPORT = re.compile(
    r"^(?:extern crate |macro )?`(?P<name>[^`]+)` is "
    r"(?:only public within the crate|private|a private import|only accessible|not accessible)"
)
_NOT_FOUND = re.compile(r"`(?P<name>[^`]+)`")
_QUOTED = re.compile(r"`([^`]+)`")
_USE_HELP = re.compile(r"^\s*(?:\d*\s*\+\s*)?use (?P<path>[\w:]+);", re.MULTILINE)
_IDENTIFIER = re.compile(r"[a-z_]\w*")
_MISSING = frozenset(
    ("E0425", "E0412", "E0433", "E0405", "E0422", "E0423", "E0531", "E0574", "E0407", "E0404", "E0408")
)


@dataclass(frozen=True, slots=True)
class Settled:
    """Hints for the next attempt (equal to the old ones when nothing is left to do), and errors beyond repair."""

    hints: Hints
    errors: tuple[Diagnostic, ...]


def mended(world: World, errors: tuple[Diagnostic, ...]) -> Settled:
    """Hints that mend some of the errors; all of them come back where none of them leads to a new hint."""
    hints = world.hints
    for mend in (_mend, _passed_over):
        for error in errors if hints == world.hints else ():
            hints = mend(world, hints, error) or hints
    return Settled(hints, () if hints != world.hints else tuple(dict.fromkeys(errors)))


def _mend(world: World, hints: Hints, error: Diagnostic) -> Hints | None:
    place = place_of_file(world, error.path)
    place = place_of_file(world, error.caller) if place is None and error.caller else place
    opened = _mend_private(world, hints, error)
    if opened is not None:
        return opened
    if error.code == "E0432":
        return _absent(world, hints, error) or _missed_elsewhere(world, hints, error)
    if error.code in {"E0364", "E0365"}:
        found = _NO_REEXPORT.match(error.message)
        name = found["name"].rsplit("::", 1)[-1] if found else error.span_text.rsplit("::", 1)[-1]
        return replace(hints, closed=hints.closed | {name.split(" as ", maxsplit=1)[0]})
    if error.code in _MISSING | {"E0603"} or error.message.startswith("cannot find"):
        if place is None:
            return _missed_elsewhere(world, hints, error)
        quoted = _NOT_FOUND.search(error.message)
        return _wanted(world, hints, place, quoted["name"] if quoted else "")
    is_method = error.code == "E0599" or "not in scope" in error.rendered
    return _trait_wanted(world, hints, place, error.rendered) if is_method else None


def _mend_private(world: World, hints: Hints, error: Diagnostic) -> Hints | None:
    """Members that are out of reach; None where the error is another one."""
    member = _PRIVATE_MEMBER.match(error.message)
    method = _PRIVATE_METHOD.match(error.message)
    if member:
        return _opened(world, hints, member["type"], tuple(_QUOTED.findall(member["fields"])))
    if method:
        return _opened_method(world, hints, method["name"])
    if error.code in {"E0603", "E0423", "E0532"} and _PRIVATE_TUPLE.match(error.message):
        name = next((n for n in _QUOTED.findall(error.message) if n in world.definitions.types), error.span_text)
        return _opened(world, hints, name.rsplit("::", 1)[-1], tuple(str(number) for number in range(12)))
    return None


def _passed_over(world: World, hints: Hints, error: Diagnostic) -> Hints | None:
    """Methods out of reach in whose place the compiler has taken others of the same name, which do not fit."""
    for name in dict.fromkeys(_IDENTIFIER.findall(error.span_text)):
        opened = _opened_method(world, hints, name)
        hints = opened if any(_declares(world, key, name) for key, _ in opened.opened - hints.opened) else hints
    return hints if hints != world.hints else None


def _declares(world: World, key: str, name: str) -> bool:
    return find_member(world.source, world.source.by_key[key], name) is not None


def _absent(world: World, hints: Hints, error: Diagnostic) -> Hints | None:
    """Names that an item macro call or an included file was taken to define, and does not."""
    names = {path.rsplit("::", 1)[-1] for path in _QUOTED.findall(error.message)} - hints.absent
    guessed = {name for name in names if world.may_be_included(name)} | {
        name
        for name in names
        for items in world.homes(name).values()
        if any(item.kind is ItemKind.CALL for item in items)
    }
    return replace(hints, absent=hints.absent | guessed) if guessed else None


def _opened(world: World, hints: Hints, type_name: str, members: tuple[str, ...]) -> Hints:
    name = type_name.rsplit("::", 1)[-1].split("<", maxsplit=1)[0]
    keys = world.definitions.types.get(name, ())
    more = {(key, member) for key in keys for member in members}
    return replace(hints, opened=hints.opened | more)


def _opened_method(world: World, hints: Hints, name: str) -> Hints:
    keys = [i.key for i in world.source.items if i.kind is ItemKind.IMPL and world.place(i.key) != ()]
    return replace(hints, opened=hints.opened | {(key, name) for key in keys})


def _missed_elsewhere(world: World, hints: Hints, error: Diagnostic) -> Hints | None:
    """Imports taken for unused that other files reach the names through: `crate::name` sees the private ones too."""
    for path in _QUOTED.findall(error.message):
        for place in dict.fromkeys((world.residue, ())):
            hints = _wanted(world, hints, place, path.rsplit("::", 1)[-1]) or hints
    return hints if hints != world.hints else None


def _wanted(world: World, hints: Hints, place: Place | None, name: str) -> Hints | None:
    if place is None:
        return None
    if name not in world.leaves_by_name and not world.homes(name):
        if name not in hints.called | hints.absent and world.calls_with(name):
            return replace(hints, called=hints.called | {name}, wanted=hints.wanted | {(place, name)})
        # Only a glob can have brought it.
        known = (*hints.dropped, *((row[0], row[1]) for row in hints.gated))
        if name == "*" or not any(pair[0] == place and pair[1].endswith(" as *") for pair in known):
            return None
        return _wanted(world, hints, place, "*")
    dropped = frozenset(pair for pair in hints.dropped if not (pair[0] == place and pair[1].endswith(f" as {name}")))
    # A condition that was put on it was the wrong one.
    wrong = tuple(row for row in hints.gated if row[0] == place and row[1].endswith(f" as {name}"))
    return replace(
        hints,
        wanted=hints.wanted | {(place, name)},
        dropped=dropped,
        gated=tuple(row for row in hints.gated if row not in wrong),
        allowed=hints.allowed | {(place, text) for _, text, _ in wrong},
    )


def _trait_wanted(world: World, hints: Hints, place: Place | None, rendered: str) -> Hints | None:
    """A trait that is needed for its methods was taken for unused; the compiler's help names it."""
    if place is None:  # another file has it through `super::*`
        tried = (_trait_wanted(world, hints, one, rendered) for one in dict.fromkeys((world.residue, ())))
        return next((made for made in tried if made is not None), None)
    for found in _USE_HELP.finditer(rendered):
        name = found["path"].rsplit("::", 1)[-1]
        for leaf_name in (name, "_"):
            better = _wanted(world, hints, place, leaf_name)
            if better is not None and better != hints:
                return better
    return None


def place_of_file(world: World, path: str) -> Place | None:
    """The place whose file stands at the path, if there is one."""
    if path == world.residue_file:
        return world.residue
    if path == world.tree.parent:
        return ()
    places = {world.file(place): place for place in (*world.members, *world.folders, *world.existing)}
    return places.get(path)
