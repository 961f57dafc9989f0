"""How alike two units are: weighted terms, each between 0 and 1, fused into one matrix.

Invariant: knows no clustering; rows and columns are units in file order.
Source: Salton and Buckley, "Term-weighting approaches in automatic text retrieval" (1988), for the cosine of
TF-IDF vectors.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from splitter.model.graph import SymbolGraph
from splitter.planner.features import Features, common_words, without_common
from splitter.planner.units import Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each term counts."""

    name: float = 1.0
    prefix: float = 1.0
    section: float = 1.0
    docs: float = 0.3
    calls: float = 1.0
    shared: float = 0.6
    callers: float = 0.4
    idents: float = 0.8
    signature: float = 0.2
    cfgs: float = 0.3
    beside: float = 0.4
    around: float = 1.9


WEIGHTS = Weights()


def find_similarity(
    graph: SymbolGraph, units: tuple[Unit, ...], features: tuple[Features, ...], weights: Weights = WEIGHTS
) -> "Matrix":
    """Fused similarity of all pairs of units; the diagonal is zero."""
    import numpy as np

    total = np.zeros((len(units), len(units)), dtype=np.float32)
    for name, term in terms(graph, units, features).items():
        weight = getattr(weights, name)
        if weight:
            total += weight * term
    np.fill_diagonal(total, 0.0)
    return total


def find_nearness(count: int, weights: Weights = WEIGHTS) -> "Matrix":
    """How close two units stand in the file, at the scale of a few units and at that of the file."""
    import numpy as np

    distance = np.arange(count, dtype=np.float32)
    row = weights.beside * np.exp(-distance / 5.0) + weights.around * np.exp(-distance / (0.2 * count))
    number = np.arange(count)
    found: Matrix = row[np.abs(number[:, None] - number[None, :])].astype(np.float32)
    np.fill_diagonal(found, 0.0)
    return found


def terms(graph: SymbolGraph, units: tuple[Unit, ...], features: tuple[Features, ...]) -> dict[str, "Matrix"]:
    """Every term of the similarity by the name of its weight."""
    common = common_words(features)
    uses, users = _neighbours(graph, units)
    return {
        "name": _cosine([Counter(one.name) for one in features], rare=1),
        "prefix": _cosine([_prefixes(without_common(one.name, common)) for one in features], rare=1),
        "section": _cosine([Counter([one.section] if one.section else []) for one in features], rare=1, plain=True),
        "docs": _cosine([Counter(one.docs) for one in features], rare=1),
        "calls": _calls(graph, units),
        "shared": _cosine(uses, rare=1),
        "callers": _cosine(users, rare=1),
        "idents": _cosine([_damped(one.idents) for one in features], rare=1),
        "signature": _cosine([Counter(one.signature) for one in features], rare=1),
        "cfgs": _cosine([Counter(one.cfgs) for one in features], rare=1),
    }


def _prefixes(name: tuple[str, ...]) -> Counter[str]:
    return Counter({"_".join(name[:length]): 1 for length in (1, 2) if name[:length]})


def _damped(idents: Counter[str]) -> Counter[str]:
    return Counter({word: 1 for word in idents})


def _neighbours(graph: SymbolGraph, units: tuple[Unit, ...]) -> tuple[list[Counter[str]], list[Counter[str]]]:
    owner = {key: at for at, unit in enumerate(units) for key in unit.keys}
    uses: list[Counter[str]] = [Counter() for _ in units]
    users: list[Counter[str]] = [Counter() for _ in units]
    for reference in graph.references:
        src, dst = owner.get(reference.src), owner.get(reference.dst)
        if src is not None and src != dst:
            uses[src][reference.dst] = 1
        if dst is not None and src is not None and src != dst:
            users[dst][reference.src] = 1
    return uses, users


def _calls(graph: SymbolGraph, units: tuple[Unit, ...]) -> "Matrix":
    """Direct references, each worth less where what is named has many users."""
    import numpy as np

    owner = {key: at for at, unit in enumerate(units) for key in unit.keys}
    found = np.zeros((len(units), len(units)), dtype=np.float32)
    pairs = {(owner[r.src], owner[r.dst]) for r in graph.references if r.src in owner and r.dst in owner}
    degree = Counter(dst for src, dst in pairs if src != dst)
    for src, dst in pairs:
        if src != dst:
            worth = 1.0 / degree[dst] ** 0.5
            found[src, dst] = max(found[src, dst], worth)
            found[dst, src] = max(found[dst, src], worth)
    return found


def _cosine(rows: list[Counter[str]], *, rare: int, plain: bool = False) -> "Matrix":
    """Cosine of TF-IDF vectors; words that only `rare` rows have are dropped."""
    import numpy as np

    count = len(rows)
    frequency = Counter(word for row in rows for word in row)
    column = {word: at for at, word in enumerate(sorted(w for w, n in frequency.items() if rare < n))}
    table = np.zeros((count, len(column)), dtype=np.float32)
    for at, row in enumerate(rows):
        for word, times in row.items():
            if word in column:
                table[at, column[word]] = times
    if not column:
        return np.zeros((count, count), dtype=np.float32)
    if not plain:
        document = np.array([frequency[word] for word in column], dtype=np.float32)
        table *= np.log(count / document).astype(np.float32)
    length = np.sqrt((table * table).sum(axis=1))
    table /= np.where(length > 0, length, 1.0)[:, None]
    return table @ table.T
