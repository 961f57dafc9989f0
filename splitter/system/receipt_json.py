"""Receipt to JSON and back.

Invariant: `read_receipt(write_receipt(receipt), path) == receipt`; one file or item is one line, so that a
receipt can be reviewed as a diff. The last line is the digest of all others, so that an edit shows.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from splitter.errors import DiskError
from splitter.model.change import Added, Dropped, Kept, Piece, Why
from splitter.model.check import CheckResult, Finding, Level, Outcome, Verdict
from splitter.model.receipt import FORMAT, KNOWN_FORMATS, Gone, Moved, Receipt
from splitter.model.source import Span


def write_receipt(receipt: Receipt) -> bytes:
    """Text of a receipt, its own digest included."""
    raw = _raw(receipt)
    if receipt.format > 1:
        raw["sha256"] = _digest(raw)
    lines = ",\n".join(f"{_compact(key)}: {_spread(value)}" for key, value in raw.items())
    return f"{{\n{lines}\n}}\n".encode()


def digest_of_receipt(receipt: Receipt) -> str:
    """SHA-256 of what a receipt says, by which the next one names it."""
    return _digest(_raw(receipt))


def digest_of_text(text: bytes) -> str | None:
    """The same of a receipt's text, whatever its format; none where it is no receipt."""
    try:
        return _digest(json.loads(text))
    except (ValueError, AttributeError):
        return None


def _digest(raw: dict[str, Any]) -> str:
    """Of the JSON values with sorted keys and no white space, all but the digest itself."""
    said = {key: value for key, value in raw.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _raw(receipt: Receipt) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "format": receipt.format,
        "source": receipt.source,
        "phase": receipt.phase,
        "name": receipt.name,
        "tool": receipt.tool,
        "rustc": receipt.rustc,
        "time": receipt.time,
        "level": receipt.level.name.lower(),
        "verdict": receipt.verdict.value,
        "accepted": receipt.accepted,
        "checks": [_check_row(check) for check in receipt.checks],
        "before": receipt.before,
        "after": receipt.after,
        "modes": {path: f"{mode:o}" for path, mode in receipt.modes.items()},
        "pieces": {path: [_piece_row(piece) for piece in row] for path, row in receipt.pieces.items()},
        "dropped": [[d.path, d.span.start, d.span.end, d.why.value] for d in receipt.dropped],
        "items": {key: _moved_row(moved) for key, moved in receipt.items.items()},
    }
    if receipt.format == 1:
        return raw
    return raw | {
        "stayed": {key: _moved_row(moved) for key, moved in receipt.stayed.items()},
        "gone": {key: _gone_row(gone) for key, gone in receipt.gone.items()},
        "plan": receipt.plan,
        "previous": receipt.previous,
    }


@lru_cache(maxsize=64)
def read_receipt(text: bytes, path: str) -> Receipt:
    """Receipt in the text of the file at `path`, shared by all who ask.

    Raises `DiskError` where it is damaged or too new.
    """
    try:
        raw = json.loads(text)
        if raw["format"] not in KNOWN_FORMATS:
            message = f"{path} has format {raw['format']}, this version reads up to {FORMAT}"
            raise DiskError(message, "Use the version of splitter that wrote it.")
        if raw["format"] > 1 and raw["sha256"] != _digest(raw):
            message = f"{path} was edited: its digest is not that of what it says"
            raise DiskError(message, "Bring it back from git or a backup.")
        return _receipt(raw)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{path} is no receipt, or a damaged one"
        raise DiskError(message, "Bring it back from git or a backup.") from error


def _receipt(raw: dict[str, Any]) -> Receipt:
    return Receipt(
        source=raw["source"],
        phase=raw["phase"],
        name=raw["name"],
        tool=raw["tool"],
        rustc=raw["rustc"],
        time=raw["time"],
        level=Level.named(raw["level"]),
        verdict=Verdict(raw["verdict"]),
        accepted=tuple(raw["accepted"]),
        checks=tuple(_check(row) for row in raw["checks"]),
        before=raw["before"],
        after=raw["after"],
        modes={path: int(mode, 8) for path, mode in raw["modes"].items()},
        pieces={path: tuple(_piece(piece) for piece in row) for path, row in raw["pieces"].items()},
        dropped=tuple(Dropped(path, Span(start, end), Why(why)) for path, start, end, why in raw["dropped"]),
        items={key: _moved(row) for key, row in raw["items"].items()},
        stayed={key: _moved(row) for key, row in raw.get("stayed", {}).items()},
        gone={key: _gone(row) for key, row in raw.get("gone", {}).items()},
        plan=raw.get("plan", ""),
        previous=raw.get("previous"),
        format=raw["format"],
    )


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def _spread(value: object) -> str:
    """A value with each of its children on a line."""
    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"  {_compact(key)}: {_compact(child)}" for key, child in value.items()) + "\n}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"  {_compact(child)}" for child in value) + "\n]"
    return _compact(value)


def _check_row(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "outcome": check.outcome.value,
        "compared": check.compared,
        "equal": check.equal,
        "seconds": check.seconds,
        "reason": check.reason,
        "lawful": check.lawful,
        "findings": [[found.item, found.path, found.line, found.message] for found in check.findings],
    }


def _check(raw: dict[str, Any]) -> CheckResult:
    return CheckResult(
        name=raw["name"],
        outcome=Outcome(raw["outcome"]),
        compared=raw["compared"],
        equal=raw["equal"],
        seconds=raw["seconds"],
        reason=raw["reason"],
        lawful=tuple(raw["lawful"]),
        findings=tuple(Finding(*row) for row in raw["findings"]),
    )


def _piece_row(piece: Piece) -> list[Any]:
    if isinstance(piece, Kept):
        return ["kept", piece.path, piece.span.start, piece.span.end]
    return ["added", piece.text.decode(errors="surrogateescape"), piece.why.value]


def _piece(row: list[Any]) -> Piece:
    if row[0] == "kept":
        _, path, start, end = row
        return Kept(path, Span(start, end))
    _, text, why = row
    return Added(text.encode(errors="surrogateescape"), Why(why))


def _moved_row(moved: Moved) -> dict[str, Any]:
    return {
        "from": [moved.old_path, moved.old_span.start, moved.old_span.end],
        "sha256": moved.digest,
        "to": [moved.new_path, moved.new_span.start, moved.new_span.end],
    }


def _moved(raw: dict[str, Any]) -> Moved:
    (old_path, *old), (new_path, *new) = raw["from"], raw["to"]
    return Moved(old_path, Span(*old), raw["sha256"], new_path, Span(*new))


def _gone_row(gone: Gone) -> dict[str, Any]:
    return {"from": [gone.path, gone.span.start, gone.span.end], "sha256": gone.digest}


def _gone(raw: dict[str, Any]) -> Gone:
    path, *span = raw["from"]
    return Gone(path, Span(*span), raw["sha256"])
