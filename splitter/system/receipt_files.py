"""Receipts as files that somebody names: which tree they belong to, and which receipt is before them.

Invariant: reads only; says nothing of whether a receipt is right.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from splitter.errors import DiskError
from splitter.system.git import find_root
from splitter.system.receipt_json import digest_of_text
from splitter.system.records import FOLDER, receipt_path


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """A receipt's text and the root of its tree; `raw` is what could be read of it.

    `previous` is the digest of the receipt before it, `misfiled` says whether it lies where another one belongs.
    """

    text: bytes
    root: Path
    raw: dict[str, Any]
    previous: str | None
    misfiled: bool


def open_receipt(path: Path) -> ReceiptFile:
    """Read the file; raises `DiskError` where that cannot be done.

    A receipt that was taken out of our folder is about the tree that one is in; what is before it is not known, and
    taken from itself.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        message = f"{path}: there is no such receipt ({error.strerror})"
        raise DiskError(message, f"They lie in {FOLDER}/receipts; `splitter apply` writes one a phase.") from error
    raw = _read(text)
    whole = path.resolve()
    home = next((folder for folder in whole.parents if folder.name == FOLDER), None)
    if home is None:
        return ReceiptFile(text, find_root(Path.cwd(), Path.cwd()), raw, raw.get("previous"), misfiled=False)
    earlier = [other for other in sorted(whole.parent.glob("*.json")) if other.name < whole.name]
    previous = digest_of_text(earlier[-1].read_bytes()) if earlier else None
    source, phase = raw.get("source"), raw.get("phase")
    right = home.parent / receipt_path(source, phase) if isinstance(source, str) and isinstance(phase, int) else None
    return ReceiptFile(text, home.parent, raw, previous, misfiled=whole != right)


def _read(text: bytes) -> dict[str, Any]:
    """Its values, as far as they are what they should be: a damaged receipt is to be judged, not to end the command."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(raw, dict):
        return {}
    digests = [raw.get(side) for side in ("before", "after")]
    sound = all(isinstance(row, dict) and all(isinstance(d, str | None) for d in row.values()) for row in digests)
    return raw if sound else {}
