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

    name: float = 0.7
    prefix: float = 0.5
    ending: float = 0.3
    section: float = 0.8
    calls: float = 1.4
    shared: float = 0.7
    idents: float = 0.5
    signature: float = 0.2
    cfgs: float = 0.2
    role: float = 0.15
    beside: float = 0.3
    around: float = 2.0


WEIGHTS = Weights()


def find_similarity(
    graph: SymbolGraph, units: tuple[Unit, ...], features: tuple[Features, ...], weights: Weights = WEIGHTS
) -> "Matrix":
    """Fused similarity of all pairs of units; the diagonal is zero."""
    import numpy as np

    total = np.zeros((len(units), len(units)), dtype=np.float32)
    for name, term in find_terms(graph, units, features):
        total += getattr(weights, name) * term
    np.fill_diagonal(total, 0.0)
    return total


def find_nearness(count: int, weights: Weights = WEIGHTS) -> "Matrix":
    """How close two units stand in the file, at the scale of a few units and at that of the file."""
    import numpy as np

    distance = np.arange(count, dtype=np.float32)
    row = weights.beside * np.exp(-distance / 3.0) + weights.around * np.exp(-distance / (0.2 * count))
    number = np.arange(count)
    found: Matrix = row[np.abs(number[:, None] - number[None, :])].astype(np.float32)
    np.fill_diagonal(found, 0.0)
    return found


def find_terms(
    graph: SymbolGraph, units: tuple[Unit, ...], features: tuple[Features, ...]
) -> Iterator[tuple[str, "Matrix"]]:
    """Every term of the similarity by the name of its weight, one matrix at a time."""
    common = common_words(features)
    yield "name", _cosine([set(one.name) for one in features])
    yield "prefix", _cosine([_prefixes(without_common(one.name, common)) for one in features])
    yield "ending", _cosine([set(one.name[-1:]) for one in features], rated=False)
    yield "section", _cosine([{one.section} if one.section else set() for one in features], rated=False)
    yield "calls", _calls(graph, units)
    yield "shared", _cosine(_uses(graph, units))
    yield "idents", _cosine([set(one.idents) for one in features])
    yield "signature", _cosine([set(one.signature) for one in features])
    yield "cfgs", _cosine([set(one.cfgs) for one in features])
    yield "role", _cosine([{str(one.exported)} for one in features], rated=False)


def _prefixes(name: tuple[str, ...]) -> set[str]:
    return {"_".join(name[:length]) for length in (1, 2) if name[:length]}


def _uses(graph: SymbolGraph, units: tuple[Unit, ...]) -> list[set[str]]:
    """What each unit uses of the file, itself aside."""
    return [{used for key in unit.keys for used in graph.uses.get(key, ())} - set(unit.keys) for unit in units]


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


def _cosine(rows: list[set[str]], *, rated: bool = True) -> "Matrix":
    """Cosine of the rows as vectors, by inverse document frequency if `rated`; words of one row only are dropped."""
    import numpy as np

    count = len(rows)
    frequency = Counter(word for row in rows for word in row)
    column = {word: at for at, word in enumerate(sorted(word for word, rows in frequency.items() if rows > 1))}
    table = np.zeros((count, len(column)), dtype=np.float32)
    for at, row in enumerate(rows):
        table[at, [column[word] for word in row if word in column]] = 1.0
    if rated:
        table *= np.log(count / np.array([frequency[word] for word in column], dtype=np.float32))
    length = np.sqrt((table * table).sum(axis=1))
    table /= np.where(length > 0, length, 1.0)[:, None]
    found: Matrix = table @ table.T
    return found
