"""Check `mir`: every function, constant and static has the same MIR as before.

Invariant: bodies are compared as a multiset, so that one too many counts as well as one too few; what is not
equal to the letter passes only where the code asks for its own position, and is listed then.
"""

import re
from collections import defaultdict
from dataclasses import replace

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.model.source import ItemKind, SourceFile
from splitter.source.positions import positional_items, told
from splitter.verify.mir_text import Body, place_of_body, read_bodies
from splitter.verify.missing import absent
from splitter.verify.pairing import pair_off
from splitter.verify.places import module_of, parsed, unreadable, within

_NUMBER = re.compile(r"\bconst \d+_u32\b")
_STRING = re.compile(r'\bconst b?"(?:[^"\\]|\\.)*"')
_CONTENT = re.compile(r"<[0-9a-f]{16}>")


def check_mir(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare the MIR of two trees, configuration by configuration."""
    if isinstance(before.mir, Missing) or isinstance(after.mir, Missing):
        return absent("mir", before.mir, after.mir)
    broken = unreadable(before.files) or unreadable(after.files)
    if broken is not None:
        return CheckResult("mir", Outcome.SKIPPED, reason=broken.message)
    sources = parsed(before.files), parsed(after.files)
    scopes = within(scope, before), within(scope, after)
    positional = positional_items(sources[0].values(), before.asking_macros)
    compared = equal = 0
    findings: list[Finding] = []
    lawful: list[str] = []
    compiled: set[str] = set()
    for name, dump in before.mir.items():
        old = read_bodies(dump, sources[0], scopes[0])
        new = read_bodies(after.mir.get(name, ""), sources[1], scopes[1])
        compiled |= {body.name for body in old}
        found, noted = _compare(old, new, sources, scopes, positional)
        findings += [replace(one, message=f"{one.message} ({name})") for one in found]
        lawful += noted
        compared += len(old)
        equal += max(0, len(old) - len(found))
    unproven = _unproven(sources[0], compiled, scopes[0])
    if unproven:
        lawful.append(f"compiled in no configuration that was built: {', '.join(unproven)}")
    return judge("mir", compared, equal, tuple(findings), lawful=tuple(dict.fromkeys(lawful)))


def _compare(
    old: list[Body],
    new: list[Body],
    sources: tuple[dict[str, SourceFile], dict[str, SourceFile]],
    scopes: tuple[Scope, Scope],
    positional: dict[str, str],
) -> tuple[list[Finding], list[str]]:
    pairs, extra = pair_off(old, new)
    findings, lawful = [], []
    for body, twin in pairs:
        place = place_of_body(body, sources[0], scopes[0])
        key, path, line = (place[1].key, place[0].path, place[1].line) if place else ("", scopes[0].monolith, 1)
        if twin is not None:
            if key in positional and _relaxed(body.text) == _relaxed(twin.text):
                lawful.append(told(key, positional[key]))
                continue
            there = place_of_body(twin, sources[1], scopes[1])
            path, line = (there[0].path, there[1].line) if there else (path, line)
        message = _difference(body, twin) if twin else "has no MIR any more"
        findings.append(Finding(key, path, line, f"`{body.name}` {message}"))
    for body in extra:
        place = place_of_body(body, sources[1], scopes[1])
        key, path, line = (place[1].key, place[0].path, place[1].line) if place else ("", scopes[0].monolith, 1)
        findings.append(Finding(key, path, line, f"`{body.name}` had no such MIR before"))
    return findings, lawful


def _relaxed(text: str) -> str:
    return _CONTENT.sub("<>", _STRING.sub('const "…"', _NUMBER.sub("const …_u32", text)))


def _difference(body: Body, twin: Body) -> str:
    rows = zip(body.text.split("\n"), twin.text.split("\n"), strict=False)
    was, now = next(((a, b) for a, b in rows if a != b), ("", ""))
    if not was and not now:
        return "has longer or shorter MIR than before"
    return f"was `{was.strip()[:90]}`, is `{now.strip()[:90]}`"


def _unproven(sources: dict[str, SourceFile], compiled: set[str], scope: Scope) -> list[str]:
    """Functions of the monolith whose body stands in no dump."""
    names: dict[str, list[str]] = defaultdict(list)
    for path, source in sources.items():
        if module_of(scope, path)[: len(scope.parent)] == scope.parent:
            for item in source.items:
                if item.kind is ItemKind.FN:
                    names["::".join((*scope.parent, item.name.removeprefix("r#")))].append(item.key)
    trimmed = {name.rsplit("::", 1)[-1] for name in compiled}
    known = compiled | trimmed
    return sorted(
        k for name, keys in names.items() if name not in known and name.rsplit("::")[-1] not in trimmed for k in keys
    )
