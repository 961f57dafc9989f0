"""Check `mir`: every function, constant and static has the same MIR as before.

Invariant: bodies are compared as a multiset, so that one too many counts as well as one too few; what is not
equal to the letter passes only where the code asks for its own position, or a macro of another crate tells it that
position and nothing else differs, and is listed then.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, replace

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.positions import foreign_macro, positional_items, showing_macro, told
from splitter.verify.mir_position import differ_by_place, spot_of
from splitter.verify.mir_text import Body, place_of_body, read_bodies
from splitter.verify.missing import absent
from splitter.verify.pairing import pair_off
from splitter.verify.places import module_of, parsed, unreadable, within

_NUMBER = re.compile(r"\bconst \d+_u32\b")
_STRING = re.compile(r'\bconst b?"(?:[^"\\]|\\.)*"')
_CONTENT = re.compile(r'<(?:[0-9a-f]{16}|"(?:[^"\\]|\\.)*")>')

_Place = tuple[SourceFile, Item]


@dataclass(frozen=True, slots=True)
class _Side:
    """The sources of one tree, and what the comparison means in it."""

    sources: dict[str, SourceFile]
    scope: Scope

    def place(self, body: Body) -> _Place | None:
        """File and item that a body comes from, as far as that can be told."""
        return place_of_body(body, self.sources, self.scope)

    def finding(self, place: _Place | None, message: str) -> Finding:
        """A finding at an item; at the head of the monolith where there is none."""
        key, path, line = (place[1].key, place[0].path, place[1].line) if place else ("", self.scope.monolith, 1)
        return Finding(key, path, line, message)


def check_mir(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare the MIR of two trees, configuration by configuration."""
    if isinstance(before.mir, Missing) or isinstance(after.mir, Missing):
        return absent("mir", before.mir, after.mir)
    broken = unreadable(before.files) or unreadable(after.files)
    if broken is not None:
        return CheckResult("mir", Outcome.SKIPPED, reason=broken.message)
    sides = _Side(parsed(before.files), within(scope, before)), _Side(parsed(after.files), within(scope, after))
    positional = positional_items(sides[0].sources.values(), before.asking_macros)
    compared = equal = 0
    findings: list[Finding] = []
    lawful: list[str] = []
    compiled: set[str] = set()
    for name, dump in before.mir.items():
        old = read_bodies(dump, sides[0].sources, sides[0].scope)
        new = read_bodies(after.mir.get(name, ""), sides[1].sources, sides[1].scope)
        compiled |= {body.name for body in old}
        found, noted = _compare(old, new, sides, positional)
        findings += [replace(one, message=f"{one.message} ({name})") for one in found]
        lawful += noted
        compared += len(old)
        equal += max(0, len(old) - len(found))
    unproven = _unproven(sides[0].sources, compiled, sides[0].scope)
    if unproven:
        lawful.append(f"compiled in no configuration that was built: {', '.join(unproven)}")
    return judge("mir", compared, equal, tuple(findings), lawful=tuple(dict.fromkeys(lawful)))


def _compare(
    old: list[Body], new: list[Body], sides: tuple[_Side, _Side], positional: dict[str, str]
) -> tuple[list[Finding], list[str]]:
    pairs, extra = pair_off(old, new)
    findings, lawful = [], []
    for body, twin in pairs:
        place = sides[0].place(body)
        if twin is None:
            findings.append(sides[0].finding(place, f"`{body.name}` has no MIR any more"))
            continue
        there = sides[1].place(twin)
        by = _position(body, twin, (place, there), sides, positional)
        if by and place is not None:
            lawful.append(told(place[1].key, by))
            continue
        found = sides[1].finding(there or place, f"`{body.name}` {_difference(body, twin)}")
        findings.append(replace(found, item=place[1].key if place else ""))
    findings += [sides[1].finding(sides[1].place(body), f"`{body.name}` had no such MIR before") for body in extra]
    return findings, lawful


def _position(
    body: Body,
    twin: Body,
    places: tuple[_Place | None, _Place | None],
    sides: tuple[_Side, _Side],
    positional: dict[str, str],
) -> str:
    """What tells the body its place, where that alone is another; else nothing."""
    was, now = places
    if was is None:
        return ""
    by = positional.get(was[1].key, "")
    if by and _relaxed(body.text) == _relaxed(twin.text):
        return by
    by = showing_macro(*was) or foreign_macro(*was)
    if not by or now is None:
        return ""
    spots = spot_of(*was, sides[0].scope), spot_of(*now, sides[1].scope)
    return by if differ_by_place(body, twin, *spots) else ""


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
