"""Lawful differences that the plan accepts by name are counted, the others listed for review.

Invariant: works on what is reported; receipts keep the whole list.
"""

from collections.abc import Iterable
from dataclasses import replace

from splitter.model.check import CheckResult
from splitter.source.positions import untold


def without_accepted(checks: Iterable[CheckResult], names: tuple[str, ...]) -> tuple[CheckResult, ...]:
    """The results of checks, with those lawful differences set apart that the plan accepts by key or by macro."""
    made = []
    for check in checks:
        left, accepted = set_apart(check.lawful, names)
        made.append(replace(check, lawful=left, accepted=accepted))
    return tuple(made)


def set_apart(lawful: tuple[str, ...], names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The differences that are left to review, and the accepted ones."""
    accepted = tuple(text for text in lawful if not set(names).isdisjoint(untold(text)))
    return tuple(text for text in lawful if text not in accepted), accepted
