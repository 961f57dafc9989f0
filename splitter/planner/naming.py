"""Names modules: from the lexicon, or by the words that tell their members from the others.

Invariant: every path is made of snake_case identifiers, unique, takes no reserved name, and is no folder of
another one.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from splitter.model.graph import SymbolGraph
from splitter.model.source import ItemKind
from splitter.planner.features import Features, without_common
from splitter.planner.lexicon import Domain, Lexicon
from splitter.source.uses import use_leaves

KEYWORDS = frozenset(
    "abstract alloc as async await become box break const continue core crate do dyn else enum extern false final fn"
    " for gen if impl in let lib loop macro main match mod move mut override priv proc_macro pub ref return self static"
    " std struct super test trait true try type typeof union unsafe unsized use virtual where while yield".split()
)
_PLAIN = frozenset(
    "new get set is to from with by of the and for in on do has get2 impl ffi free len from2 into bits inner raw"
    " value obj ptr".split()
)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_FAMILY_SHARE = 0.6


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
    words = [_ranked(members, modules, common) for members in modules]
    families = _families(modules, wanted, common)
    proposals: list[tuple[int, int, Named]] = []
    for at, members in enumerate(modules):
        path = wanted[at]
        if path is not None:
            proposals.append((0, at, Named(path, lexicon.domain(path))))
            continue
        domain = _known(members, lexicon, common)
        if at in families:
            rest = [word for word in words[at] if word != families[at]]
            proposals.append((2, at, Named(f"{families[at]}/{(rest or ['common'])[0]}", domain)))
        elif domain:
            proposals.append((1, at, Named(domain.path, domain)))
        else:
            proposals.append((2, at, Named((words[at] or ["misc"])[0], None)))
    taken: set[str] = set()
    found: dict[int, Named] = {}
    for _, at, named in sorted(proposals, key=lambda one: (one[0], -len(modules[one[1]]), one[1])):
        path = _free(named.path, words[at], taken, reserved)
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


def _known(members: list[Features], lexicon: Lexicon, common: frozenset[str]) -> Domain | None:
    """The domain whose words most of the members' names contain."""
    score: Counter[Domain] = Counter()
    for one in members:
        name = without_common(one.name, common)
        score.update({domain: 2 if name[:1] in domain.words else 1 for domain in lexicon.containing(name)})
    if not score:
        return None
    best = max(score, key=lambda domain: (score[domain], domain.path))
    return best if score[best] >= 1.2 * len(members) else None


def _families(
    modules: list[list[Features]], wanted: list[str | None], common: frozenset[str]
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
    return {at: first for first, row in leading.items() if len(row) > 1 for at in row}


def _ranked(members: list[Features], modules: list[list[Features]], common: frozenset[str]) -> list[str]:
    """Words of the members' names, the most telling first: they occur in many members and seldom elsewhere."""
    inside: Counter[str] = Counter()
    for one in members:
        name = without_common(one.name, common)
        inside.update(set(name))
        inside.update({word: 0.5 for word in set(name[:1])})
    elsewhere = Counter(word for row in modules for one in row for word in set(one.name))
    score = {}
    for word, count in inside.items():
        if len(word) < 2 or word in _PLAIN or not _IDENTIFIER.fullmatch(word):
            continue
        precision, recall = min(1.0, count / elsewhere[word]), count / max(1, len(members))
        score[word] = precision**0.5 * recall
    return sorted(score, key=lambda word: (-score[word], word))


def _free(path: str, words: list[str], taken: set[str], reserved: frozenset[str]) -> str:
    """The path, or the nearest one that may be had."""

    def usable(one: str) -> bool:
        parts = one.split("/")
        legal = all(_IDENTIFIER.fullmatch(part) and part not in KEYWORDS for part in parts)
        nested = any(other.startswith(f"{one}/") or one.startswith(f"{other}/") for other in taken)
        return legal and one not in taken and parts[0] not in reserved and not nested

    folder, _, leaf = path.rpartition("/")
    base = f"{folder}/" if folder else ""
    options = [path]
    options += [f"{base}{leaf}_{word}" for word in words[:3] if word not in leaf.split("_")]
    options += [f"{base}{word}" for word in words if base]
    options += [f"{path}_ops", *(f"{path.replace('/', '_ops/', 1)}",) * bool(base)]
    options += [f"{path}_{number}" for number in range(2, 1000)] + [f"part_{number}" for number in range(1, 1000)]
    return next(option for option in options if usable(option))
