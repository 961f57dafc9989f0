"""`undo`: takes back finished phases, the last one first.

Invariant: a file that was edited since its phase is never overwritten; what is taken back are bytes that were
kept before the phase.
"""

from splitter.errors import DirtyError, UsageError
from splitter.model.check import Verdict
from splitter.model.outcome import PhaseResult, RunResult
from splitter.model.receipt import Receipt
from splitter.ports import Progress, Tree
from splitter.workflow.session import Session, edited_files, open_session


def undo_plan(
    tree: Tree,
    text: str,
    path: str,
    *,
    phase: int | None = None,
    and_later: bool = False,
    progress: Progress = lambda _: None,
) -> RunResult:
    """Take back the last phase, or `phase` if it is the last; with `and_later` those after it as well.

    Raises `UsageError` where the choice makes no sense, `DirtyError` where that would lose edits.
    """
    session = open_session(tree, text, path)
    chosen = _choose(session, phase, and_later=and_later)
    results: list[PhaseResult] = []
    for receipt in reversed(chosen):
        session = open_session(tree, text, path)
        _require_unedited(session, tree, receipt)
        progress(f"taking back phase {receipt.phase}: {receipt.name}")
        files: dict[str, bytes | None] = {p: None for p in receipt.after if p not in receipt.before}
        files |= {p: tree.base(digest) for p, digest in receipt.before.items()}
        tree.undo(files, receipt)
        lines = {p: data.count(b"\n") for p, data in files.items() if data is not None}
        results.append(
            PhaseResult(receipt.phase, receipt.name, Verdict.PASSED, (), moved=len(receipt.items), files=lines)
        )
    return RunResult(Verdict.PASSED, tuple(results))


def _choose(session: Session, phase: int | None, *, and_later: bool) -> tuple[Receipt, ...]:
    done = session.receipts
    if not done:
        message = "no phase of this plan is applied"
        raise UsageError(message, f"`splitter status {session.path}` shows how far the split is.")
    number = done[-1].phase if phase is None else phase
    if number not in session.done:
        message = f"phase {number} is not applied"
        raise UsageError(message, f"Applied phases: {', '.join(str(receipt.phase) for receipt in done)}.")
    later = tuple(receipt for receipt in done if receipt.phase > number)
    if later and not and_later:
        message = f"phase {later[0].phase} stands on phase {number}"
        raise UsageError(message, f"Take the later ones back with it: `--phase {number} --and-later`.")
    return tuple(receipt for receipt in done if receipt.phase >= number)


def _require_unedited(session: Session, tree: Tree, receipt: Receipt) -> None:
    edited = [path for path in edited_files(session, tree) if path in receipt.after]
    if edited:
        message = f"{', '.join(edited)} changed since phase {receipt.phase} was applied; an undo would lose that"
        raise DirtyError(message, "Put the edits aside (`git stash`), undo, and bring them back by hand.")
