"""How the cost of planning grows with the file: `python tests/bench/plan_scale.py [LINES…]`.

Made-up monoliths (5,000, 50,000 and 500,000 lines unless told) are planned by the whole command, each in a process of
its own. Prints seconds, how many times a bare tree-sitter parse of the same file that is once the command's start-up is
taken off, the peak memory, and the growth exponent: the slope of log seconds over log lines between neighbours.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import NamedTuple

import in_venv

SIZES = (5_000, 50_000, 500_000)
WORDS = re.findall(
    r"\w+",
    """
    array blob cache chain channel color config cursor date decimal device digest drive edge event field filter
    font frame graph group handle header image index key label layer lease limit line link list lock log map
    mark matrix message metric node number object order page parse path patch peer pixel plan point pool port
    queue range rate record region request ring role route rule sample scan scope script segment sensor session
    shape signal slot socket stack stage state store stream string table tag task text thread timer token trace
    track tree type value vector version view wave window word worker zone
    """,
)
VERBS = re.findall(
    r"\w+",
    """
    new free get set len push pop find copy clear merge split read write open close next reset count swap
    """,
)


class Row(NamedTuple):
    """What one size cost: lines, functions, seconds of the command, of the bare parse, and peak memory in MiB."""

    lines: int
    functions: int
    seconds: float
    bare: float
    memory: float


def main() -> None:
    """Print a row for each size."""
    sizes = tuple(int(word) for word in sys.argv[1:]) or SIZES
    print(
        f"{'lines':>9} {'functions':>9} {'splitter plan':>14} {'bare parse':>11} {'ratio':>7} {'memory':>10}  exponent"
    )
    before: Row | None = None
    start = min(command("--help")[0] for _ in range(5))
    for size in sizes:
        row = measure(size)
        ratio = (row.seconds - start) / row.bare
        slope = "" if before is None else f"{log(row.seconds / before.seconds) / log(row.lines / before.lines):10.2f}"
        counts, times = f"{row.lines:9,} {row.functions:9,}", f"{row.seconds:12.2f} s {row.bare:9.3f} s"
        print(f"{counts} {times} {ratio:7.1f} {row.memory:6.0f} MiB{slope}", flush=True)
        before = row


def measure(size: int) -> Row:
    """Make a monolith of about that many lines, parse it and plan it."""
    import tree_sitter_rust
    from tree_sitter import Language, Parser

    text = monolith(size)
    data = text.encode()
    parser = Parser(Language(tree_sitter_rust.language()))
    bare = min(seconds_of(lambda: parser.parse(data)) for _ in range(3))
    with tempfile.TemporaryDirectory(prefix="splitter-scale-") as folder:
        source = Path(folder) / "ffi.rs"
        source.write_bytes(data)
        seconds, memory = min(command("plan", str(source)) for _ in range(3 if size < 100_000 else 1))
    return Row(text.count("\n"), len(re.findall(r"\bfn ", text)), seconds, bare, memory)


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command(*arguments: str) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of one run of the command."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "splitter", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"splitter {' '.join(arguments)}: exit code {process.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def monolith(lines: int) -> str:
    """A file of domains in a row, the same for the same size: types, statics, helpers and exported functions.

    A domain calls its own helpers, some of those that all share, and now and then its neighbour; some of its functions
    stand far away from it, as in files that grew.
    """
    choose = random.Random(lines)
    shared = "".join(SHARED.format(word=word) for word in choose.sample(WORDS, 12))
    parts: list[str] = [HEAD, shared]
    late: list[str] = []
    count, number = (HEAD + shared).count("\n"), 0
    names: list[str] = []
    while count < lines:
        first, second = choose.sample(WORDS, 2)
        name = f"{first}_{second}" if number < 500 else f"{first}_{second}_{number}"
        number += 1
        if name in names[-600:]:
            continue
        made = domain(choose, name, names[-1] if names else "", shared)
        names.append(name)
        stay = made[:-1] if choose.random() < 0.3 else made
        late += made[len(stay) :]
        parts += stay
        count += sum(part.count("\n") for part in made)
        if len(late) > 40:
            parts += late
            late = []
    return "".join([*parts, *late])


def domain(choose: random.Random, name: str, neighbour: str, shared: str) -> list[str]:
    """The items of one domain."""
    helpers = [word.split("(")[0] for word in shared.split("fn ")[1:]]
    kind = "".join(part.capitalize() for part in name.split("_"))
    rows = [TYPE.format(kind=kind, name=name, upper=name.upper())]
    for verb in choose.sample(VERBS, choose.randint(5, 14)):
        called = choose.choice(helpers) if choose.random() < 0.6 else f"{name}_locked"
        other = f"    total += {neighbour}_locked(slot);\n" if neighbour and choose.random() < 0.08 else ""
        rows.append(FUNCTION.format(name=name, verb=verb, upper=name.upper(), called=called, other=other))
    return rows


HEAD = """\
//! One file for everything.

use std::collections::HashMap;
use std::sync::Mutex;

"""
SHARED = """\
/// What every {word} needs.
fn any_{word}(slot: i64) -> i64 {{
    slot.rotate_left(7) ^ 0x55
}}

"""
TYPE = """\
// {kind}
// ------------------------------------------------------------

/// State of one {name}.
#[derive(Default)]
struct {kind} {{
    slots: HashMap<i64, i64>,
    used: i64,
}}

static {upper}: Mutex<Option<{kind}>> = Mutex::new(None);

fn {name}_locked(slot: i64) -> i64 {{
    let mut held = {upper}.lock().unwrap();
    let state = held.get_or_insert_with({kind}::default);
    state.used += 1;
    *state.slots.entry(slot).or_insert(0)
}}

"""
FUNCTION = """\
/// The {verb} of a {name}; 0 where the slot is not known.
#[no_mangle]
pub extern "C" fn rt_{name}_{verb}(slot: i64, value: i64) -> i64 {{
    let mut total = {called}(slot);
{other}    if value < 0 {{
        return 0;
    }}
    if let Some(state) = {upper}.lock().unwrap().as_mut() {{
        total += state.slots.insert(slot, value).unwrap_or(0);
        state.used -= 1;
    }}
    total
}}

"""

if __name__ == "__main__":
    in_venv.enter()
    main()
