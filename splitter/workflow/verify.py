"""`verify`: the tree as it stands against the source before phase 1, and each finished phase by its receipt.

Invariant: changes nothing; what people edited since is named as edited, not proven, and never blamed on the split.
"""

from dataclasses import replace

from splitter.errors import UsageError
from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Level, Verdict, verdict_of
from splitter.model.evidence import Evidence, Scope
from splitter.model.outcome import PhaseResult, RunResult
from splitter.model.receipt import Receipt
from splitter.model.source import SourceFile
from splitter.ports import Progress, Tree, Workbench
from splitter.source.parse import parse
from splitter.verify.checks import run_checks
from splitter.workflow.apply import OpenBench
from splitter.workflow.judge import evidence_of
from splitter.workflow.session import Session, edited_files, open_session


def verify_plan(
    tree: Tree,
    open_bench: OpenBench | None,
    text: str,
    path: str,
    *,
    level: Level = Level.STANDARD,
    progress: Progress = lambda _: None,
) -> RunResult:
    """Check every finished phase at level source by its receipt, then the whole split at `level`.

    Raises `UsageError` where no phase is applied, `ToolError` where nothing can be built.
    """
    session = open_session(tree, text, path)
    if not session.receipts:
        message = "no phase of this plan is applied, so there is nothing to verify"
        raise UsageError(message, f"`splitter apply {path}` applies the next phase and verifies it.")
    edited = edited_files(session, tree)
    phases = tuple(_phase(session, tree, receipt, progress) for receipt in session.receipts)
    before = _original(session, tree)
    notes = tuple(f"{file}: edited since it was split, not proven" for file in edited)
    if level is Level.SOURCE or open_bench is None:
        verdict = _verdict(phases, edited)
        return RunResult(verdict, phases, phases[-1].checks, edited, notes, _lines(before), _lines(session.files))
    with open_bench(session.tree.parent) as bench:
        checks = _whole(session, bench, before, level, progress)
    verdict = verdict_of(checks)
    if verdict is Verdict.PASSED:
        verdict = _verdict(phases, edited)
    return RunResult(verdict, phases, checks, edited, notes, _lines(before), _lines(session.files))


def _phase(session: Session, tree: Tree, receipt: Receipt, progress: Progress) -> PhaseResult:
    """A finished phase, its change set made again from what was kept before it."""
    progress(f"phase {receipt.phase}: {receipt.name}")
    before = {path: tree.base(digest) for path, digest in receipt.before.items()}
    change = ChangeSet(before, receipt.pieces, receipt.dropped)
    after = change.after()
    source = next(iter({moved.old_path for moved in receipt.items.values()}), session.plan.source)
    scope = replace(_scope(session, receipt, source, ""), moved=_moved(session, receipt, parse(source, before[source])))
    checks = run_checks(Level.SOURCE, Evidence(before), Evidence(after), scope, change)
    files = {path: data.count(b"\n") for path, data in after.items()}
    return PhaseResult(
        receipt.phase, receipt.name, verdict_of(checks), checks, "source", len(receipt.items), files, applied=True
    )


def _moved(session: Session, receipt: Receipt, source: SourceFile) -> dict[str, str]:
    """Modules by the keys that the file before the phase gives its items; the receipt's keys are the plan's."""
    starts = {item.span.start: item.key for item in source.items}
    by_file = {file.path: "/".join(place) for place, file in session.existing.items()}
    rows = [m for m in receipt.items.values() if m.new_path in by_file and m.old_span.start in starts]
    return {starts[moved.old_span.start]: by_file[moved.new_path] for moved in rows}


def _whole(
    session: Session, bench: Workbench, before: dict[str, bytes], level: Level, progress: Progress
) -> tuple[CheckResult, ...]:
    progress("building the tree as it stands")
    bench.prepare(())
    after = evidence_of(bench, session.files, level)
    gone: dict[str, bytes | None] = {path: None for path in session.files if path not in before}
    progress("building the source before phase 1")
    bench.write({**gone, **before})
    try:
        first = evidence_of(bench, before, level)
    finally:
        back: dict[str, bytes | None] = {path: None for path in before if path not in session.files}
        bench.write({**back, **session.files})
    scope = _scope(session, None, session.plan.source, bench.crate)
    return run_checks(level, first, after, scope, None)


def _original(session: Session, tree: Tree) -> dict[str, bytes]:
    source = session.plan.source
    return {source: tree.base(session.receipts[0].before[source])}


def _scope(session: Session, receipt: Receipt | None, source: str, crate: str) -> Scope:
    receipts = (receipt,) if receipt else session.receipts
    modules = {"/".join(place): file.path for place, file in session.existing.items()}
    by_file = {file: path for path, file in modules.items()}
    moved = {key: by_file[m.new_path] for r in receipts for key, m in r.items.items() if m.new_path in by_file}
    return Scope(
        crate=crate,
        parent=session.module,
        monolith=source,
        residue_file=session.residue_file,
        residue=session.residue,
        modules=modules,
        moved=moved,
    )


def _verdict(phases: tuple[PhaseResult, ...], edited: tuple[str, ...]) -> Verdict:
    verdicts = {phase.verdict for phase in phases}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.INCOMPLETE if edited or Verdict.INCOMPLETE in verdicts else Verdict.PASSED


def _lines(files: dict[str, bytes]) -> dict[str, int]:
    return {path: data.count(b"\n") for path, data in files.items()}
