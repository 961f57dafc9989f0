"""Finds the words that tell a module's functions from the others, and makes a name of them.

Invariant: knows no other module's name; a name may still be taken or reserved.
"""

import re
from collections import Counter
from functools import cache
from itertools import pairwise

from splitter.planner.features import Features, without_common
from splitter.planner.lexicon import Lexicon, Phrase
from splitter.source.mentions import KEYWORDS as RUST_KEYWORDS

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
KEYWORDS = frozenset(word.decode() for word in RUST_KEYWORDS) | frozenset(
    ("alloc", "core", "lib", "main", "proc_macro", "std", "test", "union")
)
PRECISION = 0.3
_VERB_WORTH = 0.6
_SHORT = 4


def rank_words(
    members: list[Features], everyone: Counter[str], lexicon: Lexicon, common: frozenset[str]
) -> list[tuple[str, float]]:
    """Words of the members' names, the most telling first: they occur in many members and seldom elsewhere."""
    inside = Counter(word for one in members for word in name_words(one, common))
    score = {}
    for word, count in inside.items():
        if len(word) > 1 and word not in lexicon.usual and IDENTIFIER.fullmatch(word):
            telling = count / len(members) * (count / everyone[word]) ** PRECISION
            score[word] = telling * (_VERB_WORTH if word in lexicon.verbs else 1.0)
    return sorted(score.items(), key=lambda one: (-one[1], one[0]))


def name_words(one: Features, common: frozenset[str]) -> set[str]:
    """Words of a function's name without the file's own prefix, plurals as singulars."""
    return set(_singular(without_common(one.name, common)))


def _singular(name: Phrase) -> Phrase:
    """The words of a name without a plural's ending: `matches` is `match`, `entries` is `entry`, `alias` stays."""
    return tuple(map(_without_plural, name))


@cache
def _without_plural(word: str) -> str:
    if len(word) <= _SHORT or not word.endswith("s") or word.endswith(("ss", "us", "is", "as", "os")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes")) else word[:-1]


def compose_name(members: list[Features], ranked: list[tuple[str, float]]) -> str:
    """The best word; two where they stand together as a rule, or where one alone names too few members."""
    if not ranked:
        return "common"
    best = ranked[0][0]
    singular = [_singular(one.name) for one in members]
    with_best = [name for name in singular if _has(name, best)]
    pairs = Counter(two for name in with_best for two in set(pairwise(name)))
    counts = {
        pair: sum(count for two, count in pairs.items() if _together(two, pair)) for pair in pairs if best in pair
    }
    for (left, right), count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        other = right if left == best else left
        if count > 0.7 * len(with_best) and any(word == other for word, _ in ranked):
            return f"{left}_{right}"
    rest = [name for name in singular if not _has(name, best)]
    if 3 * len(with_best) < 2 * len(members):
        second = max(ranked[1:6], key=lambda one: sum(one[0] in name for name in rest), default=None)
        if second and sum(second[0] in name for name in rest) >= 0.2 * len(members):
            return f"{best}_{second[0]}"
    return best


def _together(two: Phrase, pair: Phrase) -> bool:
    return all(one.startswith(other) for one, other in zip(two, pair, strict=True))


def _has(name: Phrase, word: str) -> bool:
    return any(one.startswith(word) for one in name)
