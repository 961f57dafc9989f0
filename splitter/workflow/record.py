"""The receipt of a phase: where every byte and every item went.

Invariant: made from the change set alone; the tree adds the time, the files' modes and what the receipt follows when
it writes it.
"""

import hashlib
from bisect import bisect_right
from importlib.metadata import PackageNotFoundError, version

from splitter.model.change import Added, ChangeSet
from splitter.model.check import Level, Outcome
from splitter.model.outcome import PhaseResult
from splitter.model.plan import Phase
from splitter.model.receipt import Gone, Moved, Receipt
from splitter.model.source import SourceFile, Span
from splitter.workflow.attempt import Attempt, files_of
from splitter.workflow.session import Session


def receipt_of(
    session: Session, phase: Phase, tried: Attempt, result: PhaseResult, compiler: str, accepted: frozenset[str]
) -> Receipt:
    """Receipt of an attempt that its checks let through."""
    change = tried.change
    places = _places(session.source, change)
    skipped = {check.name for check in result.checks if check.outcome is Outcome.SKIPPED}
    return Receipt(
        source=session.plan.source,
        phase=phase.number,
        name=phase.name,
        tool=tool_version(),
        rustc=compiler or None,
        time="",
        level=Level.named(result.level),
        verdict=result.verdict,
        checks=result.checks,
        before={path: _digest(data) for path, data in change.before.items()},
        after={path: None if data is None else _digest(data) for path, data in files_of(change).items()},
        pieces=change.files,
        dropped=change.dropped,
        items={key: places[key] for key in phase.keys if key in places},
        stayed={key: moved for key, moved in places.items() if key not in phase.keys},
        gone={
            item.key: Gone(session.source.path, item.span, _digest(session.source.whole(item)))
            for item in session.source.items
            if item.key not in places
        },
        accepted=tuple(sorted(accepted & skipped)),
        plan=_digest(session.text.encode()),
    )


def tool_version() -> str:
    """Version of this tool, as it is installed."""
    try:
        return version("splitter")
    except PackageNotFoundError:
        return "0"


def _places(source: SourceFile, change: ChangeSet) -> dict[str, Moved]:
    """Where the bytes of each item begin and end after the phase, in the order of the source."""
    starts = [item.span.start for item in source.items]
    found: dict[str, Moved] = {}
    for path, row in change.files.items():
        at = 0
        for piece in row:
            length = len(piece.text) if isinstance(piece, Added) else len(piece.span)
            if not isinstance(piece, Added) and piece.path == source.path:
                item = source.items[bisect_right(starts, piece.span.start) - 1]
                old = found.get(item.key)
                begin = old.new_span.start if old else at
                digest = _digest(source.whole(item))
                found[item.key] = Moved(source.path, item.span, digest, path, Span(begin, at + length))
            at += length
    return {item.key: found[item.key] for item in source.items if item.key in found}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
