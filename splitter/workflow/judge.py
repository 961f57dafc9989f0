"""Evidence before and after a phase, and what the checks make of it."""

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Level
from splitter.model.evidence import Evidence, Scope
from splitter.ports import Progress, Workbench
from splitter.rewrite.world import World
from splitter.source.parse import parse
from splitter.verify.checks import run_checks
from splitter.workflow.attempt import files_of


def evidence_of(bench: Workbench | None, files: dict[str, bytes], level: Level) -> Evidence:
    """Evidence of the tree as the workbench holds it; at level source of the files alone."""
    return Evidence(dict(files)) if bench is None else bench.gather(files, level)


def files_after(before: dict[str, bytes], change: ChangeSet) -> dict[str, bytes]:
    """All files of the split once the change set is applied."""
    written = files_of(change)
    merged: dict[str, bytes | None] = {**before, **written}
    return {path: data for path, data in merged.items() if data is not None}


def scope_of(world: World, crate: str) -> Scope:
    """What the comparison of a phase is about; keys in it are those that the file has by itself."""
    plain = parse(world.source.path, world.source.data).items
    moved = {
        item.key: world.places[known.key]
        for item, known in zip(plain, world.source.items, strict=True)
        if known.key in world.places
    }
    modules = {
        "/".join(p): world.file(p) for p in {*world.members, *world.folders, *world.existing} if p != world.residue
    }
    return Scope(
        crate=crate,
        parent=world.crate_path,
        monolith=world.source.path,
        residue_file=world.residue_file,
        residue=world.residue,
        modules={path: file for path, file in sorted(modules.items()) if path},
        moved={key: "/".join(place) for key, place in moved.items()},
        quoting=world.quoting,
    )


def judge_phase(
    bench: Workbench | None, world: World, change: ChangeSet, before: Evidence, level: Level, progress: Progress
) -> tuple[CheckResult, ...]:
    """Outcomes of all checks of the level for a phase that compiles."""
    progress(f"gathering evidence at level {level.name.lower()}")
    after = evidence_of(bench, files_after(before.files, change), level)
    scope = scope_of(world, bench.crate if bench is not None else "")
    return run_checks(level, before, played(bench, before, after, scope, level), scope, change)


def played(bench: Workbench | None, before: Evidence, after: Evidence, scope: Scope, level: Level) -> Evidence:
    """Evidence of the tree after, at level full with what calls of both libraries came to."""
    return after if bench is None or level is not Level.FULL else bench.play(before, after, scope)
