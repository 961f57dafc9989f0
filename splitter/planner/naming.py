"""Names modules: from the lexicon, or by the words that tell their members from the others.

Invariant: every path is made of snake_case identifiers, unique, takes no reserved name, and is no folder of
another one.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

from splitter.model.graph import SymbolGraph
from splitter.model.source import ItemKind
from splitter.planner.features import Features, without_common
from splitter.planner.lexicon import Domain, Lexicon, Phrase
from splitter.source.uses import use_leaves

KEYWORDS = frozenset(
    "abstract alloc as async await become box break const continue core crate do dyn else enum extern false final fn"
    " for gen if impl in let lib loop macro main match mod move mut override priv proc_macro pub ref return self static"
    " std struct super test trait true try type typeof union unsafe unsized use virtual where while yield".split()
)
_PLAIN = frozenset(
    "new get set is to from with by of the and for in on do has impl ffi free len into bits inner raw value obj ptr or"
    " at as not can no via all any one two".split()
)
_VERBS = frozenset(
    "add alloc apply build call check clear collect compute create decode do emit encode ensure extract fill find fn"
    " handle has init insert make maybe next parse pop push put raise read remove require resolve run set should start"
    " stop take try update use visit write".split()
)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_FAMILY_SHARE = 0.6
_PRECISION = 0.3
_VERB_WORTH = 0.6


@dataclass(frozen=True, slots=True)
class Named:
    """Name of a module and the domain of the lexicon behind it, if one is."""

    path: str
    domain: Domain | None


def name_modules(
    modules: list[list[Features]],
    wanted: list[str | None],
    lexicon: Lexicon,
    reserved: frozenset[str],
    common: frozenset[str],
) -> list[Named]:
    """Names for modules given the features of their functions; `wanted` are paths that are settled already."""
    everyone = Counter(word for members in modules for one in members for word in set(one.name))
    names = Counter(without_common(one.name, common) for members in modules for one in members)
    ranked = [_ranked(members, everyone, common) for members in modules]
    words = [[word for word, _ in row] for row in ranked]
    families = _families(modules, wanted, common, reserved)
    proposals: list[tuple[int, int, Named]] = []
    for at, members in enumerate(modules):
        path = wanted[at]
        known = None if path else _known(members, names, lexicon, common)
        best = ranked[at][0][1] if ranked[at] else 0.0
        if path is not None:
            proposals.append((0, at, Named(path, lexicon.domain(path))))
        elif at in families:
            rest = [one for one in ranked[at] if not families[at].startswith(one[0])]
            proposals.append((2, at, Named(f"{families[at]}/{_compose(members, rest)}", None)))
        elif known and known[0] >= best:
            proposals.append((1, at, Named(known[1].path, known[1])))
        else:
            proposals.append((2, at, Named(_compose(members, ranked[at]), None)))
    taken: set[str] = set()
    found: dict[int, Named] = {}
    for _, at, named in sorted(proposals, key=lambda one: (one[0], -len(modules[one[1]]), one[1])):
        path = _free(named, words[at], taken, reserved)
        taken.add(path)
        found[at] = Named(path, named.domain)
    return [found[at] for at in range(len(modules))]


def own_names(graph: SymbolGraph) -> frozenset[str]:
    """Names that a module beside these items must not take: modules, crates, types and what `use` brings."""
    kinds = (ItemKind.MOD, ItemKind.EXTERN_CRATE, ItemKind.STRUCT, ItemKind.ENUM, ItemKind.UNION, ItemKind.TRAIT)
    names = {name for item in graph.items(*kinds, ItemKind.TYPE) for name in graph.defined[item.key]}
    for item in graph.items(ItemKind.USE):
        names.update(leaf.name for leaf in use_leaves(graph.source, item))
    return frozenset(names)


def _known(
    members: list[Features], names: Counter[Phrase], lexicon: Lexicon, common: frozenset[str]
) -> tuple[float, Domain] | None:
    """The domain that tells most of the members' names, and how well it tells them from the others."""
    own = Counter(without_common(one.name, common) for one in members)
    best: tuple[float, Domain] | None = None
    for domain in lexicon.domains:
        inside = sum(count for name, count in own.items() if domain.tells(name))
        if 2 * inside < len(members) or inside < min(2, len(members)):
            continue
        everywhere = sum(count for name, count in names.items() if domain.tells(name))
        score = inside / len(members) * (inside / everywhere) ** _PRECISION
        if best is None or score > best[0]:
            best = (score, domain)
    return best


def _families(
    modules: list[list[Features]], wanted: list[str | None], common: frozenset[str], reserved: frozenset[str]
) -> dict[int, str]:
    """Word that the names of most members begin with, for modules that have it in common with another one."""
    leading: dict[str, list[int]] = defaultdict(list)
    for at, members in enumerate(modules):
        firsts = Counter(without_common(one.name, common)[:1] for one in members)
        if wanted[at] is None and firsts:
            first, count = max(firsts.items(), key=lambda one: (one[1], one[0]))
            legal = first and len(first[0]) > 2 and _IDENTIFIER.fullmatch(first[0])
            if legal and first[0] not in KEYWORDS | _PLAIN and count > _FAMILY_SHARE * len(members):
                leading[first[0]].append(at)
    free = {first: next(one for one in (first, f"{first}s", f"{first}_ops") if one not in reserved) for first in leading}
    return {at: free[first] for first, row in leading.items() if len(row) > 1 for at in row}


def _ranked(members: list[Features], everyone: Counter[str], common: frozenset[str]) -> list[tuple[str, float]]:
    """Words of the members' names, the most telling first: they occur in many members and seldom elsewhere."""
    inside = Counter(word for one in members for word in set(without_common(one.name, common)))
    score = {}
    for word, count in inside.items():
        if len(word) > 1 and word not in _PLAIN and _IDENTIFIER.fullmatch(word):
            telling = count / len(members) * (count / everyone[word]) ** _PRECISION
            score[word] = telling * (_VERB_WORTH if word in _VERBS else 1.0)
    return sorted(score.items(), key=lambda one: (-one[1], one[0]))


def _compose(members: list[Features], ranked: list[tuple[str, float]]) -> str:
    """The best word; two where they stand together as a rule, or where one alone names too few members."""
    if not ranked:
        return "common"
    best = ranked[0][0]
    with_best = [one for one in members if best in one.name]
    pairs = Counter(pair for one in with_best for pair in set(pairwise(one.name)) if best in pair)
    for (left, right), count in sorted(pairs.items(), key=lambda one: (-one[1], one[0])):
        other = right if left == best else left
        if count > 0.7 * len(with_best) and any(word == other for word, _ in ranked[:3]):
            return f"{left}_{right}"
    rest = [one for one in members if best not in one.name]
    if 2 * len(with_best) < len(members):
        second = max(ranked[1:6], key=lambda one: sum(one[0] in f.name for f in rest), default=None)
        if second and sum(second[0] in one.name for one in rest) >= 0.2 * len(members):
            return f"{best}_{second[0]}"
    return best


def _free(named: Named, words: list[str], taken: set[str], reserved: frozenset[str]) -> str:
    """The path, or the nearest one that may be had."""

    def usable(one: str) -> bool:
        parts = one.split("/")
        legal = all(_IDENTIFIER.fullmatch(part) and part not in KEYWORDS for part in parts)
        nested = any(other.startswith(f"{one}/") or one.startswith(f"{other}/") for other in taken)
        return legal and one not in taken and parts[0] not in reserved and not nested

    path = named.path
    folder, _, leaf = path.rpartition("/")
    base = f"{folder}/" if folder else ""
    options = [path, *((named.domain.alias,) if named.domain and named.domain.alias else ())]
    options += [f"{base}{leaf}_{word}" for word in words[:3] if word not in leaf.split("_")]
    options += [f"{base}{word}" for word in words if base]
    options += [f"{path}_ops", *(f"{path.replace('/', '_ops/', 1)}",) * bool(base)]
    options += [f"{path}_{number}" for number in range(2, 1000)] + [f"part_{number}" for number in range(1, 1000)]
    return next(option for option in options if usable(option))
