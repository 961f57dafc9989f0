"""Check `behaviour`: the library before and the library after answer the same calls in the same way.

Invariant: judges what was recorded of both; a library of which too much differs from itself is not called equal.
"""

from splitter.model.calls import Argument, Behaviour, Call, Difference, Earlier, Echo, Fields, Memory
from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.verify.missing import absent
from splitter.verify.places import parsed

_MOST_UNSTABLE = 0.1


def check_behaviour(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare what sequences of calls came to; `after` holds what was played to both libraries."""
    if isinstance(after.behaviour, Missing):
        return absent("behaviour", after.behaviour)
    places = _places(before, after, scope)
    findings: list[Finding] = []
    functions: set[str] = set()
    unstable: set[str] = set()
    notes: list[str] = []
    calls = sequences = 0
    for name, played in after.behaviour.items():
        functions |= played.exercised.keys()
        unstable |= set(played.unstable)
        calls += sum(played.exercised.values())
        sequences += played.sequences
        findings += [_finding(difference, places, name) for difference in played.differences]
        notes += _notes(played, name)
    differing = {difference.symbol for played in after.behaviour.values() for difference in played.differences}
    reason = f"{len(functions)} functions, {calls} calls in {sequences} sequences"
    compared = len(functions | differing)
    if not findings and len(unstable) > _MOST_UNSTABLE * (compared + len(unstable)):
        told = f"{len(unstable)} of {compared + len(unstable)} functions differ from themselves on a second run"
        return CheckResult("behaviour", Outcome.SKIPPED, reason=told, lawful=tuple(notes))
    if not compared:
        return _nothing(after.behaviour, notes)
    return judge("behaviour", compared, compared - len(differing), tuple(findings), reason, tuple(notes))


def _nothing(behaviour: dict[str, Behaviour], notes: list[str]) -> CheckResult:
    left_out = any(played.left_out for played in behaviour.values())
    if left_out:
        reason = "no function that moved can be called from outside with arguments that can be made up"
        return CheckResult("behaviour", Outcome.SKIPPED, reason=reason, lawful=tuple(notes))
    return CheckResult("behaviour", Outcome.NOT_APPLICABLE, reason="nothing that moved is exported")


def _notes(played: Behaviour, configuration: str) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for symbol, reason in played.left_out.items():
        by_reason.setdefault(reason, []).append(symbol)
    notes = [f"not called ({reason}): {', '.join(names)} ({configuration})" for reason, names in by_reason.items()]
    if played.unstable:
        notes.append(f"differ from themselves on a second run: {', '.join(played.unstable)} ({configuration})")
    return notes


def _places(before: Evidence, after: Evidence, scope: Scope) -> dict[str, tuple[str, str, int]]:
    """Item, file and line of every name of a function in the tree after, or where it was."""
    found: dict[str, tuple[str, str, int]] = {}
    for files in (before.files, after.files):
        for path, source in parsed(files).items():
            for item in source.items:
                found[item.symbol or item.name] = (item.key, path, item.line)
    return found or {"": ("", scope.monolith, 1)}


def _finding(difference: Difference, places: dict[str, tuple[str, str, int]], configuration: str) -> Finding:
    item, path, line = places.get(difference.symbol, ("", next(iter(places.values()))[1], 1))
    told = f"`{reproduction(difference)}` gave `{_short(difference.before)}`, gives `{_short(difference.after)}`"
    return Finding(item, path, line, f"{told} ({configuration})")


def reproduction(difference: Difference) -> str:
    """The calls as a person would write them; results that later calls take have names."""
    used = {a.call for call in difference.sequence for a in call.arguments if isinstance(a, Earlier)}
    lines = []
    for at, call in enumerate(difference.sequence):
        lines.append((f"r{at} = " if at in used else "") + _call(call))
    return "; ".join(lines)


def _call(call: Call) -> str:
    return f"{call.symbol}({', '.join(map(_argument, call.arguments))})"


def _argument(argument: Argument) -> str:  # noqa: PLR0911 - a line for each kind
    match argument:
        case None:
            return "null"
        case bool():
            return str(argument).lower()
        case Earlier(index):
            return f"r{index}"
        case Memory(data):
            text = data.rstrip(b"\0 ")
            return f"{text!r}" if text else f"[0; {len(data)}]"
        case Echo():
            return "echo"
        case Fields(values):
            return f"{{{', '.join(map(_argument, values))}}}"
    return str(argument)


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "…"
