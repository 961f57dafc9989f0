"""`verify --before --after`: any split between two revisions of a repository, also one that was made by hand.

Invariant: changes nothing that the user has; where the crate cannot be built, the files alone are compared, and
the verdict says so.
"""

from dataclasses import replace

from splitter.errors import ToolError
from splitter.model.check import Level, verdict_of
from splitter.model.evidence import Missing
from splitter.model.outcome import RunResult
from splitter.ports import SILENCE, Progress, Revisions
from splitter.verify.by_hand.checks import run_on_revisions
from splitter.verify.by_hand.entries import list_entries
from splitter.verify.by_hand.relate import Relation, relate
from splitter.verify.places import parsed, unreadable, within


def verify_revisions(revisions: Revisions, *, level: Level = Level.STANDARD, progress: Progress = SILENCE) -> RunResult:
    """Compare two revisions by every check of a level.

    Raises what opening the private copy raises; that a crate does not build is no error, but leaves the verdict
    incomplete.
    """
    crates = revisions.before, revisions.after
    relation = relate(*crates, revisions.source)
    notes: tuple[str, ...] = ()
    if level > Level.SOURCE:
        relation, notes = _built(revisions, relation, level, progress)
    progress("comparing items")
    checks = run_on_revisions(level, relation, crates)
    if not relation.changed:
        both = f"{crates[0].revision} and {crates[1].revision}"
        notes = (*notes, f"nothing was split between {both}: every Rust file of the package is the same")
    elif relation.before.files.get(revisions.source) == relation.after.files.get(revisions.source):
        notes = (*notes, f"{revisions.source} is the same in both revisions: nothing of it was split")
    return RunResult(
        verdict_of(checks), (), checks, (), notes, _lines(relation.before.files), _lines(relation.after.files)
    )


def _built(
    revisions: Revisions, relation: Relation, level: Level, progress: Progress
) -> tuple[Relation, tuple[str, ...]]:
    """The relation with what builds of both revisions tell, or with the reason why they tell nothing."""
    sides = relation.before, relation.after
    try:
        before, after = revisions.gather(_gating(relation), sides, relation.scope, level, progress)
    except ToolError as error:
        gone = Missing(error.message.splitlines()[0])
        before, after = (
            replace(
                side, builds=gone, symbols=gone, mir=gone, tests=gone, unformatted=gone, libraries=gone, behaviour=gone
            )
            for side in (relation.before, relation.after)
        )
        note = f"not built, so only the files were compared: {gone.reason}"
        return replace(relation, before=before, after=after), (note, *([error.advice] if error.advice else ()))
    return Relation(before, after, relation.scope), ()


def _gating(relation: Relation) -> tuple[str, ...]:
    """Conditions under which anything that is compared exists."""
    side = relation.before
    if unreadable(side.files) is not None:
        return ()
    entries = list_entries(parsed(side.files), within(relation.scope, side)).entries
    return tuple(dict.fromkeys(cfg for entry in entries for cfg in entry.cfgs))


def _lines(files: dict[str, bytes]) -> dict[str, int]:
    return {path: data.count(b"\n") for path, data in files.items()}
