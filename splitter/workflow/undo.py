"""`undo`: takes back finished phases, the last one first.

Invariant: an edit is never lost: neither one of a file as it stands, nor one that was made between two phases;
all phases are taken back, or none. Needs the receipts alone: the files need not be Rust any more.
"""

from splitter.errors import DirtyError, UsageError
from splitter.model.check import Verdict
from splitter.model.outcome import PhaseResult, RunResult
from splitter.model.receipt import Receipt
from splitter.planfile import load
from splitter.ports import SILENCE, Progress, Tree
from splitter.workflow.trail import digest_of, digests_before, edits_between


def undo_plan(
    tree: Tree,
    text: str,
    path: str,
    *,
    phase: int | None = None,
    and_later: bool = False,
    progress: Progress = SILENCE,
) -> RunResult:
    """Take back the last phase, or `phase` if it is the last; with `and_later` those after it as well.

    A file that stands as before these phases already (after a `git checkout`, say) is left alone. Raises
    `UsageError` where the choice makes no sense, `DirtyError` where that would lose edits.
    """
    chosen = _choose(tree.receipts(load(text, path).source), path, phase, and_later=and_later)
    _require_unedited(tree, chosen)
    for receipt in reversed(chosen):
        progress(f"taking back phase {receipt.phase}: {receipt.name}")
    files = {p: None if digest is None else tree.base(digest) for p, digest in digests_before(chosen).items()}
    tree.undo(files, chosen)
    return RunResult(Verdict.PASSED, tuple(_result(tree, receipt) for receipt in reversed(chosen)))


def _choose(done: tuple[Receipt, ...], path: str, phase: int | None, *, and_later: bool) -> tuple[Receipt, ...]:
    if not done:
        message = "no phase of this plan is applied"
        raise UsageError(message, f"`splitter status {path}` shows how far the split is.")
    number = done[-1].phase if phase is None else phase
    if not any(receipt.phase == number for receipt in done):
        message = f"phase {number} is not applied"
        raise UsageError(message, f"Applied phases: {', '.join(str(receipt.phase) for receipt in done)}.")
    later = tuple(receipt for receipt in done if receipt.phase > number)
    if later and not and_later:
        message = f"phase {later[0].phase} stands on phase {number}"
        raise UsageError(message, f"Take the later ones back with it: `--phase {number} --and-later`.")
    return tuple(receipt for receipt in done if receipt.phase >= number)


def _require_unedited(tree: Tree, chosen: tuple[Receipt, ...]) -> None:
    for path, receipt in edits_between(chosen):
        message = f"{path} was edited before phase {receipt.phase} was applied; an undo further back would lose that"
        raise DirtyError(message, f"Take back phase {receipt.phase} and what follows it, and put the edit aside first.")
    left = {path: digest for receipt in chosen for path, digest in receipt.after.items()}
    first = digests_before(chosen)
    edited = [path for path in sorted(left) if digest_of(tree, path) not in (left[path], first[path])]
    if edited:
        message = f"{', '.join(edited)} changed since phase {chosen[-1].phase} was applied; an undo would lose that"
        raise DirtyError(message, "Put the edits aside (`git stash`), undo, and bring them back by hand.")


def _result(tree: Tree, receipt: Receipt) -> PhaseResult:
    """A phase that was taken back, with the files that it had changed as they stand now."""
    lines = {path: tree.read(path).count(b"\n") for path in receipt.before if tree.exists(path)}
    return PhaseResult(receipt.phase, receipt.name, Verdict.PASSED, (), moved=len(receipt.items), files=lines)
