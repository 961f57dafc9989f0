"""Groups functions: runs of the file order, distant runs joined, the lexicon's families set apart.

Invariant: knows no types, no phases; each function is in one cluster, or, where private functions follow their
users, in none.
"""

from splitter.model.graph import SymbolGraph
from splitter.planner.features import Features
from splitter.planner.join import Cluster, join_runs
from splitter.planner.lexicon import load_lexicon
from splitter.planner.runs import cut_runs
from splitter.planner.similarity import find_nearness, find_similarity
from splitter.planner.units import Unit
from splitter.planner.vocabulary import divide, find_labels

_RUNS = 1.5
_CLUSTERS = 1.3
_GROWTH = 0.37
_FEWEST = 3
_USUAL_LINES = 250
_WINDOW = 1200


def find_clusters(
    graph: SymbolGraph,
    units: tuple[Unit, ...],
    features: tuple[Features, ...],
    fixed: dict[int, str | None],
    target_lines: int = _USUAL_LINES,
) -> list[tuple[Cluster, str | None]]:
    """Clusters of unit numbers, each with its module path where rules or the lexicon settle it.

    A file of more functions than fit into one matrix is grouped window by window.
    """
    anchors = [at for at, unit in enumerate(units) if unit.anchor and at not in fixed]
    labels = find_labels(tuple(features[at] for at in anchors), load_lexicon())
    found: list[tuple[Cluster, str | None]] = []
    for start in range(0, len(anchors), _WINDOW):
        window = anchors[start : start + _WINDOW]
        own = {at - start: path for at, path in labels.items() if start <= at < start + len(window)}
        found += _group(graph, units, features, window, own, target_lines)
    found = _merge(found)
    for path in sorted({path for path in fixed.values() if path}):
        forced = tuple(at for at in sorted(fixed) if fixed[at] == path)
        same = next((number for number, one in enumerate(found) if one[1] == path), None)
        if same is None:
            found.append((forced, path))
        else:
            found[same] = (tuple(sorted((*found[same][0], *forced))), path)
    return found


def _group(
    graph: SymbolGraph,
    units: tuple[Unit, ...],
    features: tuple[Features, ...],
    window: list[int],
    labels: dict[int, str],
    target_lines: int,
) -> list[tuple[Cluster, str | None]]:
    """Clusters of the units in one window of the file."""
    known = tuple(features[at] for at in window)
    similarity = find_similarity(graph, tuple(units[at] for at in window), known)
    near = similarity + find_nearness(len(window))
    runs, count = _counts(sum(units[at].weight for at in window), target_lines)
    clusters = join_runs(near, cut_runs(similarity, runs), count)
    divided = divide(clusters, labels, known, near) if labels else [(one, None) for one in clusters]
    return [(tuple(window[at] for at in members), path) for members, path in divided]


def _merge(found: list[tuple[Cluster, str | None]]) -> list[tuple[Cluster, str | None]]:
    """Clusters of one path joined, in the order in which they were first met."""
    paths: dict[str, list[int]] = {}
    merged: list[tuple[Cluster, str | None]] = []
    for members, path in found:
        if path is None:
            merged.append((members, None))
        else:
            paths.setdefault(path, []).extend(members)
    return [*((tuple(sorted(row)), path) for path, row in paths.items()), *merged]


def _counts(functions: int, target_lines: int) -> tuple[int, int]:
    """How many runs to cut and how many clusters to leave; smaller modules are wished for in proportion."""
    wish = min(2.0, max(0.5, (_USUAL_LINES / max(1, target_lines)) ** 0.5))
    clusters = max(1, min(functions // _FEWEST, round(_CLUSTERS * functions**_GROWTH * wish)))
    return max(clusters, round(_RUNS * functions**0.5 * wish)), clusters
