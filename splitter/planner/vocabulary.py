"""Groups by the lexicon, where a file speaks its words: `rt_sha1_new` and its like go to `hash/sha1`.

Invariant: says nothing about a file most of whose functions the lexicon does not know; there, private helpers
are grouped by likeness like any other function, here they follow those who use them.
"""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from splitter.planner.features import Features, common_words, without_common
from splitter.planner.lexicon import Lexicon

if TYPE_CHECKING:
    from splitter.planner.join import Cluster
    from splitter.planner.similarity import Matrix

_SHARE = 0.6
_DOMAINS = 4
_FAMILY = 3
_NEAREST = 3


def find_labels(features: tuple[Features, ...], lexicon: Lexicon) -> dict[int, str]:
    """Domain of each exported function whose name begins with a prefix of the lexicon, by number.

    Nothing where less than 60% of the exported functions, or fewer than four domains, are known.
    """
    common = common_words(features)
    public = [at for at, one in enumerate(features) if one.exported]
    labels: dict[int, str] = {}
    for at in public:
        domain = lexicon.beginning(without_common(features[at].name, common))
        if domain is not None:
            labels[at] = domain.path
    if len(set(labels.values())) < _DOMAINS or len(labels) < _SHARE * len(public):
        return {}
    return labels


def divide(
    clusters: "list[Cluster]", labels: dict[int, str], features: tuple[Features, ...], similarity: "Matrix"
) -> "list[tuple[Cluster, str | None]]":
    """The labelled functions by domain, the other exported ones beside the most alike or as families of their own.

    Private functions are left out.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for at, path in labels.items():
        groups[path].append(at)
    common = common_words(features)
    families: list[tuple[Cluster, str | None]] = []
    for cluster in clusters:
        strangers = [at for at in cluster if at not in labels and features[at].exported]
        firsts = Counter(without_common(features[at].name, common)[:1] for at in strangers)
        for at in strangers:
            if firsts[without_common(features[at].name, common)[:1]] < _FAMILY:
                groups[_nearest(at, labels, similarity)].append(at)
        for first, count in sorted(firsts.items()):
            if count >= _FAMILY:
                family = [at for at in strangers if without_common(features[at].name, common)[:1] == first]
                families.append((tuple(family), None))
    return [*((tuple(sorted(row)), path) for path, row in groups.items()), *families]


def _nearest(at: int, labels: dict[int, str], similarity: "Matrix") -> str:
    """Domain with the greatest mean similarity over its members that are most alike."""
    values: dict[str, list[float]] = defaultdict(list)
    for other, path in labels.items():
        values[path].append(float(similarity[at, other]))
    means = {path: sum(sorted(row)[-_NEAREST:]) / min(_NEAREST, len(row)) for path, row in values.items()}
    return max(sorted(means), key=means.__getitem__)
