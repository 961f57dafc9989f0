"""Rewrites a phase until the compiler has nothing left to say.

Invariant: works in the workbench's copy only; the copy is what it was when the attempt fails.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from splitter.model.change import Added, ChangeSet, Why
from splitter.model.evidence import Build, Diagnostic, Missing
from splitter.ports import Progress, Workbench
from splitter.rewrite.foresee import foresee, foresee_hidden
from splitter.rewrite.imports import line_key
from splitter.rewrite.move_items import move_items
from splitter.rewrite.rewrap import rewrap
from splitter.rewrite.settle import Target, settle, targets_of
from splitter.rewrite.use_text import UseLine
from splitter.rewrite.world import World

_ROUNDS = 12


@dataclass(frozen=True)
class Attempt:
    """A change set that compiles, or the errors that no repair was found for."""

    change: ChangeSet
    world: World
    errors: tuple[Diagnostic, ...] = ()
    rounds: int = 0


def attempt(world: World, bench: Workbench | None, before: tuple[Build, ...], progress: Progress) -> Attempt:
    """Rewrite a phase; without a workbench, names alone decide and nothing is compiled.

    `before` are the builds of the tree before, which tell what was unused already.
    """
    if bench is None:
        world = replace(world, hints=foresee(world))
        return Attempt(move_items(world), world)
    world = replace(world, hints=foresee_hidden(world))
    known = _known_unused(world, before)
    wrapping, compiles = _Wrapping(bench), False
    for number in range(1, _ROUNDS + 1):
        change = move_items(world)
        # Once it compiles, what is checked is what will be written: line breaks and all.
        change = wrapping.wrapped(change) if compiles else change
        files = files_of(change)
        bench.write(files)
        progress(f"checking the rewritten modules (round {number})")
        builds = bench.check()
        settled = settle(world, change, builds, known)
        if settled.errors:
            bench.write({path: change.before.get(path) for path in files})
            return Attempt(change, world, settled.errors, number)
        if settled.hints == world.hints:
            change = change if compiles else wrapping.wrapped(change)
            bench.write(files_of(change))
            return Attempt(change, world, (), number)
        world = replace(world, hints=settled.hints)
        compiles = compiles or all(build.succeeded for build in builds)
    errors = tuple(d for build in builds for d in build.diagnostics if d.level == "error")
    return Attempt(change, world, errors or (_endless(world),), _ROUNDS)


def files_of(change: ChangeSet) -> dict[str, bytes | None]:
    """Files to write; `None` for those that go away."""
    gone: dict[str, bytes | None] = {path: None for path in change.before if path not in change.files}
    return {**change.after(), **gone}


def visibility_edits(change: ChangeSet) -> int:
    """How many visibilities were added or rescoped."""
    return sum(1 for row in change.files.values() for p in row if isinstance(p, Added) and p.why is Why.VISIBILITY)


@dataclass(slots=True)
class _Wrapping:
    """Gives change sets rustfmt's line breaks, if every file was as rustfmt wants it before."""

    bench: Workbench
    tidy: dict[str, bytes] = field(default_factory=dict)

    def wrapped(self, change: ChangeSet) -> ChangeSet:
        """The change set with rustfmt's line breaks; as it is where some file was not formatted."""
        if change.before != self.tidy:
            was = self.bench.formatted(change.before)
            if isinstance(was, Missing) or was != change.before:
                return change
            self.tidy = was
        wanted = self.bench.formatted(change.after())
        return change if isinstance(wanted, Missing) else rewrap(change, wanted)


def _known_unused(world: World, before: tuple[Build, ...]) -> dict[str, set[Target]]:
    """Imports of the residue that were unused before the phase, and in which builds."""
    found: dict[str, set[Target]] = defaultdict(set)
    for build in before:
        for unused in build.unused_imports:
            if unused.path != world.source.path:
                continue
            for _, leaf in world.leaves:
                if leaf.span.start < unused.end and unused.start < leaf.span.end:
                    found[line_key(UseLine(leaf))] |= targets_of(build, unused)
    return found


def _endless(world: World) -> Diagnostic:
    message = f"imports did not settle in {_ROUNDS} rounds"
    return Diagnostic("error", "", message, world.residue_file)
