"""What verification costs, as ratios to the commands that a careful person would run by hand, in the same run.

    python tests/bench/verify_speed.py [CRATE_DIR PLAN]

On a copy of native_ref (or of the crate named, with its plan), in a cache of its own:

- one phase: `splitter apply --next` at level standard for phase 2, against `cargo check --all-targets` in every
  configuration that it checks and `cargo test` in every one that it may test, on the same tree after phase 2; both
  start with everything built that phase 1 left built;
- all phases: every `splitter apply --next` from phase 1 on, against `cargo test` in the same configurations before the
  first phase and after each: one more run than there are phases. Both start with nothing built.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path, PurePosixPath

import in_venv

in_venv.enter()

IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")


def main() -> int:
    """Print both ratios; exit code 1 where a phase does not pass."""
    crate = Path(sys.argv[1]) if len(sys.argv) > 2 else in_venv.ROOT / "native_ref"
    plan = Path(sys.argv[2]) if len(sys.argv) > 2 else in_venv.ROOT / "plans/native_ref.toml"
    with tempfile.TemporaryDirectory(prefix="splitter-cost-") as scratch:
        work = Path(scratch) / "tree"
        shutil.copytree(crate, work / crate.name, ignore=shutil.ignore_patterns("target"))
        (work / "plans").mkdir()
        shutil.copy(plan, work / "plans" / plan.name)
        git(work, "init", "--quiet")
        git(work, "add", ".")
        git(work, "commit", "--quiet", "-m", "before")
        return measure(work, work / crate.name, work / "plans" / plan.name, Path(scratch))


def measure(work: Path, crate: Path, plan: Path, scratch: Path) -> int:
    """Both comparisons, one after the other."""
    read = tomllib.loads(plan.read_text(encoding="utf-8"))
    source, phases = PurePosixPath(read["source"]["path"]).name, len(read["phase"])
    surroundings = {**os.environ, "XDG_CACHE_HOME": str(scratch / "cache"), "CARGO_TARGET_DIR": str(scratch / "target")}
    features = tomllib.loads((crate / "Cargo.toml").read_text(encoding="utf-8")).get("features", {})
    everything = [("--all-features",)] if set(features) - {"default"} else []
    checked = [(), *([("--no-default-features",)] if features.get("default") else []), *everything]

    def check() -> float:
        return sum(cargo(crate, surroundings, "check", "--all-targets", *flags) for flags in checked)

    def test() -> float:
        return sum(cargo(crate, surroundings, "test", *flags) for flags in [(), *everything])

    began = time.monotonic()
    checks, tests, took = check(), [test()], []
    for _ in range(phases):
        took.append(apply(plan, surroundings, "--next"))
        if len(took) <= 2:
            checks = check()
        tests.append(test())
    print(f"machine busy for {time.monotonic() - began:.0f} s, {phases} phases of {source}\n")
    rows = (
        ("one phase", took[1], "checks and tests by hand", checks + tests[2]),
        ("all phases", sum(took), f"{phases + 1} runs of cargo test by hand", sum(tests)),
    )
    for name, ours, other, theirs in rows:
        print(f"{name:<12}{ours:7.1f} s   {other:<31}{theirs:7.1f} s   {ours / theirs:5.2f} times")
    return 0


def apply(plan: Path, surroundings: dict[str, str], which: str) -> float:
    """Seconds that a phase took; ends the benchmark where it does not pass."""
    began = time.monotonic()
    command = [sys.executable, "-m", "splitter", "apply", plan, which, "--format", "json"]
    kept = {name: value for name, value in surroundings.items() if name != "CARGO_TARGET_DIR"}
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"a phase did not pass:\n{done.stderr or json.dumps(json.loads(done.stdout), indent=1)[-3000:]}")
    return time.monotonic() - began


def cargo(crate: Path, surroundings: dict[str, str], *command: str) -> float:
    """Seconds that a cargo command took."""
    began = time.monotonic()
    subprocess.run(["cargo", *command], cwd=crate, env=surroundings, capture_output=True, check=True)
    return time.monotonic() - began


def git(folder: Path, *command: str) -> None:
    """Run git with an identity of its own."""
    subprocess.run(["git", *IDENTITY, *command], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
