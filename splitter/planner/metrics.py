"""Figures on a division of items into modules, by itself and beside another one.

Invariant: a division is a mapping of keys to module names; keys that only one of two divisions has are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping

Division = Mapping[str, Hashable]


def mojofm(ours: Division, theirs: Division) -> float:
    """Similarity of two divisions in percent, 100 where ours is theirs or refines nothing.

    Source: Wen and Tzerpos, "An effectiveness measure for software clustering algorithms" (IWPC 2004), on the
    least number of moves and joins (Wen and Tzerpos, "An optimal algorithm for MoJo distance", IWPC 2003).
    """
    keys = [key for key in theirs if key in ours]
    if not keys:
        return 100.0
    worst = _most_operations([theirs[key] for key in keys])
    if worst == 0:
        return 100.0
    return 100.0 * (1.0 - _operations(ours, theirs, keys) / worst)


def adjusted_rand(ours: Division, theirs: Division) -> float:
    """Agreement on pairs beyond chance, in percent.

    Source: Hubert and Arabie, "Comparing partitions" (Journal of Classification 2, 1985).
    """
    keys = [key for key in theirs if key in ours]
    cells = Counter((ours[key], theirs[key]) for key in keys)
    rows, columns = Counter(ours[key] for key in keys), Counter(theirs[key] for key in keys)
    together = _pairs(cells.values())
    left, right, every = _pairs(rows.values()), _pairs(columns.values()), _pairs([len(keys)])
    expected = left * right / every if every else 0.0
    most = (left + right) / 2
    return 100.0 if most == expected else 100.0 * (together - expected) / (most - expected)


def cohesion(division: Division, ties: Iterable[tuple[str, str]]) -> dict[Hashable, float]:
    """Share of each module's ties that stay inside it; a module without ties has 1."""
    inside: Counter[Hashable] = Counter()
    touching: Counter[Hashable] = Counter()
    for src, dst in ties:
        ends = {division.get(src), division.get(dst)} - {None}
        touching.update(ends)
        if src in division and dst in division and len(ends) == 1:
            inside.update(ends)
    return {name: inside[name] / touching[name] if touching[name] else 1.0 for name in set(division.values())}


def ties_between(division: Division, ties: Iterable[tuple[str, str]]) -> Counter[tuple[Hashable, Hashable]]:
    """How many ties lead from each module to each other one."""
    found: Counter[tuple[Hashable, Hashable]] = Counter()
    for src, dst in ties:
        if src in division and dst in division and division[src] != division[dst]:
            found[division[src], division[dst]] += 1
    return found


def _pairs(sizes: Iterable[int]) -> float:
    return sum(size * (size - 1) / 2 for size in sizes)


def _operations(ours: Division, theirs: Division, keys: list[str]) -> int:
    """Least moves and joins that turn our division into theirs."""
    rows: dict[Hashable, Counter[Hashable]] = defaultdict(Counter)
    for key in keys:
        rows[ours[key]][theirs[key]] += 1
    moves = len(keys) - sum(max(row.values()) for row in rows.values())
    tags = [[name for name, count in row.items() if count == max(row.values())] for row in rows.values()]
    return moves + len(rows) - _matching(tags)


def _matching(tags: list[list[Hashable]]) -> int:
    """Size of a maximum matching of our modules to theirs (Kuhn's augmenting paths)."""
    owner: dict[Hashable, int] = {}

    def augment(row: int, seen: set[Hashable]) -> bool:
        for tag in tags[row]:
            if tag in seen:
                continue
            seen.add(tag)
            if tag not in owner or augment(owner[tag], seen):
                owner[tag] = row
                return True
        return False

    return sum(augment(row, set()) for row in range(len(tags)))


def _most_operations(theirs: list[Hashable]) -> int:
    """Operations that the division farthest from theirs needs.

    It spreads their modules evenly, so that as few of our modules as possible have a name of their own to take:
    with their sizes in ascending order, a group can be had for each size above the number of groups before it.
    """
    sizes = sorted(Counter(theirs).values())
    groups = 0
    for size in sizes:
        if groups < size:
            groups += 1
    return len(theirs) - groups
