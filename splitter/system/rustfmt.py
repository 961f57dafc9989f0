"""Which files rustfmt would change.

Invariant: runs where the file lies, so that the nearest `rustfmt.toml` decides; changes nothing.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path

from splitter.errors import ToolError
from splitter.model.evidence import Missing
from splitter.system.mirror import Mirror
from splitter.system.process import run

_HUNK = re.compile(r"Diff in (?P<path>/.+?)(?: at line |:)(?P<line>\d+):")


def unformatted(mirror: Mirror, paths: Iterable[str], edition: str, base: Path) -> dict[str, int] | Missing:
    """Those of the Rust files (relative to the root of the tree) that rustfmt would change, and the first line of it.

    `base` is the folder that decides the toolchain. Missing where rustfmt is not installed, or does not understand
    a file.
    """
    wanted = {str(mirror.inside(Path(path)).resolve()): path for path in paths if path.endswith(".rs")}
    command = ("rustfmt", "--check", "--edition", edition, "--color", "never", *wanted)
    try:
        done = run(command, mirror.inside(base))
    except ToolError:
        return Missing("rustfmt is not installed", applicable=False)
    changed = _first_lines(done.stdout)
    if done.status and not changed:
        return Missing(f"rustfmt could not read the files: {done.last_words}")
    return {path: changed[copy] for copy, path in wanted.items() if copy in changed}


def _first_lines(text: str) -> dict[str, int]:
    """The files in rustfmt's difference, with the first line of each that it would change."""
    found: dict[str, int] = {}
    lines = text.splitlines()
    for at, line in enumerate(lines):
        hunk = _HUNK.fullmatch(line)
        if hunk:
            same = takewhile(lambda row: row.startswith(" ") or not row, lines[at + 1 :])
            found.setdefault(hunk["path"], int(hunk["line"]) + len(list(same)))
    return found


def formatted(mirror: Mirror, files: Mapping[str, bytes], edition: str, base: Path) -> dict[str, bytes] | Missing:
    """The files (by path relative to the root of the tree) as rustfmt would write them.

    Missing where rustfmt is not installed or does not understand a file.
    """
    found: dict[str, bytes] = {}
    for path, data in files.items():
        if not path.endswith(".rs"):
            continue
        # From standard input rustfmt follows no `mod` lines; its settings are those of the folder that it runs in.
        folder = mirror.inside(Path(path)).parent
        where = folder if folder.is_dir() else mirror.inside(base)
        try:
            done = run(("rustfmt", "--edition", edition, "--emit", "stdout"), where, feed=data)
        except ToolError:
            return Missing("rustfmt is not installed", applicable=False)
        if done.status:
            return Missing(f"rustfmt could not read {path}: {done.last_words}")
        found[path] = done.stdout.encode()
    return found
