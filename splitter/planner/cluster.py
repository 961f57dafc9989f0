"""Groups functions: runs of the file order, distant runs joined, the lexicon's families set apart.

Invariant: knows no types, no phases; each function is in one cluster, or, where private functions follow their
users, in none.
"""

from collections import defaultdict
from typing import TYPE_CHECKING

from splitter.model.graph import SymbolGraph
from splitter.planner.features import Features
from splitter.planner.join import Cluster, join_runs
from splitter.planner.lexicon import load_lexicon
from splitter.planner.runs import cut_runs
from splitter.planner.similarity import find_nearness, find_similarity
from splitter.planner.units import Unit
from splitter.planner.vocabulary import divide, find_labels

if TYPE_CHECKING:
    from splitter.planner.similarity import Matrix

_CUTS = (1.0, 1.5, 2.0, 2.5)
_COARSE_TO_FINE = (0.8, 1.0, 1.25)
_DOUBT = 0.5
_CLUSTERS = 0.85
_GROWTH = 0.45
_USUAL_LINES = 250


def find_clusters(
    graph: SymbolGraph,
    units: tuple[Unit, ...],
    features: tuple[Features, ...],
    fixed: dict[int, str | None],
    target_lines: int = _USUAL_LINES,
) -> list[tuple[Cluster, str | None]]:
    """Clusters of unit numbers, each with its module path where rules or the lexicon settle it."""
    anchors = [at for at, unit in enumerate(units) if unit.anchor and at not in fixed]
    own = tuple(units[at] for at in anchors)
    known = tuple(features[at] for at in anchors)
    found: list[tuple[Cluster, str | None]] = []
    if anchors:
        similarity = find_similarity(graph, own, known)
        near = similarity + find_nearness(len(anchors))
        clusters = group(similarity, near, target_lines)
        labels = find_labels(known, load_lexicon())
        divided = divide(clusters, labels, known, near) if labels else [(one, None) for one in clusters]
        found = [(tuple(anchors[at] for at in members), path) for members, path in divided]
    for path in sorted({path for path in fixed.values() if path}):
        forced = tuple(at for at in sorted(fixed) if fixed[at] == path)
        same = next((number for number, one in enumerate(found) if one[1] == path), None)
        if same is None:
            found.append((forced, path))
        else:
            found[same] = (tuple(sorted((*found[same][0], *forced))), path)
    return found


def group(similarity: "Matrix", near: "Matrix", target_lines: int = _USUAL_LINES) -> list[Cluster]:
    """Clusters of all units by what several ways of cutting and joining agree on.

    Source: Fred and Jain, "Combining multiple clusterings using evidence accumulation" (PAMI 27, 2005).
    """
    import numpy as np

    size = len(similarity)
    wish = min(2.0, max(0.5, (_USUAL_LINES / max(1, target_lines)) ** 0.5))
    count = max(min(2, size), round(_CLUSTERS * size**_GROWTH * wish))
    wanted = [max(min(2, size), round(count * factor)) for factor in _COARSE_TO_FINE]
    cuts = [round(factor * size**0.5 * wish) for factor in _CUTS]
    runs = cut_runs(similarity, [max(left, right) for left in cuts for right in wanted])
    ways = []
    for cut in cuts:
        for clusters in wanted:
            label = np.zeros(size, dtype=np.int64)
            joined = join_runs(near, runs[min(size, max(cut, clusters, 1))], clusters)
            for number, members in enumerate(joined):
                label[list(members)] = number
            ways.append(label)
    agreed = sum((way[:, None] == way[None, :]).astype(np.float32) for way in ways) / len(ways)
    lumps: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for at, labels in enumerate(zip(*ways, strict=True)):
        lumps[labels].append(at)
    return join_runs(agreed + _DOUBT * near, lumps.values(), count)
