"""Check `tests`: the same tests exist, named through the split, with the same outcomes.

Invariant: a crate without tests is not applicable, never passed; a test that failed before may fail after.
"""

from collections import Counter

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, judge
from splitter.model.evidence import Evidence, Missing, Scope, TestOutcome
from splitter.verify.missing import absent
from splitter.verify.places import in_monolith, split_files, within

_Name = tuple[str, str, str]


def check_tests(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare tests by configuration, binary and name."""
    ran = [() if _has_none(tests) else tests for tests in (before.tests, after.tests)]
    old, new = ran
    nothing = isinstance(before.tests, Missing) and isinstance(after.tests, Missing)
    if isinstance(old, Missing) or isinstance(new, Missing) or nothing:
        return absent("tests", before.tests, after.tests)
    scopes = within(scope, before), within(scope, after)
    was = Counter((_name(test, scopes[0]), test.outcome) for test in old)
    now = Counter((_name(test, scopes[1]), test.outcome) for test in new)
    findings = []
    for (name, outcome), count in sorted((was - now).items()):
        others = [other for (known, other) in now - was if known == name]
        message = f"{_shown(name)}: was {outcome}, is {others[0] if others else 'gone'}"
        findings += [Finding(*_place(name, scope), 1, message)] * count
    for (name, outcome), count in sorted((now - was).items()):
        if not any(known == name for known, _ in was):
            findings += [Finding(*_place(name, scope), 1, f"{_shown(name)}: is new ({outcome})")] * count
    failing = sum(1 for test in old if test.outcome == "FAILED")
    note = (f"{failing} tests failed before as well",) if failing else ()
    return judge("tests", sum(was.values()), sum((was & now).values()), tuple(findings), lawful=note)


def _has_none(tests: object) -> bool:
    return isinstance(tests, Missing) and not tests.applicable


def _name(test: TestOutcome, scope: Scope) -> _Name:
    """Configuration, binary and name as it would be without the split's modules."""
    file, dash, path = test.name.partition(" - ")
    if test.binary == "doc" and dash:
        split = split_files(scope)
        path, _, mode = path.partition(" ")
        kept = scope.monolith if file in split else file
        return test.configuration, "doc", f"{kept} - {_path(path, scope)} {mode}".rstrip()
    own = test.binary == "lib" or test.binary.startswith("bin:")
    return test.configuration, test.binary, _path(test.name, scope) if own else test.name


def _path(name: str, scope: Scope) -> str:
    return "::".join(in_monolith(scope, tuple(name.split("::"))))


def _shown(name: _Name) -> str:
    configuration, binary, test = name
    return f"{binary} {test} ({configuration})"


def _place(name: _Name, scope: Scope) -> tuple[str, str]:
    """Item and file of a finding, as far as a test's name tells."""
    last = name[2].rsplit("::", 1)[-1].split(" ")[0]
    return f"fn:{last}", scope.monolith
