"""Names modules: from the lexicon, or by the words that tell their members from the others.

Invariant: every path is made of snake_case identifiers, unique, takes no reserved name, and is no folder of
another one.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from splitter.model.graph import SymbolGraph
from splitter.model.source import ItemKind
from splitter.planner.families import find_families
from splitter.planner.features import Features, without_common
from splitter.planner.lexicon import Domain, Lexicon
from splitter.planner.words import IDENTIFIER, KEYWORDS, PRECISION, compose_name, name_words, rank_words
from splitter.source.uses import use_leaves

_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Named:
    """Name of a module and the domain of the lexicon behind it; `settled` where that made the grouping too."""

    path: str
    domain: Domain | None
    settled: bool = False


def name_modules(
    modules: list[list[Features]],
    wanted: list[str | None],
    lexicon: Lexicon,
    reserved: frozenset[str],
    common: frozenset[str],
) -> list[Named]:
    """Names for modules given the features of their functions; `wanted` are paths that are settled already."""
    ground = _survey(modules, wanted, lexicon, reserved, common)
    proposals = [(*_propose(ground, at, wanted[at]), at) for at in range(len(modules))]
    taken: set[str] = set()
    found: dict[int, Named] = {}
    for _, named, at in sorted(proposals, key=lambda one: (one[0], -len(modules[one[2]]), one[2])):
        path = _free(named, [word for word, _ in ground.ranked[at]], taken, reserved)
        taken.add(path)
        found[at] = Named(path, named.domain, named.settled)
    return [found[at] for at in range(len(modules))]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is known of all modules before any is named.

    By module: its functions, their words with how telling each is, the domain that tells most of them with how well
    it does. `families` says which family a module is of, `homes` how many modules a domain tells (those that tell more
    than half of them left out), `members_of` how many are of a family of the lexicon.
    """

    modules: list[list[Features]]
    ranked: list[list[tuple[str, float]]]
    domains: list[tuple[float, Domain] | None]
    families: dict[int, str]
    homes: dict[str, int]
    members_of: Counter[str]
    lexicon: Lexicon
    reserved: frozenset[str]

    def name(self, at: int, without: Collection[str] = ()) -> str:
        """A name from the words of a module's functions, some of them left out."""
        return compose_name(self.modules[at], [one for one in self.ranked[at] if one[0] not in without])


def _survey(
    modules: list[list[Features]],
    wanted: list[str | None],
    lexicon: Lexicon,
    reserved: frozenset[str],
    common: frozenset[str],
) -> _Ground:
    everyone = Counter(word for members in modules for one in members for word in name_words(one, frozenset()))
    ranked = [rank_words(members, everyone, lexicon, common) for members in modules]
    free = {at: members for at, members in enumerate(modules) if wanted[at] is None}
    told, everywhere = _told(modules, lexicon, common)
    domains = [
        None if path else _known(row, everywhere, len(members), best[0][1] if best else 0.0, lexicon)
        for row, members, path, best in zip(told, modules, wanted, ranked, strict=True)
    ]
    homes = Counter(known[1].path for known in domains if known)
    paths = [*filter(None, wanted), *homes.elements()]
    return _Ground(
        modules,
        ranked,
        domains,
        find_families(free, len(modules) - len(free), lexicon, common, reserved),
        {path: count for path, count in homes.items() if 2 * count <= len(modules)},
        Counter(path.rpartition("/")[0] for path in paths),
        lexicon,
        reserved,
    )


def _propose(ground: _Ground, at: int, path: str | None) -> tuple[int, Named]:
    """The name that suits a module best, and in which turn it is given: what is settled goes first, words go last."""
    heads = set(ground.families.values())
    ranked, known = ground.ranked[at], ground.domains[at]
    if path is not None:
        return 0, Named(path, ground.lexicon.domain(path), settled=True)
    if at in ground.families:
        ours = [word for word, _ in ranked if any(head.startswith(word) for head in heads)]
        return 2, Named(f"{ground.families[at]}/{ground.name(at, ours)}", None)
    if known is None:
        return 2, Named(ground.name(at), None)
    score, domain = known
    if "/" not in domain.path and (ground.homes.get(domain.path, 0) > 1 or domain.path in heads):
        home = domain.path if domain.path not in ground.reserved else domain.alias or f"{domain.path}_ops"
        return 1, Named(f"{home}/{ground.name(at, (home,))}", None)
    if not ranked or score >= ranked[0][1] or ranked[0][0] in domain.words:
        return 1, Named(_in_company(domain, ground.members_of), domain)
    return 2, Named(ground.name(at), None)


def _in_company(domain: Domain, members_of: Counter[str]) -> str:
    """The domain's path; its last part where only a beginning tells it, and nothing else of its family is about."""
    family, _, member = domain.path.rpartition("/")
    return domain.path if domain.words or members_of[family] > 1 else member


def own_names(graph: SymbolGraph) -> frozenset[str]:
    """Names that a module beside these items must not take: modules, crates, types and what `use` brings."""
    kinds = (ItemKind.MOD, ItemKind.EXTERN_CRATE, ItemKind.STRUCT, ItemKind.ENUM, ItemKind.UNION, ItemKind.TRAIT)
    names = {name for item in graph.items(*kinds, ItemKind.TYPE) for name in graph.defined[item.key]}
    for item in graph.items(ItemKind.USE):
        names.update(leaf.name for leaf in use_leaves(graph.source, item))
    return frozenset(names)


def _told(
    modules: list[list[Features]], lexicon: Lexicon, common: frozenset[str]
) -> tuple[list[Counter[str]], Counter[str]]:
    """How many functions of each module a domain tells, by its path, and how many it tells of all.

    What tells more than half of the whole file does not tell its modules apart.
    """
    spoken = {word for members in modules for one in members for word in one.name}
    rows = [
        Counter(
            domain.path
            for one in members
            for domain in lexicon.telling(without_common(one.name, common))
            if domain.is_spoken(spoken)
        )
        for members in modules
    ]
    everywhere = sum(rows, Counter[str]())
    most = _SHARE * sum(map(len, modules))
    telling = {path for path, count in everywhere.items() if count <= most}
    return [Counter({path: row[path] for path in row.keys() & telling}) for row in rows], everywhere


def _known(
    told: Counter[str], everywhere: Counter[str], members: int, word: float, lexicon: Lexicon
) -> tuple[float, Domain] | None:
    """The domain that tells most of the members' names, and how well it tells them from the others.

    It has to tell half of them; a quarter where they have no word in common (`word` is how telling the best is).
    """
    scores: dict[str, float] = {}
    for path, inside in told.items():
        score = inside / members * (inside / everywhere[path]) ** PRECISION
        if inside >= min(2, members) and (2 * inside >= members or (4 * inside >= members and score >= 2 * word)):
            scores[path] = score
    best = min(scores, key=lambda path: (-scores[path], path), default="")
    domain = lexicon.domain(best)
    return (scores[best], domain) if domain else None


def _free(named: Named, words: list[str], taken: set[str], reserved: frozenset[str]) -> str:
    """The path, or the nearest one that may be had."""

    def usable(one: str) -> bool:
        parts = one.split("/")
        legal = all(IDENTIFIER.fullmatch(part) and part not in KEYWORDS for part in parts)
        nested = any(other.startswith(f"{one}/") or one.startswith(f"{other}/") for other in taken)
        return legal and one not in taken and not reserved.intersection(parts) and not nested

    path = named.path
    folder, _, leaf = path.rpartition("/")
    base = f"{folder}/" if folder else ""
    options: list[str] = [path, *((named.domain.alias,) if named.domain and named.domain.alias else ())]
    said = {*leaf.split("_"), *(named.domain.words if named.domain else ())}
    options += [f"{base}{leaf}_{word}" for word in words[:4] if word not in said]
    options += [f"{base}{word}" for word in words if base]
    options += [f"{path}_ops", *(f"{path.replace('/', '_ops/', 1)}",) * bool(base)]
    options += [f"{path}_{number}" for number in range(2, 1000)] + [f"part_{number}" for number in range(1, 1000)]
    return next(option for option in options if usable(option))
