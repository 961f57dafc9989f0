"""Says in a few words why a function stands in its module, and what a module is about.

Invariant: reads features only, no similarity matrix; the same module gives the same words.
"""

from collections import Counter

from splitter.model.graph import SymbolGraph
from splitter.planner.features import Features
from splitter.planner.units import Unit


def why_together(
    graph: SymbolGraph, unit: Unit, one: Features, members: list[tuple[Unit, Features]], common: frozenset[str]
) -> str:
    """The two strongest reasons, each with the figure behind it."""
    others = [(u, f) for u, f in members if u.key != unit.key]
    if not others:
        return "stands by itself: nothing else in the file is like it"
    reasons: list[tuple[float, str]] = []
    words = Counter(word for _, f in others for word in set(f.name) - common)
    reasons += [
        (2.0 * words[word] / len(others), f"named `{word}` like {words[word]} of {len(others)}")
        for word in one.name
        if words[word] and len(word) > 1
    ]
    mates = sum(f.section == one.section for _, f in others) if one.section else 0
    if mates:
        reasons.append((1.4 * mates / len(others), f"section “{one.section}”, like {mates} of {len(others)}"))
    shared = _shared(graph, unit, [u for u, _ in others])
    if shared:
        key, count = shared
        reasons.append((0.5 + count / len(others), f"uses `{key.split(':', 1)[1]}` like {count} of them"))
    near = sum(abs(f.at - one.at) <= 4 for _, f in others)
    if near:
        reasons.append((0.3, "stands beside them in the file"))
    reasons.sort(key=lambda reason: (-reason[0], reason[1]))
    picked = [reasons[0]] if reasons else []
    picked += [r for r in reasons[1:] if r[1].split()[0] != picked[0][1].split()[0]][:1]
    return "; ".join(text for _, text in picked) or "most like these by the identifiers in its body"


def describe_module(path: str, members: list[tuple[Unit, Features]]) -> str:
    """One sentence on a module that the lexicon does not know."""
    topic = path.replace("/", ", ").replace("_", " ")
    sections = Counter(f.section for _, f in members if f.section)
    if sections:
        section, count = max(sections.items(), key=lambda entry: (entry[1], entry[0]))
        if 2 * count > len(members):
            return f"{section[:1].upper()}{section[1:].rstrip('.')}."
    names = [f"`{unit.name}`" for unit, _ in members[:2]]
    more = len(members) - len(names)
    tail = f" and {more} more" if more else ""
    return f"{topic[:1].upper()}{topic[1:]}: {', '.join(names)}{tail}." if names else f"{topic.capitalize()}."


def _shared(graph: SymbolGraph, unit: Unit, others: list[Unit]) -> tuple[str, int] | None:
    """What this unit and most of the others use that is not used all over the file."""
    own = {key for member in unit.keys for key in graph.uses.get(member, ())}
    counts = Counter(
        key for other in others for key in {k for m in other.keys for k in graph.uses.get(m, ())} if key in own
    )
    telling = {key: count for key, count in counts.items() if len(graph.users[key]) <= 2 * (count + 1)}
    if not telling:
        return None
    key = max(sorted(telling), key=lambda one: telling[one])
    return key, telling[key]
