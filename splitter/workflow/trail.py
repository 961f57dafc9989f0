"""What the receipts of a split say of the files as they stand: which were edited, which are gone or gone back.

Invariant: reads only; a file is known by its digest alone.
"""

import hashlib
from collections.abc import Iterator

from splitter.errors import DirtyError, PlanError, Problem
from splitter.model.plan import Plan
from splitter.model.receipt import Receipt
from splitter.ports import Tree
from splitter.rewrite.places import Place, place_of


def digest_of(user: Tree, path: str) -> str | None:
    """SHA-256 of a file as it stands; none where there is no file."""
    return hashlib.sha256(user.read(path)).hexdigest() if user.exists(path) else None


def edited_files(receipts: tuple[Receipt, ...], user: Tree) -> tuple[str, ...]:
    """Files of finished phases that are no longer what the last receipt that names them says."""
    known: dict[str, str | None] = {}
    for receipt in receipts:
        known.update(receipt.after)
    return tuple(path for path, digest in sorted(known.items()) if digest_of(user, path) != digest)


def digests_before(receipts: tuple[Receipt, ...]) -> dict[str, str | None]:
    """Every file that the phases touched, with its digest before the first of them; none for one that was not there."""
    found: dict[str, str | None] = {}
    for receipt in reversed(receipts):
        found |= dict.fromkeys(receipt.after)
        found |= receipt.before
    return found


def edits_between(receipts: tuple[Receipt, ...]) -> Iterator[tuple[str, Receipt]]:
    """Files that were edited between two phases, each with the phase that found it edited; the last phase first."""
    for number in range(len(receipts) - 1, 0, -1):
        known: dict[str, str | None] = {}
        for receipt in receipts[:number]:
            known.update(receipt.after)
        for path, digest in receipts[number].before.items():
            if path in known and known[path] != digest:
                yield path, receipts[number]


def require_kept(receipts: tuple[Receipt, ...], residue: str, user: Tree, path: str) -> None:
    """Raise `DirtyError` where files of finished phases are gone, or the residue is what it was before one."""
    for at, receipt in enumerate(receipts):
        back = f"Bring it back from git; or take the rest back too: `splitter undo {path} --phase {receipt.phase}"
        back += "`." if receipt is receipts[-1] else " --and-later`."
        gone = [name for name, digest in receipt.after.items() if digest and not user.exists(name)]
        gone = [name for name in gone if all(later.after.get(name, "") is not None for later in receipts[at:])]
        if gone:
            message = f"{', '.join(gone)} is gone, though phase {receipt.phase} is applied"
            raise DirtyError(message, back)
        now = digest_of(user, residue)
        if now == receipt.before.get(residue) and now != receipts[-1].after.get(residue):
            message = f"{residue} is what it was before phase {receipt.phase}, though that phase is applied"
            raise DirtyError(message, back)


def require_layout(receipts: tuple[Receipt, ...], residue: str, path: str) -> None:
    """Raise `PlanError` where finished phases left the residue in another file than the plan's layout has it."""
    if receipts and not any(receipt.after.get(residue) for receipt in receipts):
        message = f"phase {receipts[0].phase} was applied with another layout"
        raise PlanError((Problem(path, 1, message, "put the layout back, or undo the phases first"),))


def find_misfits(
    plan: Plan, receipts: tuple[Receipt, ...], path: str, files: dict[Place, str], residue: frozenset[str]
) -> tuple[Problem, ...]:
    """What was changed in a plan that its finished phases do not allow.

    `files` is where modules stand, `residue` has the keys of what stands in the source still.
    """
    made = {name for receipt in receipts for name, digest in receipt.after.items() if digest}
    problems: list[Problem] = []
    for receipt in receipts:
        phase = plan.phase(receipt.phase)
        if phase is None:
            message = f"phase {receipt.phase} `{receipt.name}` is applied, but the plan has no such phase"
            problems.append(Problem(path, 1, message, "put it back, or undo it first"))
            continue
        for module in phase.modules:
            if files.get(place_of(module.path)) not in made:
                message = f"module `{module.path}` is new in phase {phase.number}, which is applied already"
                problems.append(Problem(path, 1, message, "put it into a later phase, or undo this one first"))
                continue
            late = [key for key in module.items if key in residue and key not in receipt.items]
            if late:
                told = ", ".join(f"`{key}`" for key in late)
                message = f"{told} came into phase {phase.number} after it was applied"
                problems.append(Problem(path, 1, message, "put it into a later phase, or undo this one first"))
    return tuple(problems)
