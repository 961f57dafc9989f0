"""Plans and splits published crates, and prints what was compared.

    python tests/bench/real_crates.py --level full rure libz-rs-sys libbz2-rs-sys

Each crate is fetched by name with cargo, copied to a folder of its own, planned, and split by every phase of that
plan at level standard or full. A name may say which file to split (`libz-rs-sys:src/gz.rs`); else it is the file with
the most functions. Where a crate has no tests, its column says so: that is not a pass.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import in_venv

_CARGO = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n'
_IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Row:
    """What splitting one file came to."""

    crate: str
    file: str
    lines: int = 0
    functions: int = 0
    modules: int = 0
    mir: str = "-"
    symbols: str = "-"
    tests: str = "-"
    code: str = "-"
    verdict: str = "failed"
    seconds: float = 0.0
    why: str = ""


def main() -> int:
    """Split the crates that are named; exit code 1 when one is not passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crates", nargs="+", metavar="CRATE[:FILE]")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the split crates in this folder")
    parser.add_argument("--level", choices=("standard", "full"), default="standard")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="splitter-crates-") as scratch:
        work = asked.keep or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        rows = [split(name, asked.level, work, Path(scratch) / "fetch") for name in asked.crates]
    show(rows)
    return 0 if all(row.verdict == "passed" for row in rows) else 1


def split(name: str, level: str, work: Path, fetching: Path) -> Row:
    """Fetch, plan and split one crate."""
    crate, _, file = name.partition(":")
    began = time.monotonic()
    folder = fetch(crate, work, fetching)
    file = file or largest(folder)
    planned = splitter(folder, "plan", file, "-o", "split.toml", "--format", "json")
    if planned.returncode:
        return Row(crate, file, why=planned.stderr.strip())
    plan = json.loads(planned.stdout)
    modules = sum(len(phase["modules"]) for phase in plan["phases"])
    if not modules:
        return Row(crate, file, plan["lines"], plan["functions"], why="there is nothing in this file to move")
    applied = splitter(folder, "apply", "split.toml", "--all", "--level", level, "--format", "json")
    try:
        result = json.loads(applied.stdout)
    except ValueError:
        return Row(crate, file, plan["lines"], plan["functions"], modules, why=applied.stderr.strip())
    checks = {check["name"]: check for phase in result.get("phases", ()) for check in phase["checks"]}
    return Row(
        crate=crate,
        file=file,
        lines=plan["lines"],
        functions=plan["functions"],
        modules=modules,
        mir=counts(checks.get("mir")),
        symbols=counts(checks.get("symbols")),
        tests=counts(checks.get("tests")),
        code=counts(checks.get("code")),
        verdict=result.get("verdict", "failed"),
        seconds=time.monotonic() - began,
        why=reasons(result, applied.stderr),
    )


def fetch(crate: str, work: Path, fetching: Path) -> Path:
    """A copy of the newest published version, as a repository of its own."""
    folder = fetching / crate
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/lib.rs").touch()
    (folder / "Cargo.toml").write_text(f'{_CARGO}"{crate}" = "*"\n')
    found = run(("cargo", "metadata", "--format-version", "1"), folder)
    manifest = next(p["manifest_path"] for p in json.loads(found.stdout)["packages"] if p["name"] == crate)
    copy = work / crate
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(Path(manifest).parent, copy)
    with (copy / "Cargo.toml").open("a") as file:
        file.write("\n[workspace]\n")
    for command in (("init", "-q"), ("add", "-A", "-f"), ("commit", "-q", "--no-verify", "-m", "as published")):
        run(("git", *_IDENTITY, *command), copy)
    return copy


def largest(folder: Path) -> str:
    """The source file with the most functions; crates that keep theirs elsewhere have no `src`."""
    found = (folder / "src").rglob("*.rs") if (folder / "src").is_dir() else folder.rglob("*.rs")
    files = sorted(found, key=lambda path: (-path.read_bytes().count(b"fn "), path))
    return files[0].relative_to(folder).as_posix()


def splitter(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool in a crate's folder."""
    command = (sys.executable, "-m", "splitter", *arguments)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def counts(check: dict[str, object] | None) -> str:
    """`equal/compared`, or why there is nothing."""
    if check is None:
        return "-"
    if check["outcome"] == "not_applicable":
        return "none"
    return f"{check['equal']}/{check['compared']}"


def reasons(result: dict[str, list[dict[str, list[dict[str, list[dict[str, str]]]]]]], errors: str) -> str:
    """First findings of what did not pass."""
    rows = [
        f"{check['name']}: {finding['path']}:{finding['line']}: {finding['message']}"
        for phase in result.get("phases", ())
        for check in phase["checks"]
        for finding in check["findings"]
    ]
    rows += [
        f"{check['name']}: {check['reason']}"
        for phase in result.get("phases", ())
        for check in phase["checks"]
        if check["outcome"] == "skipped"
    ]
    return "\n".join(rows[:5]) or ("" if result.get("verdict") == "passed" else errors.strip())


def show(rows: list[Row]) -> None:
    """The table, then what went wrong."""
    head = ("crate", "file", "lines", "functions", "modules", "MIR", "symbols", "tests", "code", "verdict", "seconds")
    cells = [
        (
            r.crate,
            r.file,
            r.lines,
            r.functions,
            r.modules,
            r.mir,
            r.symbols,
            r.tests,
            r.code,
            r.verdict,
            f"{r.seconds:.0f}",
        )
        for r in rows
    ]
    table = [head, *(tuple(str(cell) for cell in row) for row in cells)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for row in rows:
        if row.why:
            print(f"\n{row.crate}: {row.why}")


def run(command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that has to succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done


if __name__ == "__main__":
    in_venv.enter()
    sys.exit(main())
