"""Says in a few words why a function stands in its module, and what a module is about.

Invariant: reads features only, no similarity matrix; the same module gives the same words.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from splitter.model.graph import SymbolGraph
from splitter.planner.features import Features
from splitter.planner.units import Unit

_NEAR = 4


@dataclass(frozen=True, slots=True)
class Tally:
    """What a module is made of: how many members have each name word, section and use, and where they stand.

    `everywhere` counts the words over the whole file: what every other module has as well tells little of this one.
    """

    members: int
    words: Counter[str]
    everywhere: Counter[str]
    sections: Counter[str]
    uses: Counter[str]
    places: frozenset[int]


def count_words(features: Iterable[Features], common: frozenset[str]) -> Counter[str]:
    """How many units have each word in their name, those left out that are common in the file."""
    return Counter(word for one in features for word in set(one.name) - common)


def tally(
    graph: SymbolGraph, members: list[tuple[Unit, Features]], common: frozenset[str], everywhere: Counter[str]
) -> Tally:
    """Counts over a module, made once for all of its members."""
    return Tally(
        len(members),
        count_words((one for _, one in members), common),
        everywhere,
        Counter(one.section for _, one in members if one.section),
        Counter(key for unit, _ in members for key in _uses(graph, unit)),
        frozenset(one.at for _, one in members),
    )


def why_together(graph: SymbolGraph, unit: Unit, one: Features, module: Tally) -> str:
    """The two strongest reasons why a unit stands in its module, each with the figure behind it."""
    others = module.members - 1
    if not others:
        return "stands by itself: nothing else in the file is like it"
    reasons: list[tuple[float, str]] = []
    reasons += [
        (2.0 * alike / others * sqrt((alike + 1) / module.everywhere[word]), f"named `{word}` like {alike} of {others}")
        for word in one.name
        if (alike := module.words[word] - 1) > 0 and len(word) > 1
    ]
    mates = module.sections[one.section] - 1
    if mates > 0:
        reasons.append((1.4 * mates / others, f"section “{one.section}”, like {mates} of {others}"))
    shared = _shared(graph, unit, module)
    if shared:
        key, count = shared
        reasons.append((0.5 + count / others, f"uses `{key.split(':', 1)[1]}` like {count} of them"))
    if any(at != one.at and at in module.places for at in range(one.at - _NEAR, one.at + _NEAR + 1)):
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


def _shared(graph: SymbolGraph, unit: Unit, module: Tally) -> tuple[str, int] | None:
    """What this unit and most of the others use that is not used all over the file."""
    counts = {key: module.uses[key] - 1 for key in _uses(graph, unit)}
    telling = {key: count for key, count in counts.items() if count and len(graph.users[key]) <= 2 * (count + 1)}
    if not telling:
        return None
    key = max(sorted(telling), key=lambda one: telling[one])
    return key, telling[key]


def _uses(graph: SymbolGraph, unit: Unit) -> set[str]:
    return {key for member in unit.keys for key in graph.uses.get(member, ())}
