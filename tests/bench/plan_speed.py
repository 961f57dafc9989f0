"""Speed of planning and rewriting, as ratios to bare tree-sitter in the same run.

    python tests/bench/plan_speed.py [SOURCE]

Prints, as medians of several runs in one process: the time tree-sitter alone needs to parse the file, the time from
bytes to a finished plan and its ratio to that, the time to rewrite the phases of the plan without cargo and its ratio
to planning; and for the whole command the start-up, the wall time and the peak memory.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import in_venv

ROOT = in_venv.ROOT
RUNS = 7


def main() -> None:
    """Measure one file; native_ref's monolith where none is named."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "native_ref/src/value/ffi.rs"
    data = source.read_bytes()

    import tree_sitter_rust
    from tree_sitter import Language, Parser

    from splitter.graph.build import build_graph
    from splitter.graph.definitions import find_definitions
    from splitter.model.plan import Phase
    from splitter.planner.plan import PlanOptions, make_plan
    from splitter.rewrite.move_items import move_items
    from splitter.rewrite.places import Tree, place_of
    from splitter.rewrite.world import World
    from splitter.source.mentions import mentions_at
    from splitter.source.parse import parse
    from splitter.source.tokens import code_tokens

    parser = Parser(Language(tree_sitter_rust.language()))
    bare = median(lambda: parser.parse(data))
    plan = make_plan(build_graph(parse("x.rs", data)), PlanOptions(source_path="x.rs"))

    def forget() -> None:
        code_tokens.cache_clear()
        mentions_at.cache_clear()
        find_definitions.cache_clear()

    def rewrite(phase: Phase) -> None:
        forget()
        file = parse("x.rs", data)
        places = {key: place_of(m.path) for m in phase.modules for key in m.items}
        docs = {place_of(m.path): m.doc for m in phase.modules}
        move_items(World(Tree("x.rs", "x"), ("x",), file, "x.rs", (), (), places, docs, by_names=True))

    def replan() -> None:
        forget()
        make_plan(build_graph(parse("x.rs", data)), PlanOptions(source_path="x.rs"))

    planning = median(replan)
    each = [median(lambda phase=phase: rewrite(phase)) for phase in plan.phases]
    print(f"file                     {source.name}, {len(data.splitlines()):,} lines, {len(plan.placed)} items placed")
    print(f"bare tree-sitter parse   {bare * 1000:8.1f} ms")
    print(f"bytes to plan            {planning * 1000:8.1f} ms  {planning / bare:6.1f} times the bare parse")
    slowest = max(each)
    print(
        f"rewriting a phase        {slowest * 1000:8.1f} ms  {slowest / planning:6.2f} times planning (slowest phase)"
    )
    command(source, bare)


def command(source: Path, bare: float) -> None:
    """The whole command, start-up included."""
    run = [sys.executable, "-m", "splitter"]
    start = median(lambda: subprocess.run([*run, "--help"], cwd=ROOT, capture_output=True, check=True))
    whole = median(lambda: subprocess.run([*run, "plan", str(source)], cwd=ROOT, capture_output=True, check=True))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"splitter --help          {start * 1000:8.1f} ms")
    beyond = (whole - 0.3) / bare
    print(f"splitter plan            {whole * 1000:8.1f} ms  {beyond:6.1f} times the bare parse beyond 0.3 s")
    print(f"peak memory              {peak:8.0f} MiB")


def median(work: Callable[[], object]) -> float:
    """Median seconds of some runs, after one that does not count."""
    work()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    in_venv.enter()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command itself has it
    main()
