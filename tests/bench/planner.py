"""Measures the planner on real splits made by hand: `python tests/bench/planner.py [CASES_DIR]`.

A case is `<name>.json` (`{"truth": {module: [item key, …]}}`) with the file before the split, `<name>.rs`, beside it;
a case without its source is named and left out. Columns: MoJoFM and ARI of the plan, its modules (a family of nested
ones counts once) and the maintainer's, how many of the maintainer's names came out, stability (MoJoFM between the plan
and the plan of the file without 5% of its items), then MoJoFM/ARI of the baselines: equal chunks in file order, name
prefix, and Leiden on references, where leidenalg is installed. The last line holds the fresh plan of native_ref's
monolith against the plan that was reviewed; without a folder it is all that is measured.
"""

import argparse
import json
import random
import re
import sys
from collections import Counter
from math import exp, log
from pathlib import Path
from typing import Any, NamedTuple

import in_venv

in_venv.enter()

from splitter.graph.build import build_graph
from splitter.model.graph import SymbolGraph
from splitter.planfile import load
from splitter.planner.features import common_words, find_features, without_common
from splitter.planner.metrics import adjusted_rand, mojofm
from splitter.planner.plan import PlanOptions, make_plan
from splitter.planner.units import find_units
from splitter.source.parse import parse

_RESIDUE = "(residue)"
_DROPPED = 0.05
_LEIDEN = "leiden: `.venv/bin/pip install leidenalg` fills this column"
_ENDING = re.compile(r"(?<=\w{3})(?:ations?|ings?|ers?|ions?|ors?|es|ed|e|s)$")
_GENERIC = frozenset(("lib", "mod", "main", "common", "core", "misc"))
Division = dict[str, str]


class Row(NamedTuple):
    """Figures of one case."""

    name: str
    mojofm: float
    ari: float
    ours: int
    theirs: int
    named: int
    nameable: int
    stability: float
    baselines: tuple[tuple[float, float] | None, ...]


def main(arguments: list[str]) -> int:
    """Print the table; 2 where the folder holds no case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--names", action="store_true", help="also print which names came out")
    options = parser.parse_args(arguments)
    if options.cases and not _print_cases(options.cases, options.names):
        print(f"{options.cases}: no case", file=sys.stderr)
        return 2
    _print_reviewed()
    return 0


def _print_cases(folder: Path, show_names: bool) -> bool:
    print(
        f"{'case':26} {'mojofm':>6} {'ari':>6} {'modules':>8} {'names':>7} {'stable':>6}"
        f"{'chunks':>12}{'prefix':>12}{'leiden':>12}"
    )
    rows = []
    for path in sorted(folder.glob("*.json")):
        source = path.with_suffix(".rs")
        if not source.exists():
            print(f"{path.stem:26} no source beside it, left out")
            continue
        rows.append(measure(path.stem, source.read_bytes(), json.loads(path.read_text("utf-8")), show_names))
        print(_line(rows[-1]), flush=True)
    if rows:
        _print_means(rows)
        print("" if rows[0].baselines[-1] else f"{_LEIDEN}\n")
    return bool(rows)


def _print_reviewed() -> None:
    """How near the fresh plan of the bundled monolith comes to the one that was reviewed."""
    source = in_venv.ROOT / "native_ref/src/value/ffi.rs"
    theirs = load((in_venv.ROOT / "plans/native_ref.toml").read_text("utf-8"), "plans/native_ref.toml").placed
    ours = divide(build_graph(parse(source.name, source.read_bytes())))
    functions = {key: path for key, path in theirs.items() if key.startswith(("fn:", "call:"))}
    figures = [
        f"{len(truth)} {what}: MoJoFM {mojofm(found, truth):.1f}, ARI {adjusted_rand(found, truth):.1f}"
        for what, truth in (("items", theirs), ("functions", functions))
        for found in (_on(truth, ours),)
    ]
    print(f"native_ref, fresh plan against the reviewed one: {'; '.join(figures)}")


def measure(name: str, data: bytes, case: dict[str, Any], show_names: bool = False) -> Row:
    """Figures of one case; `data` is the file before the split."""
    truth = {key: module for module, keys in case["truth"].items() for key in keys}
    original = case["before"]["path"]
    graph = build_graph(parse(f"{name}.rs", data))
    ours = divide(graph)
    named, nameable = match_names(ours, truth, original, show=show_names)
    return Row(
        name,
        mojofm(_on(truth, ours), truth),
        adjusted_rand(_on(truth, ours), truth),
        len({ours[key].split("/")[0] for key in truth if key in ours}),
        len({_below(module, original)[0] for module in truth.values()}),
        named,
        nameable,
        stability(graph, ours),
        tuple(
            (mojofm(_on(truth, found), truth), adjusted_rand(_on(truth, found), truth)) if found is not None else None
            for found in (_chunks(graph), _prefixes(graph), _leiden(graph))
        ),
    )


def divide(graph: SymbolGraph) -> Division:
    """Module path of each placed item."""
    return make_plan(graph, PlanOptions()).placed


def match_names(ours: Division, truth: Division, original: str, *, show: bool) -> tuple[int, int]:
    """Of the modules that match, each the other's best by common functions, how many share a word stem."""
    common = Counter((ours[key], module) for key, module in truth.items() if key in ours)
    sizes = Counter(ours[key] for key in truth if key in ours)
    theirs = Counter(truth.values())

    def alike(mine: str, module: str) -> tuple[float, str, str]:
        return common[mine, module] / (sizes[mine] + theirs[module] - common[mine, module]), mine, module

    named = nameable = 0
    for mine, module in sorted(common):
        best = alike(mine, module)
        mutual = all(alike(*pair) <= best for pair in common if pair[0] == mine or pair[1] == module)
        if module == original or not mutual:
            continue
        words = _stems("/".join(_below(module, original)))
        hit = bool((words - _GENERIC) & _stems(mine)) or words == _stems(mine)
        nameable += 1
        named += hit
        if show:
            print(f"    {'=' if hit else ' '} {module:60} {mine}")
    return named, nameable


def stability(graph: SymbolGraph, ours: Division) -> float:
    """MoJoFM of the plan without a random 5% of the items against the whole plan, mean of three draws."""
    items = [item for item in graph.source.items if item.key in ours]
    found = []
    for seed in range(3):
        gone = random.Random(seed).sample(items, max(1, round(_DROPPED * len(items))))
        spans = sorted((item.span.start, item.span.end) for item in gone)
        data, at = b"", 0
        for start, end in spans:
            data += graph.source.data[at:start]
            at = end
        fewer = divide(build_graph(parse(graph.source.path, data + graph.source.data[at:])))
        both = {key: path for key, path in ours.items() if key in fewer}
        found.append(mojofm(fewer, both))
    return sum(found) / len(found)


def _on(truth: Division, ours: Division) -> Division:
    return {key: ours.get(key, _RESIDUE) for key in truth}


def _below(module: str, original: str) -> tuple[str, ...]:
    """Path of a module below the folder that the split was made in, as a plan would have it."""
    home, path = Path(original).parent, Path(module)
    parts = path.relative_to(home).parts if path.is_relative_to(home) else path.parts[-1:]
    own = Path(original).stem
    parts = parts[1:] if parts[0] == own and len(parts) > 1 else parts
    return tuple(part.removesuffix(".rs") for part in parts if part != "mod.rs") or (own,)


def _stems(name: str) -> set[str]:
    return {_ENDING.sub("", word) or word for word in name.lower().replace("/", "_").split("_") if word}


def _functions(graph: SymbolGraph) -> list[tuple[str, ...]]:
    return [unit.keys for unit in find_units(graph) if unit.anchor]


def _chunks(graph: SymbolGraph) -> Division:
    functions = _functions(graph)
    size = max(1.0, len(functions) ** 0.5)
    return {key: str(int(at / size)) for at, keys in enumerate(functions) for key in keys}


def _prefixes(graph: SymbolGraph) -> Division:
    units = tuple(unit for unit in find_units(graph) if unit.anchor)
    features = find_features(graph, units)
    common = common_words(features)
    firsts = {u.keys: (without_common(f.name, common) or ("",))[0] for u, f in zip(units, features, strict=True)}
    many = Counter(firsts.values())
    return {key: first if many[first] > 1 else "" for keys, first in firsts.items() for key in keys}


def _leiden(graph: SymbolGraph) -> Division | None:
    """Communities of the references; functions without any are one more."""
    try:
        import igraph
        import leidenalg
    except ImportError:
        return None
    functions = _functions(graph)
    number = {key: at for at, keys in enumerate(functions) for key in keys}
    edges = [(number[r.src], number[r.dst]) for r in graph.references if r.src in number and r.dst in number]
    found = leidenalg.find_partition(
        igraph.Graph(n=len(functions), edges=edges), leidenalg.ModularityVertexPartition, seed=0
    )
    linked = {at for edge in edges for at in edge}
    parts = [part if at in linked else -1 for at, part in enumerate(found.membership)]
    return {key: str(part) for at, part in enumerate(parts) for key in functions[at]}


def _line(row: Row) -> str:
    base = "".join(f"{'-':>12}" if one is None else f"{one[0]:7.1f}/{one[1]:4.1f}" for one in row.baselines)
    modules, names = f"{row.ours}/{row.theirs}", f"{row.named}/{row.nameable}"
    return f"{row.name:26} {row.mojofm:6.1f} {row.ari:6.1f} {modules:>8} {names:>7} {row.stability:6.1f} {base}"


def _print_means(rows: list[Row]) -> None:
    count = len(rows)
    factor = exp(sum(abs(log(row.ours / row.theirs)) for row in rows) / count)
    named, nameable = sum(row.named for row in rows), sum(row.nameable for row in rows)
    means = []
    for at in range(len(rows[0].baselines)):
        known = [row.baselines[at] for row in rows]
        kept = [one for one in known if one is not None]
        mean = (sum(one[0] for one in kept) / len(kept), sum(one[1] for one in kept) / len(kept)) if kept else None
        means.append(f"{'-':>12}" if mean is None else f"{mean[0]:7.1f}/{mean[1]:4.1f}")
    print(
        f"{f'mean of {count}':26} {sum(r.mojofm for r in rows) / count:6.1f} {sum(r.ari for r in rows) / count:6.1f}"
        f" {f'×{factor:.2f}':>8} {f'{100 * named / max(1, nameable):.0f}%':>7}"
        f" {sum(r.stability for r in rows) / count:6.1f} {''.join(means)}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
