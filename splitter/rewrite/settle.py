"""What the compiler says of an attempt, as hints for the next one.

Source: rustc's error index (E0603, E0616, E0624, E0451, E0364, E0365, E0425 and their kin).
Invariant: pure; an import is dropped only where it is unused in every build and nothing gated off there names it.
What cannot be mended comes back as it is.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from splitter.model.change import ChangeSet
from splitter.model.evidence import Build, Diagnostic
from splitter.model.source import ItemKind
from splitter.rewrite.exports import reexports
from splitter.rewrite.gates import any_of, as_text, gate_of
from splitter.rewrite.imports import line_key, methods_of
from splitter.rewrite.places import Place
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import Hints, World
from splitter.source.parse import parse
from splitter.source.uses import use_leaves

_PRIVATE_MEMBER = re.compile(r"^fields? (?P<fields>.+?) of (?:struct|union) `(?P<type>[^`]+)` (?:is|are) private")
_PRIVATE_METHOD = re.compile(
    r"^(?:method|associated function|associated constant|associated type) `(?P<name>[^`]+)` is private"
)
_PRIVATE_TUPLE = re.compile(
    r"^(?:tuple struct constructor|cannot (?:initialize|match against) a tuple struct)(?: `(?P<type>[^`]+)`)?"
)
_NO_REEXPORT = re.compile(
    r"^(?:extern crate |macro )?`(?P<name>[^`]+)` is (?:only public within the crate|private|a private import|only accessible|not accessible)"
)
_NOT_FOUND = re.compile(r"`(?P<name>[^`]+)`")
_QUOTED = re.compile(r"`([^`]+)`")
_USE_HELP = re.compile(r"^\s*(?:\d*\s*\+\s*)?use (?P<path>[\w:]+);", re.MULTILINE)
_MISSING = frozenset(
    ("E0425", "E0412", "E0433", "E0405", "E0422", "E0423", "E0531", "E0574", "E0407", "E0404", "E0408")
)


_Line = tuple[Place, str]
_Target = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Settled:
    """Hints for the next attempt (equal to the old ones when nothing is left to do), and errors beyond repair."""

    hints: Hints
    errors: tuple[Diagnostic, ...]


def settle(world: World, change: ChangeSet, builds: tuple[Build, ...], known_unused: frozenset[str]) -> Settled:
    """Judge an attempt by its builds.

    `known_unused` are texts of imports of the residue that were unused before the phase: they are left alone.
    """
    errors = tuple(d for build in builds if not build.succeeded for d in build.diagnostics if d.level == "error")
    if errors:
        return _mended(world, errors)
    return Settled(_pruned(world, change, builds, known_unused), ())


def _mended(world: World, errors: tuple[Diagnostic, ...]) -> Settled:
    """Hints that mend some of the errors; all of them come back where none of them leads to a new hint."""
    hints = world.hints
    for error in errors:
        hints = _mend(world, hints, error) or hints
    return Settled(hints, () if hints != world.hints else tuple(dict.fromkeys(errors)))


def _mend(world: World, hints: Hints, error: Diagnostic) -> Hints | None:
    place = _place_of(world, error.path)
    member = _PRIVATE_MEMBER.match(error.message)
    method = _PRIVATE_METHOD.match(error.message)
    if member:
        return _opened(world, hints, member["type"], tuple(_QUOTED.findall(member["fields"])))
    if method:
        return _opened_method(world, hints, method["name"])
    if error.code in ("E0603", "E0423", "E0532") and _PRIVATE_TUPLE.match(error.message):
        name = next((n for n in _QUOTED.findall(error.message) if n in world.definitions.types), error.span_text)
        return _opened(world, hints, name.rsplit("::", 1)[-1], tuple(str(number) for number in range(12)))
    if error.code == "E0432":
        return _absent(world, hints, error)
    if error.code in ("E0364", "E0365"):
        found = _NO_REEXPORT.match(error.message)
        name = found["name"].rsplit("::", 1)[-1] if found else error.span_text.rsplit("::", 1)[-1]
        return replace(hints, closed=hints.closed | {name.split(" as ")[0]})
    if error.code in _MISSING or error.message.startswith("cannot find"):
        quoted = _NOT_FOUND.search(error.message)
        return _wanted(world, hints, place, quoted["name"] if quoted else "")
    if error.code == "E0599" or "not in scope" in error.rendered:
        return _trait_wanted(world, hints, place, error.rendered)
    return None


def _absent(world: World, hints: Hints, error: Diagnostic) -> Hints | None:
    """Names that an item macro call was taken to define, and does not."""
    names = {path.rsplit("::", 1)[-1] for path in _QUOTED.findall(error.message)}
    guessed = {
        name
        for name in names - hints.absent
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


def _wanted(world: World, hints: Hints, place: Place | None, name: str) -> Hints | None:
    if place is None:
        return None
    if name not in world.leaves_by_name and not world.homes(name):
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
    for found in _USE_HELP.finditer(rendered):
        name = found["path"].rsplit("::", 1)[-1]
        for leaf_name in (name, "_"):
            better = _wanted(world, hints, place, leaf_name)
            if better is not None and better != hints:
                return better
    return None


def _pruned(world: World, change: ChangeSet, builds: tuple[Build, ...], known_unused: frozenset[str]) -> Hints:
    flagged: dict[_Line, set[_Target]] = defaultdict(set)
    compiled: set[tuple[Place, _Target]] = set(world.hints.compiled)
    leaves = _leaves_by_file(world, change)
    for build in builds:
        for unused in build.unused_imports:
            for place, key in _hit(leaves, unused):
                targets = {(build.configuration.name, name.endswith("(test)")) for name in unused.targets or ("lib",)}
                flagged[place, key] |= targets
                compiled |= {(place, target) for target in targets}
    hints = replace(world.hints, compiled=frozenset(compiled))
    for line, where in sorted(flagged.items()):
        if line[0] == world.residue and line[1] in known_unused:
            continue
        hints = _prune(world, hints, line, where, {target for place, target in compiled if place == line[0]})
    return hints


def _prune(world: World, hints: Hints, line: _Line, where: set[_Target], compiled: set[_Target]) -> Hints:
    """`compiled` are the builds that say anything about the file, `where` those in which the import is unused.

    A build that finds nothing in a file may not have it at all. Where it does have it and needs the import, it will
    say so, and the import is `wanted` from then on.
    """
    place, key = line
    name = key.rsplit(" as ", 1)[-1]
    gated = any((p, text) == line for p, text, _ in hints.gated)
    if place == () and (name in {line.leaf.name for line in reexports(world)} or _is_visible(world, key)):
        # A path that worked before goes on working, even where nothing takes it today.
        return replace(hints, allowed=hints.allowed | {line})
    gates = _gates_of_users(world, place, name)
    if (place, name) not in hints.wanted and (where == compiled or gated or _is_gated(world, name)):
        if gates and not gated:
            return replace(hints, gated=(*hints.gated, (place, key, gates)))
        return replace(hints, dropped=hints.dropped | {line})
    if gated or line in hints.allowed:
        return replace(hints, allowed=hints.allowed | {line})
    if where == {target for target in compiled if not target[1]}:
        return replace(hints, gated=(*hints.gated, (place, key, "test")))
    gates = gates or _gates_of_place(world, place)
    if gates:
        return replace(hints, gated=(*hints.gated, (place, key, gates)))
    return replace(hints, allowed=hints.allowed | {line})


def _is_visible(world: World, key: str) -> bool:
    return any(item.visibility and line_key(UseLine(leaf)) == key for item, leaf in world.leaves)


def _is_gated(world: World, name: str) -> bool:
    """Say whether every import of the name is declared under a condition: then it is not in every build."""
    found = world.leaves_by_name.get(name, ())
    return bool(found) and all(item.cfgs for item, _ in found)


def _gates_of_users(world: World, place: Place, name: str) -> str:
    """The conditions under which code at a place names something (a trait: by its methods), locals aside."""
    methods = methods_of(world, name)
    gates = set()
    for item in world.members[place]:
        gate = gate_of(item.cfgs) or ("test" if item.test_only else "")
        names = world.names[item.key]
        if gate and (name in names.certain or methods & names.members):
            gates.add(gate)
    return as_text(any_of(gates)) if gates else ""


def _gates_of_place(world: World, place: Place) -> str:
    """The conditions under which there is more code at a place than elsewhere."""
    gates = {gate_of(item.cfgs) for item in world.members[place] if item.cfgs}
    positive = {gate for gate in gates if not gate.startswith("not(")}
    return as_text(any_of(positive)) if positive else ""


def _leaves_by_file(world: World, change: ChangeSet) -> dict[str, list[tuple[int, int, Place, str]]]:
    found: dict[str, list[tuple[int, int, Place, str]]] = {}
    for path in change.files:
        place = _place_of(world, path)
        if place is None:
            continue
        file = parse(path, change.render(path))
        found[path] = [
            (leaf.span.start, leaf.span.end, place, line_key(UseLine(leaf)))
            for item in file.items
            if item.kind is ItemKind.USE
            for leaf in use_leaves(file, item)
        ]
    return found


def _hit(leaves: dict[str, list[tuple[int, int, Place, str]]], unused: Diagnostic) -> Iterable[tuple[Place, str]]:
    rows = leaves.get(unused.path, [])
    return [(place, key) for start, end, place, key in rows if start < unused.end and unused.start < end]


def _place_of(world: World, path: str) -> Place | None:
    if path == world.residue_file:
        return world.residue
    if path == world.tree.parent:
        return ()
    places = {world.file(place): place for place in (*world.members, *world.folders, *world.existing)}
    return places.get(path)
