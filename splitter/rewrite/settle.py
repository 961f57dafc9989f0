"""What the compiler says of an attempt, as hints for the next one.

Invariant: pure; an import is dropped only where it is unused in every build and nothing gated off there names it.
What cannot be mended comes back as it is.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from splitter.model.change import ChangeSet
from splitter.model.evidence import Build, Diagnostic
from splitter.model.source import ItemKind
from splitter.rewrite.exports import reexports
from splitter.rewrite.gates import any_of, as_text, gate_of
from splitter.rewrite.imports import line_key, methods_of
from splitter.rewrite.mend import Settled, mended, place_of_file
from splitter.rewrite.places import Place
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import Hints, World
from splitter.source.parse import parse
from splitter.source.uses import use_leaves

_PLAIN_GATE = re.compile(r'(?:(?:any|all)\(|feature = "[^"]*"|test|[), ])+')
_Line = tuple[Place, str]
#: A build by its configuration, and whether with tests.
Target = tuple[str, bool]


def settle(
    world: World, change: ChangeSet, builds: tuple[Build, ...], known_unused: Mapping[str, set[Target]]
) -> Settled:
    """Judge an attempt by its builds.

    `known_unused` are texts of imports of the residue with the builds in which they were unused before the phase: where
    they are unused in no others, they are left alone.
    """
    unreachable = world.hints.unreachable | _unreachable(world, change, builds)
    if unreachable != world.hints.unreachable:
        return Settled(replace(world.hints, unreachable=unreachable), ())
    errors = tuple(d for build in builds if not build.succeeded for d in build.diagnostics if d.level == "error")
    if errors:
        return mended(world, errors)
    return Settled(_pruned(world, change, builds, known_unused), ())


def targets_of(build: Build, unused: Diagnostic) -> set[Target]:
    """The builds that a message is from."""
    return {(build.configuration.name, name.endswith("(test)")) for name in unused.targets or ("lib",)}


def _unreachable(world: World, change: ChangeSet, builds: tuple[Build, ...]) -> frozenset[str]:
    """Re-exports of which a build says, by a lint that some crates ask for, that nobody outside gets at them."""
    found = [d for build in builds for d in build.diagnostics if d.code == "unreachable_pub"]
    leaves = _leaves_by_file(world, change) if found else {}
    ours = {line_key(line) for line in reexports(world)} if found else set()
    return frozenset(key for d in found for place, key in _hit(leaves, d) if place == () and key in ours)


def _pruned(
    world: World, change: ChangeSet, builds: tuple[Build, ...], known_unused: Mapping[str, set[Target]]
) -> Hints:
    flagged: dict[_Line, set[Target]] = defaultdict(set)
    compiled: set[tuple[Place, Target]] = set(world.hints.compiled)
    leaves = _leaves_by_file(world, change)
    for build in builds:
        for unused in build.unused_imports:
            targets = targets_of(build, unused)
            for place, key in _hit(leaves, unused):
                flagged[place, key] |= targets
                compiled |= {(place, target) for target in targets}
    hints = replace(world.hints, compiled=frozenset(compiled))
    for line, where in sorted(flagged.items()):
        if line[0] == world.residue and where <= known_unused.get(line[1], set()):
            continue
        hints = _prune(world, hints, line, where, {target for place, target in compiled if place == line[0]})
    return hints


def _prune(world: World, hints: Hints, line: _Line, where: set[Target], compiled: set[Target]) -> Hints:
    """`compiled` are the builds that say anything about the file, `where` those in which the import is unused.

    A build that finds nothing in a file may not have it at all. Where it does have it and needs the import, it will
    say so, and the import is `wanted` from then on.
    """
    place, key = line
    name = key.rsplit(" as ", 1)[-1]
    gated = any((p, text) == line for p, text, _ in hints.gated)
    ours = {line_key(line) for line in reexports(world)} if place == () else set()
    if key in ours and key.endswith("::* as *") and where == compiled:
        return replace(hints, dropped=hints.dropped | {line})  # nothing there is visible
    if key in ours or (place == () and _is_visible(world, key)):
        # A path that worked before goes on working, even where nothing takes it today.
        return replace(hints, allowed=hints.allowed | {line})
    gates = _gates_of_users(world, place, name)
    if (place, name) not in hints.wanted and (where == compiled or gated or _is_gated(world, name)):
        if gates and not gated and not is_open(gates, where):
            return replace(hints, gated=(*hints.gated, (place, key, gates)))
        return replace(hints, dropped=hints.dropped | {line})
    if where == {target for target in compiled if not target[1]}:
        gates = "test"
    gates = gates or _gates_of_place(world, place)
    if gates and not gated and line not in hints.allowed:
        return replace(hints, gated=(*hints.gated, (place, key, gates)))
    # A condition that has not helped was guessed wrong: it could hide the import where nothing was built.
    kept = tuple(row for row in hints.gated if row[:2] != line)
    return replace(hints, gated=kept, allowed=hints.allowed | {line})


def is_open(gate: str, builds: Collection[tuple[str, bool]]) -> bool:
    """Say whether one of the builds (configuration, test or not) surely has what stands behind a gate.

    A test build with all features has whatever asks for features and tests alone, and negates nothing.
    """
    tested = {name for name, test in builds if test}
    asked = tested & {"all features"} if "feature" in gate else tested
    return bool(asked) and _PLAIN_GATE.fullmatch(gate) is not None


def _is_visible(world: World, key: str) -> bool:
    return any(not item.private and line_key(UseLine(leaf)) == key for item, leaf in world.leaves)


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
        place = place_of_file(world, path)
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
