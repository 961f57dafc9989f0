"""What came of checking receipts again: as lines for people, as JSON for programs.

Invariant: pure; says of an accepted receipt what was counted, and where the files were found.
"""

from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType

from splitter.report.parts import STYLE, line


@dataclass(frozen=True, slots=True)
class Certified:
    """A receipt with the reasons (path, line, what is wrong) not to believe it; without any it is accepted."""

    path: str
    reasons: tuple[tuple[str, int, str], ...]
    before: str
    after: str
    raw: dict[str, Any]

    @property
    def verdict(self) -> str:
        """In a word."""
        return "rejected" if self.reasons else "accepted"


def certified_lines(row: list[Certified]) -> RenderableType:
    """A line for each receipt, and one for each reason."""
    return Group(*(each for one in row for each in _lines(one)))


def certified_shape(row: list[Certified]) -> dict[str, Any]:
    """JSON values: the verdict over all, and each receipt."""
    verdict = "rejected" if any(one.reasons for one in row) else "accepted"
    return {"verdict": verdict, "receipts": [_shape(one) for one in row]}


def _shape(one: Certified) -> dict[str, Any]:
    reasons = [{"path": path, "line": number, "message": text} for path, number, text in one.reasons]
    found = {"before": one.before, "after": one.after}
    return {"path": one.path, "verdict": one.verdict, **found, **_counts(one), "reasons": reasons}


def _lines(one: Certified) -> list[RenderableType]:
    style = STYLE["failed" if one.reasons else "passed"]
    if one.reasons:
        told = [line(f"  {path}:{number}: {text}") for path, number, text in one.reasons]
        return [line(f"{one.path}: ", (one.verdict, style)), *told]
    counts = _counts(one)
    rest = f", phase {one.raw['phase']} {one.raw['name']}: {counts['items']} items, {counts['moved']} of them moved; "
    rest += f"{counts['added']} bytes added and {counts['dropped']} dropped, each for its reason"
    where = f"  before: {one.before}; after: {one.after}"
    return [line(f"{one.path}: ", (one.verdict, style), rest), line(where)]


def _counts(one: Certified) -> dict[str, int]:
    """What was checked; nothing where it cannot be believed."""
    if one.reasons:
        return {}
    moved = len(one.raw["items"])
    pieces = [piece for row in one.raw["pieces"].values() for piece in row if piece[0] == "added"]
    added = sum(len(piece[1].encode(errors="surrogateescape")) for piece in pieces)
    dropped = sum(end - start for _, start, end, _ in one.raw["dropped"])
    items = moved + len(one.raw["stayed"]) + len(one.raw["gone"])
    return {"items": items, "moved": moved, "added": added, "dropped": dropped}
