"""Plants bad splits, and prints which checks see each.

    python tests/bench/planted_faults.py [CRATE…] [--fault NAME] [--why]

Three crates are split by the tool: one of our own that holds a little of everything, six modules of native_ref, and a
published crate that cargo fetches. Each fault of their lists (`fixtures/faults/*.toml`, `elsewhere/*.toml`) is planted
in the sound split, and every check of level full compares the tree with the monolith, as it would a split made by
hand. `yes`: the check fails; `·`: it passes; `–`: it could not be made there, which does not count as seen.

Exit code 1 where a check blames the sound split or two equal trees, or where a fault is seen by no check.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import in_venv

in_venv.enter()

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "planted"))

from bed import caught, open_bed  # noqa: E402 - `in_venv` has to choose the Python first
from fault import plant, read_recipe  # noqa: E402
from table import render  # noqa: E402

from splitter.errors import SplitterError  # noqa: E402

RECIPES = ("faults.toml", "elsewhere/native_ref.toml", "elsewhere/libbz2-rs-sys.toml")
WORK = in_venv.ROOT / ".cache" / "planted"


def main():
    """Print a table for each crate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipes = [read_recipe((in_venv.ROOT / "fixtures/faults" / name).read_text(encoding="utf-8")) for name in RECIPES]
    parser.add_argument("crates", nargs="*", metavar="CRATE", help=", ".join(recipe.name for recipe in recipes))
    parser.add_argument("--fault", action="append", metavar="NAME", help="plant this one alone")
    parser.add_argument("--why", action="store_true", help="print the first finding of each check")
    asked = parser.parse_args()
    unknown = set(asked.crates) - {recipe.name for recipe in recipes}
    if unknown:
        parser.error(f"there is no crate {', '.join(sorted(unknown))}")
    # What was built once is found again; nothing of it is taken from, or left in, the cache of whoever runs this.
    os.environ["XDG_CACHE_HOME"] = str(WORK / "cache")
    chosen = [recipe for recipe in recipes if not asked.crates or recipe.name in asked.crates]
    wrong = [line for recipe in chosen for line in try_crate(recipe, asked.fault, why=asked.why)]
    print("\n".join(wrong) or "every fault is caught; the sound splits and equal trees are blamed by no check")
    return 1 if wrong else 0


def try_crate(recipe, names, *, why):
    """Print the table of a crate; returns what is wrong with it."""
    began = time.monotonic()
    tell(f"{recipe.name}: splitting a copy")
    rows, wrong = [], []
    with open_bed(recipe, WORK / recipe.name) as bed:
        for name, judged in (
            ("none (the sound split)", lambda: bed.judge(bed.sound)),
            ("none (two equal trees)", bed.judge_equal),
        ):
            tell(f"{recipe.name}: {name}")
            rows.append((name, judged()))
            wrong += [f"{recipe.name}: {name}: blamed by {check}" for check in sorted(caught(rows[-1][1]))]
            told(rows[-1][1], why=why)
        for number, fault in enumerate(recipe.faults, start=1):
            if names and fault.name not in names:
                continue
            tell(f"{recipe.name}: {number} of {len(recipe.faults)}, {fault.name} ({time.monotonic() - began:.0f} s)")
            rows.append((fault.name, bed.judge(plant(bed.sound, fault))))
            if not caught(rows[-1][1]):
                wrong.append(f"{recipe.name}: {fault.name}: seen by no check")
            told(rows[-1][1], why=why)
    tell(f"{recipe.name}: {time.monotonic() - began:.0f} s")
    print("\n".join((*render(recipe.name, rows), "")), flush=True)
    return wrong


def told(checks, *, why):
    """Say on stderr why checks failed or were not made, if that was asked for."""
    for check in checks.values() if why else ():
        if check.findings or check.outcome == "skipped":
            finding = check.findings[0] if check.findings else None
            place = f"{finding.path}:{finding.line}: {finding.message}" if finding else check.reason
            tell(f"    {check.name}: {place} ({len(check.findings)})")


def tell(message):
    """Progress, for whoever waits."""
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (SplitterError, ValueError, AssertionError) as error:
        sys.exit(f"the bed could not be made: {error}")
