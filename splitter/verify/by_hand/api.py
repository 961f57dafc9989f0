"""Check `api` for two revisions: every public path leads to the same item as before.

Invariant: paths that only the crate itself can name are the compiler's business; that they changed is no difference.
"""

from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.verify.by_hand.surface import Surface
from splitter.verify.conditions import equivalent, flattened
from splitter.verify.places import Path
from splitter.verify.surface import Way


def compare_surfaces(old: Surface, new: Surface) -> CheckResult:
    """Compare what two revisions of a crate show to others."""
    findings: list[Finding] = []
    for path, was in old.paths.items():
        message = _difference(was, new.paths.get(path, []))
        if message:
            there = new.paths.get(path, was)[0]
            findings.append(Finding(_key(was[0], path), there.file, there.line, f"`{_shown(path)}` {message}"))
    more = sorted(_shown(path) for path in new.paths.keys() - old.paths.keys())
    lawful = (f"public paths beside the old ones: {', '.join(more)}",) if more else ()
    compared = len(old.paths)
    if not compared and not new.paths:
        return CheckResult("api", Outcome.NOT_APPLICABLE, reason="the crate shows no name to other crates")
    return judge("api", compared, compared - len(findings), tuple(findings), lawful=lawful)


def _difference(was: list[Way], now: list[Way]) -> str:
    if not now:
        return "does not resolve any more"
    before, after = ({way.target for way in ways} for ways in (was, now))
    if before != after:
        return f"was {', '.join(sorted(before))}, is {', '.join(sorted(after))}"
    conditions = [frozenset(flattened(way.cfgs) for way in ways) for ways in (was, now)]
    if not equivalent(conditions[0], conditions[1]):
        shown = [" or ".join(sorted(" and ".join(sorted(row)) or "always" for row in rows)) for rows in conditions]
        return f"existed when {shown[0]}, exists when {shown[1]}"
    return ""


def _key(way: Way, path: Path) -> str:
    kind, _, name = way.target.partition(" ")
    return f"{kind}:{name}" if name else path[-1]


def _shown(path: Path) -> str:
    return "::".join(("crate", *path))
