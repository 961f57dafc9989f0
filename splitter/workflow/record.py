"""The receipt of a phase: where every byte and every item went.

Invariant: made from the change set alone; the tree adds the time and the files' modes when it writes it.
"""

import hashlib
from bisect import bisect_right
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from splitter.model.change import Added, ChangeSet
from splitter.model.check import Level
from splitter.model.outcome import PhaseResult
from splitter.model.plan import Phase
from splitter.model.receipt import Moved, Receipt
from splitter.model.source import SourceFile, Span
from splitter.workflow.attempt import Attempt, files_of
from splitter.workflow.session import Session


def receipt_of(
    session: Session, phase: Phase, tried: Attempt, result: PhaseResult, compiler: str, accepted: frozenset[str]
) -> Receipt:
    """Receipt of an attempt that its checks let through."""
    change = tried.change
    return Receipt(
        source=session.plan.source,
        phase=phase.number,
        name=phase.name,
        tool=tool_version(),
        rustc=compiler or None,
        time="",
        level=Level.named(result.level),
        verdict=result.verdict,
        checks=tuple(replace(check, lawful=check.lawful[:200]) for check in result.checks),
        before={path: _digest(data) for path, data in change.before.items()},
        after={path: None if data is None else _digest(data) for path, data in files_of(change).items()},
        pieces=change.files,
        dropped=change.dropped,
        items=_moved(session.source, phase, change),
        accepted=tuple(sorted(accepted)),
    )


def tool_version() -> str:
    """Version of this tool, as it is installed."""
    try:
        return version("splitter")
    except PackageNotFoundError:
        return "0"


def _moved(source: SourceFile, phase: Phase, change: ChangeSet) -> dict[str, Moved]:
    """Where each moved item's bytes begin and end in its new file."""
    items = sorted((source.by_key[key] for key in phase.keys), key=lambda item: item.span)
    starts = [item.span.start for item in items]
    found: dict[str, Moved] = {}
    for path, row in change.files.items():
        at = 0
        for piece in row:
            length = len(piece.text) if isinstance(piece, Added) else len(piece.span)
            if not isinstance(piece, Added) and piece.path == source.path:
                item = items[max(0, bisect_right(starts, piece.span.start) - 1)]
                if item.span.contains(piece.span):
                    old = found.get(item.key)
                    begin = old.new_span.start if old else at
                    digest = _digest(source.whole(item))
                    found[item.key] = Moved(source.path, item.span, digest, path, Span(begin, at + length))
            at += length
    return {key: found[key] for key in phase.keys if key in found}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
