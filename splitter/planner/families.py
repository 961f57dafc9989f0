"""Which modules become a family: nested under a word that their functions' names have in common.

Invariant: no word that says little heads a family, and no family holds more than half of the modules.
"""

from collections import Counter, defaultdict

from splitter.planner.features import Features, without_common
from splitter.planner.lexicon import Lexicon
from splitter.planner.words import IDENTIFIER, KEYWORDS, name_words

_LEADING = 0.6
_COMMON = 0.3
_TOP = 2.0
_TOP_GROWTH = 0.2
_SHORT = 2

Modules = dict[int, list[Features]]


def find_families(
    modules: Modules, apart: int, lexicon: Lexicon, common: frozenset[str], reserved: frozenset[str]
) -> dict[int, str]:
    """Family of each module that is in one, by its number; `apart` are the modules that are named already.

    A word that the names of most members begin with makes a family wherever two modules have it; where more modules
    are left than a reader takes in at a glance, so does any word that a good part of the members of each has.
    """
    everything = len(modules) + apart
    found = _by_beginning(modules, everything, lexicon, common)
    functions = sum(len(members) for members in modules.values())
    shares = {
        at: {word: count / len(members) for word, count in _word_counts(members, common).items()}
        for at, members in modules.items()
        if at not in found
    }
    while everything - len(found) + len(set(found.values())) > _TOP * functions**_TOP_GROWTH:
        word, row = _best(shares, everything, lexicon)
        if not row:
            break
        found.update(dict.fromkeys(row, word))
        for at in row:
            del shares[at]
    free = {word: _free(word, lexicon, reserved) for word in set(found.values())}
    return {at: free[word] for at, word in found.items()}


def _by_beginning(modules: Modules, everything: int, lexicon: Lexicon, common: frozenset[str]) -> dict[int, str]:
    leading: dict[str, list[int]] = defaultdict(list)
    for at, members in modules.items():
        firsts = Counter(without_common(one.name, common)[:1] for one in members)
        if firsts:
            first, count = max(firsts.items(), key=lambda one: (one[1], one[0]))
            if first and _tells(first[0], lexicon) and count > _LEADING * len(members):
                leading[first[0]].append(at)
    return {at: word for word, row in leading.items() if 1 < len(row) <= everything / 2 for at in row}


def _best(shares: dict[int, dict[str, float]], everything: int, lexicon: Lexicon) -> tuple[str, list[int]]:
    """The word that most modules have in common, and these modules; of several the one that is most theirs."""
    rows: dict[str, list[int]] = defaultdict(list)
    for at, row in shares.items():
        for word, share in row.items():
            if share >= _COMMON and word not in lexicon.verbs and _tells(word, lexicon):
                rows[word].append(at)
    able = {word: row for word, row in rows.items() if 1 < len(row) <= everything / 2}
    if not able:
        return "", []
    word = min(able, key=lambda one: (-sum(shares[at][one] for at in able[one]), one))
    return word, able[word]


def _word_counts(members: list[Features], common: frozenset[str]) -> Counter[str]:
    return Counter(word for one in members for word in name_words(one, common))


def _tells(word: str, lexicon: Lexicon) -> bool:
    legal = len(word) > _SHORT and IDENTIFIER.fullmatch(word)
    return bool(legal) and word not in KEYWORDS and word not in lexicon.usual


def _free(word: str, lexicon: Lexicon, reserved: frozenset[str]) -> str:
    """The word, or its plural where a domain is called so, as it may be had."""
    plural: tuple[str, ...] = (f"{word}s",) if lexicon.domain(f"{word}s") else ()
    return next(one for one in (*plural, word, f"{word}s", f"{word}_ops", f"{word}_family") if one not in reserved)
