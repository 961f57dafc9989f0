"""Which entry before is which entry after.

Exact twins first, then those whose code is equal, then the same name, at last the most similar ones, which were
renamed. Invariant: each entry is in at most one pair; where several fit, the one in the nearest module is taken.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from difflib import SequenceMatcher

from splitter.verify.by_hand.entries import Entry

#: Share of tokens that a renamed item has to have kept, and the fewest tokens by which that can be told.
_SIMILAR = 0.75
_ENOUGH = 8


@dataclass(frozen=True, slots=True)
class Matching:
    """Pairs in the order of the tree before, and what found no partner."""

    pairs: tuple[tuple[Entry, Entry], ...]
    lost: tuple[Entry, ...]
    extra: tuple[Entry, ...]


def match_entries(old: tuple[Entry, ...], new: tuple[Entry, ...]) -> Matching:
    """Pair the entries of two trees."""
    found: dict[Entry, Entry] = {}
    left = list(old)
    spare = list(new)
    for signature in (_exactly, _by_code, _by_owner, _by_key):
        left, spare = _paired(left, spare, signature, found)
    _pair_renamed(left, spare, found)
    lost = tuple(entry for entry in left if entry not in found)
    taken = set(found.values())
    extra = tuple(entry for entry in spare if entry not in taken)
    return Matching(tuple((entry, found[entry]) for entry in old if entry in found), lost, extra)


def _exactly(entry: Entry) -> Hashable:
    parts = entry.parts
    return entry.key, entry.owner, parts.texts, parts.attributes, parts.docs, frozenset(entry.item.cfgs)


def _by_code(entry: Entry) -> Hashable:
    return entry.key, entry.owner, entry.parts.texts


def _by_owner(entry: Entry) -> Hashable:
    return entry.key, entry.owner, frozenset(entry.item.cfgs)


def _by_key(entry: Entry) -> Hashable:
    return entry.key


def _paired(
    left: list[Entry], spare: list[Entry], signature: Callable[[Entry], Hashable], found: dict[Entry, Entry]
) -> tuple[list[Entry], list[Entry]]:
    """Pair what has the same signature; gives what is left of both."""
    groups: dict[Hashable, list[Entry]] = defaultdict(list)
    for entry in spare:
        groups[signature(entry)].append(entry)
    rest = []
    for entry in left:
        group = groups[signature(entry)]
        if not group:
            rest.append(entry)
            continue
        best = max(group, key=lambda other: _nearness(entry, other)) if len(group) > 1 else group[0]
        group.remove(best)
        found[entry] = best
    taken = set(found.values())
    return rest, [entry for entry in spare if entry not in taken]


def _nearness(old: Entry, new: Entry) -> tuple[float, int, bool]:
    similar = 1.0 if old.parts.texts == new.parts.texts else _ratio(old, new)
    shared = sum(1 for one, other in zip(old.module, new.module, strict=False) if one == other)
    return similar, shared, old.path == new.path


def _pair_renamed(left: list[Entry], spare: list[Entry], found: dict[Entry, Entry]) -> None:
    taken: set[Entry] = set()
    for entry in left:
        if len(entry.parts.code) < _ENOUGH:
            continue
        alike = [other for other in spare if other.item.kind is entry.item.kind and other not in taken]
        rated = [(ratio, other) for other in alike if (ratio := _ratio(entry, other)) >= _SIMILAR]
        if rated:
            found[entry] = max(rated, key=lambda pair: pair[0])[1]
            taken.add(found[entry])


def _ratio(old: Entry, new: Entry) -> float:
    matcher = SequenceMatcher(None, old.parts.texts, new.parts.texts, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _SIMILAR and matcher.quick_ratio() >= _SIMILAR else 0.0
