"""Check `code`: every function and static has the same machine code and data as before, wherever it is loaded.

Invariant: bodies are compared as a multiset; every function that the library exports has to be among them, or
nothing is said to be equal.
"""

from collections import Counter

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.model.object_code import ObjectCode
from splitter.model.source import SourceFile
from splitter.source.positions import PANIC, TYPE_ID, told
from splitter.verify.code_places import Places
from splitter.verify.code_text import Body, orders, read_bodies
from splitter.verify.inlined import find_telling
from splitter.verify.missing import absent
from splitter.verify.pairing import pair_off
from splitter.verify.places import parsed, unreadable, within

_Sources = dict[str, SourceFile]


def check_code(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare the machine code of two trees, configuration by configuration."""
    if isinstance(before.code, Missing) or isinstance(after.code, Missing):
        return absent("code", before.code, after.code)
    broken = unreadable(before.files) or unreadable(after.files)
    if broken is not None:
        return CheckResult("code", Outcome.SKIPPED, reason=broken.message)
    sources = parsed(before.files), parsed(after.files)
    scopes = within(scope, before), within(scope, after)
    telling = find_telling(sources[0], before.asking_macros)
    compared = equal = 0
    findings: list[Finding] = []
    lawful: list[str] = []
    for name, object_before in before.code.items():
        object_after = after.code.get(name)
        if object_after is None:
            return CheckResult("code", Outcome.SKIPPED, reason=f"machine code was not gathered afterwards ({name})")
        was = Places(sources[0], scopes[0], object_before)
        now = Places(sources[1], scopes[1], object_after)
        old, new = read_bodies(object_before, was), read_bodies(object_after, now)
        unseen = _unseen(before, name, old, was)
        if unseen:
            reason = f"exported, but not in the object that rustc wrote ({name}): {', '.join(unseen)}"
            return CheckResult("code", Outcome.SKIPPED, reason=reason)
        found, noted = _compare(old, new, (was, now), telling, name)
        findings += found
        lawful += [*noted, *_moved(was, now), *_reordered(object_before, object_after, was, now)]
        compared += len(old)
        equal += max(0, len(old) - len(found))
    return judge("code", compared, equal, tuple(findings), lawful=tuple(dict.fromkeys(lawful)))


def _unseen(before: Evidence, configuration: str, old: list[Body], places: Places) -> list[str]:
    """Functions of the file that the built library exports and for which no machine code was found."""
    exported = {} if isinstance(before.symbols, Missing) else before.symbols
    built = exported.get(configuration, frozenset())
    return sorted((places.exports.keys() & built) - {body.symbol for body in old})


def _compare(
    old: list[Body],
    new: list[Body],
    places: tuple[Places, Places],
    telling: tuple[dict[str, str], dict[str, str]],
    configuration: str,
) -> tuple[list[Finding], list[str]]:
    pairs, extra = pair_off(old, new)
    told_by = {body.symbol: _by(body, twin, places[0].item(body.symbol)[0], telling) for body, twin in pairs}
    asking = [(b, t, told_by[b.symbol]) for b, t in pairs if t is not None and told_by[b.symbol]]
    known = {swap: by for body, twin, by in asking for swap in _swaps(body, twin)}
    findings, lawful = [], []
    for body, twin in pairs:
        key, path, line = places[0].item(body.symbol)
        if twin is not None:
            by = told_by[body.symbol] or _inlined(body, twin, known)
            if by:
                lawful.append(told(key or body.name, by))
                continue
            there = places[1].item(twin.symbol)
            path, line = there[1:] if there[0] else (path, line)
        message = _difference(body, twin) if twin is not None else "is in the object no more"
        findings.append(Finding(key, path, line, f"`{body.name}` {message} ({configuration})"))
    for body in extra:
        key, path, line = places[1].item(body.symbol)
        findings.append(Finding(key, path, line, f"`{body.name}` was not in the object before ({configuration})"))
    return findings, lawful


def _by(body: Body, twin: Body | None, key: str, telling: tuple[dict[str, str], dict[str, str]]) -> str:
    """By what a body tells its place, where no name in it is another: its size counts unless it asks for it itself."""
    if twin is None or _names(body) != _names(twin):
        return ""
    rows = body.text.split("\n"), twin.text.split("\n")
    alike = (rows[0][0], rows[0][-1]) == (rows[1][0], rows[1][-1])
    return telling[0].get(key, "") or (telling[1].get(key, "") if alike else "")


def _swaps(body: Body, twin: Body) -> list[tuple[str, str]]:
    """What a body refers to otherwise than its twin, place by place; nothing where they do not refer to as much."""
    if len(body.refers) != len(twin.refers):
        return []
    return [(_target(a), _target(b)) for a, b in zip(body.refers, twin.refers, strict=True) if a != b]


def _inlined(body: Body, twin: Body, known: dict[tuple[str, str], str]) -> str:
    """By what a function sees its place that another one was inlined into: the same constants stand in for the same."""
    swaps = _swaps(body, twin)
    if not swaps or any(swap not in known for swap in swaps):
        return ""
    pairs = zip(body.refers, twin.refers, strict=True)
    swapped = [row.removesuffix(_target(row)) + _target(other) for row, other in pairs]
    text = body.text.replace("\n".join(body.refers), "\n".join(swapped))
    return known[swaps[0]] if text == twin.text else ""


def _target(row: str) -> str:
    return row.split(" ", 2)[2]


def _names(body: Body) -> Counter[str]:
    """What a body refers to by name; contents stand in braces."""
    parts = map(_target, body.refers)
    return Counter(part.rsplit(" ", 1)[0] for part in parts if not part.startswith("{"))


def _difference(body: Body, twin: Body) -> str:
    kind = "code" if body.is_code else "data"
    if body.section != twin.section:
        return f"was in section `{body.section}`, is in `{twin.section}`"
    lost, gained = _names(body) - _names(twin), _names(twin) - _names(body)
    if lost or gained:
        moved = [f"refers to `{name}` no more" for name in lost] + [f"refers to `{name}` now" for name in gained]
        return ", ".join(moved[:4])
    if len(body.data) != len(twin.data):
        return f"has {len(twin.data)} bytes of {kind}, had {len(body.data)}"
    at = next((at for at, (a, b) in enumerate(zip(body.data, twin.data, strict=True)) if a != b), None)
    if at is not None:
        return f"differs at byte {at} of its {kind}: {twin.data[at : at + 8].hex()}, was {body.data[at : at + 8].hex()}"
    if body.refers != twin.refers:
        return "refers to other constants"
    return "is shown, aligned or unwound in another way"


def _moved(was: Places, now: Places) -> list[str]:
    """Items whose panics name another line or file than before, and types that have another number."""
    items = {row[0] for text, rows in was.seen.items() if rows != now.seen.get(text, rows) for row in rows}
    types = sorted(text for text, number in was.types.items() if now.types.get(text, number) != number)
    panics = [told(item, PANIC, "its panics name the new place") for item in sorted(items)]
    return [*panics, *(told(name, TYPE_ID, "its number follows its path") for name in types)]


def _reordered(before: ObjectCode, after: ObjectCode, was: Places, now: Places) -> list[str]:
    """Sections that the source names, whose entries stand in another order."""
    old, new = orders(before, was), orders(after, now)
    return [f"order of entries in section `{s}`" for s in old.keys() & new.keys() if old[s] != new[s]]
