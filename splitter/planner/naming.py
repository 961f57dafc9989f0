"""Names modules: from the lexicon, the section they stand in, or the words that tell their members from others.

Invariant: every path is made of snake_case identifiers, unique, and takes no reserved name.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from splitter.model.graph import SymbolGraph
from splitter.model.source import ItemKind
from splitter.planner.features import Features
from splitter.planner.lexicon import Domain, Lexicon
from splitter.source.uses import use_leaves

KEYWORDS = frozenset(
    "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move"
    " mut pub ref return self static struct super trait true type unsafe use where while abstract become box do final"
    " macro override priv try typeof unsized virtual yield gen union core std alloc proc_macro test mod main lib"
    .split()
)
_PLAIN = frozenset("new get set is to from with by of the and for in on do has".split())


@dataclass(frozen=True, slots=True)
class Named:
    """Name of a module and where it comes from."""

    path: str
    domain: Domain | None


def name_modules(
    modules: list[list[Features]], lexicon: Lexicon, reserved: frozenset[str]
) -> list[Named]:
    """Names for modules given the features of their anchors, most telling first."""
    everyone = Counter(word for members in modules for one in members for word in set(one.name))
    wanted: list[tuple[float, int, Named]] = []
    for at, members in enumerate(modules):
        known = _known(members, lexicon)
        if known:
            wanted.append((known[0], at, Named(known[1].path, known[1])))
        else:
            wanted.append((0.0, at, Named(_best_word(members, everyone), None)))
    taken: set[str] = set()
    found: dict[int, Named] = {}
    for _, at, named in sorted(wanted, key=lambda one: (-one[0], one[1])):
        words = [word for word, _ in _ranked(modules[at], everyone)]
        path = _free(named.path, words, taken, reserved)
        taken.add(path)
        found[at] = Named(path, named.domain)
    return [found[at] for at in range(len(modules))]


def own_names(graph: SymbolGraph) -> frozenset[str]:
    """Names that a module beside these items must not take: modules, crates, types and what `use` brings."""
    spaces = (ItemKind.MOD, ItemKind.EXTERN_CRATE, ItemKind.STRUCT, ItemKind.ENUM, ItemKind.UNION, ItemKind.TRAIT)
    names = {name for item in graph.items(*spaces, ItemKind.TYPE) for name in graph.defined[item.key]}
    for item in graph.items(ItemKind.USE):
        names.update(leaf.name for leaf in use_leaves(graph.source, item))
    return frozenset(names)


def _known(members: list[Features], lexicon: Lexicon) -> tuple[float, Domain] | None:
    score: dict[str, float] = defaultdict(float)
    domains = {}
    for one in members:
        for domain, length in lexicon.matching(one.name):
            score[domain.path] += 1.0 + 0.5 * (length - 1)
            domains[domain.path] = domain
    if not score:
        return None
    best = max(score, key=lambda path: (score[path], path.count("/"), path))
    share = score[best] / max(1, len(members))
    return (share, domains[best]) if share >= 0.5 else None


def _ranked(members: list[Features], everyone: Counter[str]) -> list[tuple[str, float]]:
    inside = Counter(word for one in members for word in set(one.name))
    total = max(1, len(members))
    every = max(1, everyone.total())
    score = {}
    for word, count in inside.items():
        if len(word) < 2 or word in _PLAIN or not word[0].isalpha():
            continue
        precision, recall = count / everyone[word], count / total
        score[word] = 1.25 * precision * recall / (0.25 * precision + recall) * (1 - everyone[word] / every)
    return sorted(score.items(), key=lambda one: (-one[1], one[0]))


def _best_word(members: list[Features], everyone: Counter[str]) -> str:
    ranked = _ranked(members, everyone)
    return ranked[0][0] if ranked else "misc"


def _free(path: str, words: list[str], taken: set[str], reserved: frozenset[str]) -> str:
    def usable(one: str) -> bool:
        parts = one.split("/")
        legal = all(re.fullmatch(r"[a-z][a-z0-9_]*", part) and part not in KEYWORDS for part in parts)
        nested = any(other.startswith(f"{one}/") or one.startswith(f"{other}/") for other in taken)
        return legal and one not in taken and parts[0] not in reserved and not nested

    options = [path, f"{path}_ops", *(f"{path}_{word}" for word in words if word != path), *words]
    options += [f"{path}_{number}" for number in range(2, 1000)] + [f"part_{number}" for number in range(1, 1000)]
    return next(option for option in options if usable(option))
