"""Outcomes of checks, from which verdicts are drawn.

Invariant: a check that compared nothing cannot be `passed`; the constructor refuses it.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much is checked; each level contains the ones before it."""

    SOURCE = 0
    QUICK = 1
    STANDARD = 2
    FULL = 3

    @classmethod
    def named(cls, name: str) -> "Level":
        """Level by the name used on the command line."""
        return cls[name.upper()]


class Outcome(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_APPLICABLE = "not_applicable"


class Verdict(StrEnum):
    """What all checks of a phase come to together."""

    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, with the place a terminal can click."""

    item: str
    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The judgement of one check; `seconds` is the time its evidence took."""

    name: str
    outcome: Outcome
    compared: int = 0
    equal: int = 0
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    lawful: tuple[str, ...] = ()
    seconds: float = 0.0
    accepted: tuple[str, ...] = ()
    """Lawful differences that the plan accepts by name: counted, not listed."""

    def __post_init__(self) -> None:
        if self.outcome is Outcome.PASSED and (self.compared <= 0 or self.equal != self.compared):
            message = f"{self.name}: passed with {self.equal} equal of {self.compared} compared"
            raise ValueError(message)


def judge(
    name: str,
    compared: int,
    equal: int,
    findings: tuple[Finding, ...] = (),
    reason: str = "",
    lawful: tuple[str, ...] = (),
) -> CheckResult:
    """Turn a comparison into a result: nothing compared is skipped, any finding is failed."""
    if findings or equal != compared:
        return CheckResult(name, Outcome.FAILED, compared, equal, reason, findings, lawful)
    if compared == 0:
        return CheckResult(name, Outcome.SKIPPED, reason=reason or "there was nothing to compare")
    return CheckResult(name, Outcome.PASSED, compared, equal, reason, (), lawful)


def verdict_of(checks: tuple[CheckResult, ...], accepted: frozenset[str] = frozenset()) -> Verdict:
    """Verdict over checks; a skipped check is incomplete unless it was accepted by name, no check at all too."""
    if any(check.outcome is Outcome.FAILED for check in checks):
        return Verdict.FAILED
    missing = [c for c in checks if c.outcome is Outcome.SKIPPED and c.name not in accepted]
    made = any(check.outcome is Outcome.PASSED for check in checks)
    return Verdict.INCOMPLETE if missing or not made else Verdict.PASSED
