"""The checks that have to be made in another way where two revisions are compared.

Invariant: the names and the outcomes are those of the usual ones; all others judge the same evidence as ever.
"""

from collections.abc import Mapping

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Level, Outcome, judge
from splitter.model.crate import CrateSources
from splitter.model.evidence import Evidence, Scope
from splitter.verify.by_hand.api import compare_surfaces
from splitter.verify.by_hand.relate import Relation
from splitter.verify.by_hand.surface import surface_of
from splitter.verify.by_hand.tokens import compare_items
from splitter.verify.checks import Judge, run_checks
from splitter.verify.places import unreadable


def run_on_revisions(
    level: Level, relation: Relation, crates: tuple[CrateSources, CrateSources]
) -> tuple[CheckResult, ...]:
    """Judge two revisions by every check of a level and below."""
    return run_checks(level, relation.before, relation.after, relation.scope, judges=_judges(relation, crates))


def _judges(relation: Relation, crates: tuple[CrateSources, CrateSources]) -> Mapping[str, Judge]:
    known, now = unreadable(relation.before.files), unreadable(relation.after.files)
    if known is not None:
        return {"tokens": _always(CheckResult("tokens", Outcome.SKIPPED, reason=known.message))}
    if now is not None:
        path, line = (*now.message.split(":"), "1")[:2]
        place = Finding("", path, int(line) if line.isdigit() else 1, now.message)
        return {"tokens": _always(judge("tokens", 1, 0, (place,)))}
    surfaces = surface_of(crates[0], relation.scope), surface_of(crates[1], relation.scope)
    tokens = compare_items(relation, surfaces, crates[1])
    return {"tokens": _always(tokens), "api": _always(compare_surfaces(*surfaces))}


def _always(result: CheckResult) -> Judge:
    def given(_before: Evidence, _after: Evidence, _scope: Scope, _change: ChangeSet | None) -> CheckResult:
        return result

    return given
