"""The journal of a transaction: what it is about to do, on disk before it does it.

Invariant: the state of a transaction is the name of its journal, so each step from state to state is one
rename, which needs no space; a journal under its name is whole; none may lead out of the tree.
"""

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from splitter.errors import DiskError
from splitter.system.writes import Writes

FOLDER = ".splitter/journal"
_UNBORN = "unborn"


class State(StrEnum):
    """How far a transaction is."""

    PREPARED = "prepared"  # no file of the user's is touched; what lies beside is to be swept
    COMMITTING = "committing"  # everything new is on disk; files are being swapped
    UNDOING = "undoing"  # swaps are being taken back
    DONE = "done"  # everything is swapped; what lies beside is to be swept


@dataclass(frozen=True, slots=True)
class Entry:
    """One file that changes: its path below the root, and its digests before and after, none for no file."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Journal:
    """A transaction: its entries and the folders that it makes, outermost first."""

    root: Path
    mark: str
    entries: tuple[Entry, ...]
    folders: tuple[str, ...]

    def target(self, entry: Entry) -> Path:
        """The file itself."""
        return self.root / entry.path

    def stage(self, entry: Entry) -> Path:
        """Where its new bytes wait, in its own folder, so that a rename brings them in."""
        return self._beside(entry, "new")

    def kept(self, entry: Entry) -> Path:
        """Where its old bytes are kept."""
        return self._beside(entry, "old")

    def parents(self) -> tuple[Path, ...]:
        """Folders in which names change, as far as they are there."""
        paths = [*(entry.path for entry in self.entries), *self.folders]
        found = dict.fromkeys((self.root / path).parent for path in paths)
        return tuple(path for path in found if path.is_dir())

    def _beside(self, entry: Entry, what: str) -> Path:
        name = f".splitter-{self.mark}-{self.entries.index(entry)}.{what}"
        return self.target(entry).parent / name


def write_journal(journal: Journal, writes: Writes) -> None:
    """Bring a journal to the disk in state `PREPARED`."""
    folder = journal.root / FOLDER
    for path in (folder.parent, folder):
        writes.mkdir(path)
    rows = [asdict(entry) for entry in journal.entries]
    text = json.dumps({"mark": journal.mark, "entries": rows, "folders": journal.folders}, indent=1)
    writes.write(folder / _UNBORN, text.encode(), None)
    writes.replace(folder / _UNBORN, folder / State.PREPARED)
    for path in (folder, folder.parent, journal.root):
        writes.sync_folder(path)


def has_journal(root: Path) -> bool:
    """Say whether a run is going on, or has left something."""
    return (root / FOLDER).is_dir()


def find_journal(root: Path) -> tuple[Journal, State] | None:
    """The journal of a transaction that was cut short, if there is one."""
    for state in State:
        path = root / FOLDER / state
        try:
            return _read(root, path.read_bytes()), state
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (ValueError, TypeError, KeyError) as error:
            message = f"{path} is damaged"
            raise DiskError(message, "Compare your files with git's, then delete that file.") from error
    return None


def _read(root: Path, text: bytes) -> Journal:
    raw = json.loads(text)
    entries = tuple(Entry(**row) for row in raw["entries"])
    journal = Journal(root, raw["mark"], entries, tuple(raw["folders"]))
    for path in (*(entry.path for entry in entries), *journal.folders):
        if not (root / path).resolve().is_relative_to(root):  # a tree from elsewhere may bring any journal
            raise ValueError(path)
    if not re.fullmatch("[0-9a-f]{8}", journal.mark):
        raise ValueError(journal.mark)
    return journal


def enter_state(journal: Journal, before: State, after: State, writes: Writes) -> None:
    """Go from one state to the next."""
    folder = journal.root / FOLDER
    writes.replace(folder / before, folder / after)
    writes.sync_folder(folder)


def remove_journal(root: Path, writes: Writes) -> None:
    """Remove the journal, whatever its state, and its folders where nothing else is in them."""
    folder = root / FOLDER
    home = folder.parent
    if folder.is_dir():
        for name in (_UNBORN, *State):
            if (folder / name).exists():
                writes.unlink(folder / name)
        writes.rmdir(folder)
    if home.is_dir() and not any(home.iterdir()) and writes.rmdir(home):
        writes.sync_folder(root)
