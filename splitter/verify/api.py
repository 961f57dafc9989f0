"""Check `api`: every path into the monolith's module that worked resolves, as visible as before and no more.

Invariant: a private name may become visible inside the monolith's own module, for that is where it was visible;
anything wider is a difference.
"""

from collections.abc import Iterator
from itertools import count

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Scope
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.verify.conditions import equivalent
from splitter.verify.places import parsed, unreadable, within
from splitter.verify.surface import Modules, Reach, Way, condition, members, modules_of, widest


def check_api(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare what the monolith's module shows, and the visible members of its items."""
    broken = unreadable(before.files) or unreadable(after.files)
    if broken is not None:
        return CheckResult("api", Outcome.SKIPPED, reason=broken.message)
    old = modules_of(parsed(before.files), within(scope, before))
    new = modules_of(parsed(after.files), within(scope, after))
    names = _names(old, scope)
    findings: list[Finding] = []
    compared = equal = 0
    for name in sorted(names):
        was, now = old.ways(scope.parent, name), new.ways(scope.parent, name)
        is_shown = any(_is_outside(way.reach, scope) for way in was)
        if not is_shown and not any(_is_outside(way.reach, scope) for way in now):
            continue
        compared += 1
        found = _compare(name, was, now, scope)
        equal += found is None
        findings += [found] if found is not None else []
    was_members, now_members = _members(old), _members(new)
    compared += sum(1 for reach, _, _ in was_members.values() if _is_outside(reach, scope))
    wrong = list(_member_findings(was_members, now_members, scope))
    equal += max(0, compared - equal - len(findings) - len(wrong))
    findings += wrong
    if not compared and not findings:
        return CheckResult("api", Outcome.NOT_APPLICABLE, reason="the file shows no name to the code around it")
    return judge("api", compared, equal, tuple(findings))


def _names(modules: Modules, scope: Scope) -> set[str]:
    """Every name that an item of the split's files defines or a `use` of the monolith brings."""
    found = {name for names in modules.own.values() for name in names}
    found |= {leaf.name for _, leaf in modules.leaves.get(scope.parent, ())}
    return found - {"_", "*"}


def _is_outside(reach: Reach, scope: Scope) -> bool:
    """Say whether a reach goes beyond the monolith's own module."""
    return reach is None or len(reach) < len(scope.parent)


def _compare(name: str, was: list[Way], now: list[Way], scope: Scope) -> Finding | None:
    was = [way for way in was if _is_outside(way.reach, scope)]
    now = [way for way in now if _is_outside(way.reach, scope)]
    if not was:
        return Finding(
            _key(now[0], name), now[0].file, now[0].line, f"`{name}` is {_far(widest(now))} now, was private"
        )
    if not now:
        return Finding(
            _key(was[0], name),
            was[0].file,
            was[0].line,
            f"`{name}` does not resolve in its old place any more",
        )
    place = (_key(was[0], name), now[0].file, now[0].line)
    if {way.target for way in was} != {way.target for way in now}:
        targets = [", ".join(sorted({way.target for way in ways})) for ways in (was, now)]
        return Finding(*place, f"`{name}` was {targets[0]}, is {targets[1]}")
    if widest(was) != widest(now):
        return Finding(*place, f"`{name}` was {_far(widest(was))}, is {_far(widest(now))}")
    if not equivalent(condition(was), condition(now)):
        return Finding(*place, f"`{name}` existed when {_when(was)}, exists when {_when(now)}")
    return None


def _members(modules: Modules) -> dict[tuple[str, str, int], tuple[Reach, Item, SourceFile]]:
    """Visible members by the item's key (without number), name and number, over all files of the split."""
    found: dict[tuple[str, str, int], tuple[Reach, Item, SourceFile]] = {}
    for module, source in sorted(modules.files.items()):
        for item in source.items:
            if item.kind in (ItemKind.USE, ItemKind.NOTE, ItemKind.INNER, ItemKind.MACRO, ItemKind.CALL):
                continue
            key = item.key.split("#")[0]
            for (name, number), reach in members(source, item, module).items():
                # Several impls of one type have one key here; their members are told apart by a running number.
                free = next(n for n in count(number) if (key, name, n) not in found)
                found[key, name, free] = reach, item, source
    return found


_Members = dict[tuple[str, str, int], tuple[Reach, Item, SourceFile]]


def _member_findings(was: _Members, now: _Members, scope: Scope) -> Iterator[Finding]:
    for (key, name, number), (reach, item, source) in was.items():
        if not _is_outside(reach, scope):
            continue
        there = now.get((key, name, number))
        if there is None:
            yield Finding(item.key, source.path, item.line, f"`{name}` was {_far(reach)}, is so no more")
        elif there[0] != reach:
            yield Finding(item.key, there[2].path, there[1].line, f"`{name}` was {_far(reach)}, is {_far(there[0])}")
    for (key, name, number), (reach, item, source) in now.items():
        if (key, name, number) not in was and _is_outside(reach, scope):
            yield Finding(item.key, source.path, item.line, f"`{name}` is {_far(reach)} now, was private")


def _key(way: Way, name: str) -> str:
    kind, _, defined = way.target.partition(" ")
    return f"{kind}:{defined}" if defined else name


def _far(reach: Reach) -> str:
    if reach is None:
        return "public"
    return "visible in the crate" if not reach else f"visible in `{'::'.join(reach)}`"


def _when(ways: list[Way]) -> str:
    texts = sorted({" and ".join(sorted(way.cfgs)) or "always" for way in ways})
    return " or ".join(texts)
