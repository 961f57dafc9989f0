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
from splitter.ports import SILENCE, Progress, Tree, Workbench
from splitter.source.parse import parse
from splitter.source.quoting import quoting_macros
from splitter.verify.checks import run_checks
from splitter.workflow.accept import without_accepted
from splitter.workflow.apply import OpenBench
from splitter.workflow.judge import evidence_of, played
from splitter.workflow.session import Session, open_session
from splitter.workflow.trail import digests_before, edited_files, edits_between


def verify_plan(
    tree: Tree,
    open_bench: OpenBench | None,
    text: str,
    path: str,
    *,
    level: Level = Level.STANDARD,
    progress: Progress = SILENCE,
) -> RunResult:
    """Check every finished phase at level source by its receipt, then the whole split at `level`.

    Raises `UsageError` where no phase is applied, `ToolError` where nothing can be built.
    """
    session = open_session(tree, text, path)
    if not session.receipts:
        message = "no phase of this plan is applied, so there is nothing to verify"
        raise UsageError(message, f"`splitter apply {path}` applies the next phase and verifies it.")
    edited = edited_files(session.receipts, tree)
    phases = tuple(_phase(session, tree, receipt, progress) for receipt in session.receipts)
    before = _original(session, tree)
    notes = tuple(f"{file}: edited since it was split, not proven" for file in edited)
    if level is Level.SOURCE or open_bench is None:
        verdict = _verdict(phases, edited)
        return RunResult(verdict, phases, phases[-1].checks, edited, notes, _lines(before), _lines(session.files))
    chain = _chain(session.receipts)
    if chain != session.receipts:
        last = session.receipts[len(session.receipts) - len(chain) - 1].phase
        notes += (f"files were edited after phase {last}: up to there the receipts alone are checked",)
    with open_bench(session.tree.parent) as bench:
        whole = _whole(session, bench, chain, tree, level, progress)
    checks = without_accepted(whole, session.plan.accepted)
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
    scope = _scope(session, (receipt,), "", tree)
    scope = replace(scope, moved=_moved(session, receipt, parse(scope.monolith, before[scope.monolith])))
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
    session: Session, bench: Workbench, chain: tuple[Receipt, ...], tree: Tree, level: Level, progress: Progress
) -> tuple[CheckResult, ...]:
    """The tree before and after some phases between which nobody edited anything, as the receipts have it."""
    after = {**session.files, **_left(chain, tree)}
    first = digests_before(chain)
    before = {path: data for path, data in session.files.items() if path not in first}
    before |= {path: tree.base(digest) for path, digest in first.items() if digest is not None}
    progress("building the tree as it stands")
    bench.prepare(cfg for path, data in before.items() for item in parse(path, data).items for cfg in item.cfgs)
    try:
        bench.write(_step(session.files, after))
        late = evidence_of(bench, after, level)
        progress(f"building the source before phase {chain[0].phase}")
        bench.write(_step(after, before))
        early = evidence_of(bench, before, level)
    finally:
        bench.write(_step({**after, **before}, session.files))
    scope = _scope(session, chain, bench.crate, tree)
    return run_checks(level, early, played(bench, early, late, scope, level), scope, None)


def _step(now: dict[str, bytes], then: dict[str, bytes]) -> dict[str, bytes | None]:
    """What has to be written to go from one state to another."""
    return {**dict.fromkeys(now), **then}


def _left(chain: tuple[Receipt, ...], tree: Tree) -> dict[str, bytes]:
    """Files as the phases left them, whatever became of them since; made again from what was kept."""
    files: dict[str, bytes] = {}
    for receipt in chain:
        before = {path: tree.base(digest) for path, digest in receipt.before.items()}
        files = {path: data for path, data in files.items() if path not in receipt.after}
        files |= ChangeSet(before, receipt.pieces, receipt.dropped).after()
    return files


def _chain(receipts: tuple[Receipt, ...]) -> tuple[Receipt, ...]:
    """The last phases between which nobody edited what a phase had written."""
    edit = next(edits_between(receipts), None)
    return receipts if edit is None else receipts[receipts.index(edit[1]) :]


def _original(session: Session, tree: Tree) -> dict[str, bytes]:
    source = session.plan.source
    return {source: tree.base(session.receipts[0].before[source])}


def _scope(session: Session, receipts: tuple[Receipt, ...], crate: str, tree: Tree) -> Scope:
    source = next((moved.old_path for moved in receipts[0].items.values()), session.plan.source)
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
        quoting=quoting_macros(tree.rust_files(tree.place(session.plan.source).package).values()),
    )


def _verdict(phases: tuple[PhaseResult, ...], edited: tuple[str, ...]) -> Verdict:
    verdicts = {phase.verdict for phase in phases}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.INCOMPLETE if edited or Verdict.INCOMPLETE in verdicts else Verdict.PASSED


def _lines(files: dict[str, bytes]) -> dict[str, int]:
    return {path: data.count(b"\n") for path, data in files.items()}
