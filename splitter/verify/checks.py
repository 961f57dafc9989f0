"""All checks, in the order in which they are made and shown.

Invariant: what is not in `CHECKS` is not checked; every entry names the level from which it is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Level
from splitter.model.evidence import Evidence, Scope
from splitter.verify.api import check_api
from splitter.verify.behaviour import check_behaviour
from splitter.verify.build import check_build
from splitter.verify.code import check_code
from splitter.verify.format import check_format
from splitter.verify.header import check_header
from splitter.verify.mir import check_mir
from splitter.verify.state import check_state
from splitter.verify.symbols import check_symbols
from splitter.verify.tests import check_tests
from splitter.verify.texts import TEXTS
from splitter.verify.tokens import check_tokens

Judge = Callable[[Evidence, Evidence, Scope, ChangeSet | None], CheckResult]


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name, the level from which it is made, the function, one line on it, and what `explain` prints."""

    name: str
    level: Level
    judge: Judge
    summary: str
    text: str


CHECKS: tuple[Check, ...] = (
    Check(
        "tokens",
        Level.SOURCE,
        check_tokens,
        "every item stands exactly once, token for token",
        TEXTS["tokens"],
    ),
    Check("build", Level.QUICK, check_build, "every configuration builds, with no new warning", TEXTS["build"]),
    Check(
        "symbols",
        Level.QUICK,
        check_symbols,
        "the library exports the same names and signatures",
        TEXTS["symbols"],
    ),
    Check("state", Level.QUICK, check_state, "no static was copied, lost or changed", TEXTS["state"]),
    Check("api", Level.STANDARD, check_api, "every path resolves as before, as visible as before", TEXTS["api"]),
    Check("mir", Level.STANDARD, check_mir, "every function compiles to the same MIR", TEXTS["mir"]),
    Check("tests", Level.STANDARD, check_tests, "the same tests have the same outcomes", TEXTS["tests"]),
    Check(
        "format",
        Level.STANDARD,
        check_format,
        "every byte is accounted for, rustfmt is content",
        TEXTS["format"],
    ),
    Check("code", Level.FULL, check_code, "every function has the same machine code", TEXTS["code"]),
    Check("behaviour", Level.FULL, check_behaviour, "both libraries answer calls alike", TEXTS["behaviour"]),
    Check("header", Level.FULL, check_header, "generated C headers declare the same", TEXTS["header"]),
)


def run_checks(
    level: Level,
    before: Evidence,
    after: Evidence,
    scope: Scope,
    change: ChangeSet | None = None,
    judges: Mapping[str, Judge] = MappingProxyType({}),
) -> tuple[CheckResult, ...]:
    """Judge two trees by every check of a level and below.

    `change` is what led from one to the other, if known; `judges` take the place of checks' own functions by name.
    """
    asked = [check for check in CHECKS if check.level <= level]
    results = [judges.get(check.name, check.judge)(before, after, scope, change) for check in asked]
    return tuple(replace(result, seconds=_seconds(result.name, before, after)) for result in results)


def _seconds(name: str, *evidence: Evidence) -> float:
    """Time that the evidence for a check took; MIR comes out of the build that gives the symbols."""
    return round(sum(one.seconds.get(name, 0.0) for one in evidence), 3)
