"""The steps of a transaction on the files of its journal: stage, swap in, take back, sweep.

Invariant: each step may be repeated after it was cut short anywhere; a file whose bytes are neither the old
nor the new ones is never overwritten.
"""

from pathlib import Path

from splitter.system.changes import FileChange, edited_error
from splitter.system.journal import Entry, Journal, remove_journal
from splitter.system.writes import Writes, digest_of


def prepare(journal: Journal, changed: dict[str, FileChange], writes: Writes) -> None:
    """Bring all new bytes to the disk, and keep the old ones, beside the files that they belong to."""
    for folder in journal.folders:
        writes.mkdir(journal.root / folder)
    for entry in journal.entries:
        change, target = changed[entry.path], journal.target(entry)
        if change.new is not None:
            like = target.stat() if entry.old is not None else None
            writes.write(journal.stage(entry), change.new, change.mode, like)
            if entry.old is not None:
                writes.keep(target, journal.kept(entry))
    _sync(journal, writes)


def swap_in(journal: Journal, writes: Writes) -> None:
    """Bring in what is staged; raises `DirtyError` at a file that was edited before its turn came."""
    for entry in journal.entries:
        target = journal.target(entry)
        if _is_swapped(journal, entry):
            continue
        if digest_of(target) != entry.old:
            raise edited_error(entry.path, "was edited meanwhile")
        if entry.new is None:
            writes.replace(target, journal.kept(entry))
        else:
            writes.replace(journal.stage(entry), target)
    _sync(journal, writes)


def take_back(journal: Journal, writes: Writes) -> None:
    """Bring back what was kept; raises `DirtyError` at a file that was edited after it had been swapped."""
    for entry in journal.entries:
        target, kept = journal.target(entry), journal.kept(entry)
        if not _is_swapped(journal, entry):
            continue
        seen = digest_of(target)
        if entry.old is None and seen == entry.new:
            writes.unlink(target)
        elif kept.exists() and seen == entry.new:
            writes.replace(kept, target)
        elif seen != entry.old:
            what = "was edited after a run that was cut short had written it"
            raise edited_error(entry.path, f"{what}; {kept.name} holds what it was" if entry.old else what)
    _sync(journal, writes)


def may_finish(journal: Journal) -> bool:
    """Say whether all that is not swapped yet is still staged, over files that nobody has edited."""
    for entry in journal.entries:
        is_old = digest_of(journal.target(entry)) == entry.old
        if _is_swapped(journal, entry):
            is_lost = is_old and entry.old != entry.new
        else:
            is_lost = entry.new is not None and digest_of(journal.stage(entry)) != entry.new
            is_lost = is_lost or not is_old
        if is_lost:
            return False
    return True


def sweep(journal: Journal, writes: Writes, *, done: bool) -> None:
    """Remove what lies beside the files, folders that are empty now, and last the journal."""
    for entry in journal.entries:
        for path in (journal.stage(entry), journal.kept(entry)):
            if path.exists():
                writes.unlink(path)
    if done:
        for entry in journal.entries:
            if entry.new is None:
                _prune(journal.target(entry).parent, journal.root, writes)
    else:
        for folder in reversed(journal.folders):
            writes.rmdir(journal.root / folder)
    _sync(journal, writes)
    remove_journal(journal.root, writes)


def _prune(folder: Path, root: Path, writes: Writes) -> None:
    while folder != root and not (folder.is_dir() and any(folder.iterdir())):
        if not writes.rmdir(folder):
            return
        folder = folder.parent


def _is_swapped(journal: Journal, entry: Entry) -> bool:
    if entry.new is None:
        return journal.kept(entry).exists() or not journal.target(entry).exists()
    return not journal.stage(entry).exists()


def _sync(journal: Journal, writes: Writes) -> None:
    for folder in journal.parents():
        writes.sync_folder(folder)
