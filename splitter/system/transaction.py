"""Writes many files as one: all of them, or none, whatever happens in between.

New bytes are staged beside their targets and old ones kept there, all on disk, before the first file is
swapped; a journal tells what is going on. So swapping takes no space, and a run that was killed can be
finished (`recover`).
Source: Gray and Reuter, "Transaction Processing", write-ahead logging with redo and undo.
Invariant: between two states of a journal nothing can be lost; whatever is written is written under the
tree's lock, so that nobody recovers what another process is in the middle of.
"""

import errno
import os
from enum import StrEnum
from pathlib import Path

from splitter.errors import DiskError, SplitterError
from splitter.system.changes import FileChange, begin
from splitter.system.journal import (
    Journal,
    State,
    enter_state,
    find_journal,
    has_journal,
    remove_journal,
    write_journal,
)
from splitter.system.lock import join_lock
from splitter.system.swap import may_finish, prepare, swap_in, sweep, take_back
from splitter.system.writes import Announce, Writes

__all__ = ["FileChange", "Recovery", "commit", "recover"]

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Recovery(StrEnum):
    """What became of a run that was cut short."""

    NOTHING = "there was none"
    OLD = "the tree is as it was before it"
    NEW = "the tree is as it was to be after it"


def commit(root: Path, changes: tuple[FileChange, ...], announce: Announce = lambda _: None) -> None:
    """Make all the changes, or none.

    `announce` hears of every write before it happens. Raises `DirtyError` where a file is not what a change
    says that it is, `DiskError` where reading or writing fails, `LockedError` where another run is going on;
    the tree is then as it was.
    """
    root = root.resolve()
    with join_lock(root, "write files"):
        recover(root, announce)
        _commit(root, changes, announce)


def recover(root: Path, announce: Announce = lambda _: None) -> Recovery:
    """Finish, or take back, what a run that was cut short has left.

    A file that was edited since decides which of the two it is. Raises `DirtyError` where edits contradict
    one another, and leaves them alone; `DiskError` where the disk fails; `LockedError` where that run is not
    cut short at all, but going on. Needs no lock, and writes nothing, where nothing is left.
    """
    root = root.resolve()
    if not has_journal(root):
        return Recovery.NOTHING
    with join_lock(root, "finish an earlier run"):
        return _recover(root, Writes(announce))


def _commit(root: Path, changes: tuple[FileChange, ...], announce: Announce) -> None:
    try:
        journal, changed = begin(root, changes)
    except OSError as error:
        raise _disk_error(error) from error
    if not journal.entries:
        return
    writes = Writes(announce)
    try:
        write_journal(journal, writes)
        prepare(journal, changed, writes)
        enter_state(journal, State.PREPARED, State.COMMITTING, writes)
        swap_in(journal, writes)
        enter_state(journal, State.COMMITTING, State.DONE, writes)
    except BaseException as error:
        if _back_out(journal, writes, error) is Recovery.OLD:
            if isinstance(error, OSError):
                raise _disk_error(error) from error
            raise
        if not isinstance(error, OSError):
            raise
    else:
        _sweep_or_leave(journal, writes)


def _recover(root: Path, writes: Writes) -> Recovery:
    try:
        found = find_journal(root)
        if found is None:
            remove_journal(root, writes)
            return Recovery.NOTHING
        journal, state = found
        if state is State.COMMITTING and may_finish(journal):
            swap_in(journal, writes)
            enter_state(journal, State.COMMITTING, State.DONE, writes)
            state = State.DONE
        elif state is State.COMMITTING:
            enter_state(journal, State.COMMITTING, State.UNDOING, writes)
            state = State.UNDOING
        return _settle(journal, state, writes)
    except OSError as error:
        message = f"an earlier run was cut short, and it cannot be finished yet: {_reason(error)}"
        raise DiskError(message, "Run the command again once the disk works.") from error


def _back_out(journal: Journal, writes: Writes, cause: BaseException) -> Recovery:
    """Put everything back in a run that lives, unless all is swapped already."""
    try:
        found = find_journal(journal.root)
        if found is None:
            remove_journal(journal.root, writes)
            return Recovery.OLD
        _, state = found
        if state is State.COMMITTING:
            enter_state(journal, State.COMMITTING, State.UNDOING, writes)
            state = State.UNDOING
        return _settle(journal, state, writes)
    except (OSError, SplitterError) as error:
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        message = f"writing failed ({cause}), and the tree could not be put back yet: {reason}"
        raise DiskError(message, "Run the command again: it puts the tree back first.") from error


def _settle(journal: Journal, state: State, writes: Writes) -> Recovery:
    """Take back if that is under way, then sweep; says which state the tree is in."""
    if state is State.UNDOING:
        take_back(journal, writes)
        enter_state(journal, State.UNDOING, State.PREPARED, writes)
    if state is State.DONE:
        _sweep_or_leave(journal, writes)
        return Recovery.NEW
    sweep(journal, writes, done=False)
    return Recovery.OLD


def _sweep_or_leave(journal: Journal, writes: Writes) -> None:
    """After everything is swapped, a file that cannot be swept away is left to the next run."""
    try:
        sweep(journal, writes, done=True)
    except OSError:
        return


def _disk_error(error: OSError) -> DiskError:
    advice = "Free some space, then run again." if error.errno in _FULL else "Mend that, then run again."
    return DiskError(f"writing failed: {_reason(error)}", f"{advice} Nothing was changed.")


def _reason(error: OSError) -> str:
    if error.errno in _FULL:
        return "the disk is full"
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return f"{where}{error.strerror or error}"
