"""`apply`: carves out phases one by one, each proved before the tree changes.

Invariant: a phase is written wholly or not at all, and only when its verdict allows it; the first phase that
does not pass is the last that is tried.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from splitter.errors import DirtyError, ToolError, UsageError
from splitter.model.check import CheckResult, Finding, Level, Outcome, Verdict, verdict_of
from splitter.model.evidence import Diagnostic
from splitter.model.outcome import PhaseResult, RunResult
from splitter.model.plan import Phase
from splitter.ports import SILENCE, Progress, Tree, Workbench
from splitter.rewrite.world import World
from splitter.workflow.accept import without_accepted
from splitter.workflow.attempt import Attempt, attempt, files_of, visibility_edits
from splitter.workflow.diff import unified_diff
from splitter.workflow.judge import evidence_of, judge_phase
from splitter.workflow.message import commit_message
from splitter.workflow.record import receipt_of
from splitter.workflow.session import Session, open_session, require_ready, require_sound, require_unedited
from splitter.workflow.trail import require_kept
from splitter.workflow.world import world_of

OpenBench = Callable[[str], AbstractContextManager[Workbench]]


def apply_plan(  # noqa: PLR0913 - all by name
    tree: Tree,
    open_bench: OpenBench | None,
    text: str,
    path: str,
    *,
    phases: str | int = "next",
    level: Level = Level.STANDARD,
    dry_run: bool = False,
    accept: frozenset[str] = frozenset(),
    commit: bool = False,
    progress: Progress = SILENCE,
) -> RunResult:
    """Apply `next`, `all` or one numbered phase of the plan `text`, which stands in the file `path`.

    `open_bench` opens the workbench for a source file; level source needs none. Raises the errors of
    `open_session`, `require_ready` and `require_sound`, and `ToolError` where nothing can be built.
    """
    session = open_session(tree, text, path)
    chosen = _choose(session, phases)
    require_kept(session.receipts, session.residue_file, tree, path)
    if not chosen:
        return RunResult(Verdict.PASSED, (), notes=(_nothing(session, phases),), after=_lines(session))
    if commit:
        _require_committed(tree, session)
    standing = tree.place(session.plan.source)
    require_ready(session, tree, dry_run=dry_run)
    require_sound(session, tree, standing.crates)
    first = _lines(session)
    results: list[PhaseResult] = []
    needs_bench = level is not Level.SOURCE and open_bench is not None
    context = (
        open_bench(session.tree.parent if session.receipts else session.plan.source)
        if needs_bench and open_bench
        else nullcontext(None)
    )
    with context as bench:
        for phase in chosen:
            session = open_session(tree, text, path)
            result = _apply_phase(tree, bench, session, phase, level, accept, progress, dry_run=dry_run, commit=commit)
            results.append(replace(result, checks=without_accepted(result.checks, session.plan.accepted)))
            if len(chosen) > 1:
                progress.finished(results[-1])
            if not result.applied:
                break  # a dry run previews one phase: the next starts from what this one would write
    verdict = _together(results)
    return RunResult(verdict, tuple(results), before=first, after=_lines(open_session(tree, text, path)))


def _choose(session: Session, phases: str | int) -> tuple[Phase, ...]:
    """The phases to apply, in order; a phase comes after all before it."""
    waiting = tuple(phase for phase in session.plan.phases if phase.number not in session.done)
    if phases == "all":
        return waiting
    if phases == "next":
        return waiting[:1]
    found = session.plan.phase(int(phases))
    if found is None:
        message = f"{session.path} has no phase {phases}"
        raise UsageError(message, f"Its phases are 1 to {len(session.plan.phases)}.")
    if found.number in session.done:
        return ()
    if waiting[0].number != found.number:
        message = f"phase {found.number} comes after phase {waiting[0].number}, which is not applied yet"
        raise UsageError(message, "Apply the phases in order: `--next`, or `--all`.")
    return (found,)


def _nothing(session: Session, phases: str | int) -> str:
    """Why there is nothing to apply."""
    if not session.plan.phases:
        return "the plan has no phase, so there is nothing to apply"
    every = len(session.done) == len(session.plan.phases)
    return "every phase of the plan is applied" if every else f"phase {phases} is applied already"


def _apply_phase(  # noqa: PLR0913 - one step of `apply_plan`, with all that it was told
    tree: Tree,
    bench: Workbench | None,
    session: Session,
    phase: Phase,
    level: Level,
    accept: frozenset[str],
    progress: Progress,
    *,
    dry_run: bool,
    commit: bool,
) -> PhaseResult:
    progress.stage(f"phase {phase.number} of {len(session.plan.phases)}", phase.name)
    module = bench.module if bench is not None and not session.receipts else session.module
    world = world_of(session, tree, phase, module, by_names=bench is None)
    if bench is not None:
        progress("building the tree as it is")
        bench.prepare(cfg for key in phase.keys for cfg in world.source.by_key[key].cfgs)
    before = evidence_of(bench, session.files, Level.QUICK if dry_run and level > Level.QUICK else level)
    builds = before.builds if isinstance(before.builds, tuple) else ()
    tried = attempt(world, bench, builds, progress)
    if tried.errors:
        return _refused(phase, tried, level)
    if dry_run:
        return _previewed(phase, tried)
    require_unedited(session, tree, tried.change.before)
    checks = judge_phase(bench, tried.world, tried.change, before, level, progress)
    verdict = verdict_of(checks, accept)
    result = _result(phase, tried, checks, verdict, level)
    if verdict is not Verdict.PASSED:
        if bench is not None:
            bench.write({path: tried.change.before.get(path) for path in files_of(tried.change)})
        return result
    files = files_of(tried.change)
    receipt = receipt_of(session, phase, tried, result, bench.compiler if bench is not None else "", accept)
    tree.commit(files, receipt)
    revision = _committed(tree, files, session, result) if commit else ""
    return _applied(result, revision)


def _require_committed(tree: Tree, session: Session) -> None:
    """A commit of one phase's files is whole only where those of the phases before are committed."""
    if not tree.revision:
        message = "--commit needs a git repository with a first commit; here is none"
        raise ToolError(message, "Leave out --commit, or make one: `git init`, and commit the tree as it is.")
    dirty = tree.dirty(sorted({path for receipt in session.receipts for path in receipt.after}))
    if dirty:
        message = f"{', '.join(dirty)} of a finished phase has changes that are not committed"
        raise DirtyError(message, "Commit them first: a commit of the next phase alone would not build.")


def _committed(tree: Tree, files: Iterable[str], session: Session, result: PhaseResult) -> str:
    try:
        return tree.git_commit(files, commit_message(session, result))
    except ToolError as error:
        message = f"phase {result.number} is applied, but it could not be committed: {error.message}"
        raise ToolError(message, f"Commit it by hand, or take it back: `splitter undo {session.path}`.") from error


def _refused(phase: Phase, tried: Attempt, level: Level) -> PhaseResult:
    findings = tuple(_finding(tried.world, error) for error in tried.errors)
    reason = "the rewritten modules do not compile; the tree is as it was"
    build = CheckResult("build", Outcome.FAILED, len(tried.world.places), 0, reason, findings)
    return PhaseResult(phase.number, phase.name, Verdict.FAILED, (build,), level.name.lower(), len(phase.keys))


def _finding(world: World, error: Diagnostic) -> Finding:
    item = next((key for key in world.places if key.split(":", 1)[-1] in error.message), "")
    return Finding(item, error.path, error.line, f"{error.code} {error.message}".strip())


def _previewed(phase: Phase, tried: Attempt) -> PhaseResult:
    result = _result(phase, tried, (), Verdict.PASSED, Level.SOURCE)
    written = files_of(tried.change)
    diff = unified_diff(tried.change.before, {p: d for p, d in written.items() if d is not None})
    return replace(result, diff=diff, notes=("dry run: nothing was written",))


def _result(
    phase: Phase, tried: Attempt, checks: tuple[CheckResult, ...], verdict: Verdict, level: Level
) -> PhaseResult:
    files = {path: data.count(b"\n") for path, data in tried.change.after().items()}
    by_names = "nothing was compiled: imports and visibility follow from names alone, and some may be unused"
    notes = (f"settled in {tried.rounds} rounds of cargo check" if tried.rounds else by_names,)
    return PhaseResult(
        phase.number,
        phase.name,
        verdict,
        checks,
        level.name.lower(),
        len(phase.keys),
        files,
        visibility_edits(tried.change),
        notes,
        seconds=sum(check.seconds for check in checks),
    )


def _applied(result: PhaseResult, revision: str) -> PhaseResult:
    return replace(result, applied=True, commit=revision)


def _together(results: list[PhaseResult]) -> Verdict:
    verdicts = {result.verdict for result in results}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.INCOMPLETE if Verdict.INCOMPLETE in verdicts else Verdict.PASSED


def _lines(session: Session) -> dict[str, int]:
    return {path: data.count(b"\n") for path, data in session.files.items()}
