"""Check `build`: what built before builds after, and no warning is new.

Invariant: a warning that moved with its code is the same warning.
"""

import re
from collections import Counter

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, judge
from splitter.model.evidence import Build, Diagnostic, Evidence, Missing, Scope
from splitter.verify.missing import absent
from splitter.verify.places import in_monolith, split_files, within

_NAMED = re.compile(r"`([^`]*)`")
_PATH = re.compile(r"\b\w+(?:::\w+)+")
_LISTED = ("unused_imports",)
_Key = tuple[str, str, str, str]


def check_build(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare the builds of two trees, configuration by configuration."""
    if isinstance(before.builds, Missing) or isinstance(after.builds, Missing):
        return absent("build", before.builds, after.builds)
    scopes = within(scope, before), within(scope, after)
    now = {build.configuration.name: build for build in after.builds}
    findings: list[Finding] = []
    equal = compared = 0
    for old in before.builds:
        if not old.succeeded:
            continue
        compared += 1
        name = old.configuration.name
        unbuilt = [Finding("", scope.monolith, 1, f"not built: {name}")]
        found = _compare(old, now[name], scopes) if name in now else unbuilt
        equal += not found
        findings += found
    left_out = tuple(f"{name} did not build beforehand: {error}" for name, error in sorted(before.left_out.items()))
    return judge("build", compared, equal, tuple(findings), lawful=left_out)


def _compare(old: Build, new: Build, scopes: tuple[Scope, Scope]) -> list[Finding]:
    name = new.configuration.name
    if not new.succeeded:
        errors = [d for d in new.diagnostics if d.level == "error"]
        found = [_finding(error, f"{error.message} ({name})") for error in errors]
        return found or [Finding("", scopes[1].monolith, 1, f"the build failed without a word ({name})")]
    known = Counter(key for d in old.diagnostics for key in _keys(d, scopes[0]))
    found = []
    for diagnostic in new.diagnostics:
        if [key for key in _keys(diagnostic, scopes[1]) if not _take(known, key)]:
            found.append(_finding(diagnostic, f"new warning: {diagnostic.message} ({name})"))
    return found


def _take(known: Counter[_Key], key: _Key) -> bool:
    """Take one warning like this from those that are known; False where there is none left.

    Imports regroup freely: what of a path stands before the braces is not in the message.
    """
    alike = [other for other, count in known.items() if count > 0 and other[:3] == key[:3] and _ends(other[3], key[3])]
    if alike:
        known[key if key in alike else alike[0]] -= 1
    return bool(alike)


def _ends(one: str, other: str) -> bool:
    """Say whether two texts are equal or, being imports, one path is the end of the other."""
    imports = one.startswith("::") and other.startswith("::")
    return one == other or (imports and (one.endswith(other) or other.endswith(one)))


def _keys(diagnostic: Diagnostic, scope: Scope) -> list[_Key]:
    """A warning without its place, once for each target; lists of names are taken apart, for they regroup freely."""
    split = split_files(scope)
    path = scope.monolith if diagnostic.path in split else diagnostic.path
    text = _PATH.sub(lambda found: _canonical(found.group(), scope), diagnostic.message)
    names = _NAMED.findall(text) if diagnostic.code in _LISTED else []
    texts = [f"::{name}" for name in names] or [text]
    return [(target, diagnostic.code, path, text) for target in diagnostic.targets or ("",) for text in texts]


def _canonical(path: str, scope: Scope) -> str:
    segments = tuple(path.split("::"))
    head = segments[:1] if segments[0] in ("crate", scope.crate) else ()
    return "::".join(head + in_monolith(scope, segments[len(head) :]))


def _finding(diagnostic: Diagnostic, message: str) -> Finding:
    return Finding("", diagnostic.path, diagnostic.line, message)
