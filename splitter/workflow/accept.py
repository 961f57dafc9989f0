"""Lawful differences that the plan accepts by name are counted, the others listed for review.

Invariant: works on what is reported; receipts keep the whole list.
"""

from collections.abc import Iterable
from dataclasses import replace

from splitter.model.check import CheckResult
from splitter.source.positions import untold


def without_accepted(checks: Iterable[CheckResult], accepted: tuple[str, ...]) -> tuple[CheckResult, ...]:
    """The results of checks with those differences folded into a count that the plan accepts by key or by macro."""
    return tuple(replace(check, lawful=remaining(check.lawful, accepted)) for check in checks)


def remaining(lawful: tuple[str, ...], accepted: tuple[str, ...]) -> tuple[str, ...]:
    """The differences that are left to review, and a line that says how many were accepted by what."""
    used: set[str] = set()
    left = []
    for text in lawful:
        by = set(untold(text)) & set(accepted)
        used |= by
        left += [] if by else [text]
    names = ", ".join(name for name in accepted if name in used)
    count = len(lawful) - len(left)
    return (*left, f"{count} accepted by the plan: {names}") if count else lawful
