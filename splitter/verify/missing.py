"""The result of a check whose evidence is not there.

Invariant: evidence that could not be had is `skipped`; only what does not exist for a crate is not applicable.
"""

from splitter.model.check import CheckResult, Outcome
from splitter.model.evidence import Missing


def absent(name: str, *evidence: object) -> CheckResult:
    """Result for evidence of two trees, at least one of which is `Missing`."""
    gone = [one for one in evidence if isinstance(one, Missing)]
    needed = [one for one in gone if one.applicable]
    if needed or len(gone) < len(evidence):
        return CheckResult(name, Outcome.SKIPPED, reason=(needed or gone)[0].reason)
    return CheckResult(name, Outcome.NOT_APPLICABLE, reason=gone[0].reason)
