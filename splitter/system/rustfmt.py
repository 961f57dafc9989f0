"""Which files rustfmt would change.

Invariant: runs where the file lies, so that the nearest `rustfmt.toml` decides; changes nothing.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from splitter.errors import ToolError
from splitter.model.evidence import Missing
from splitter.system.mirror import Mirror
from splitter.system.process import run


def unformatted(mirror: Mirror, paths: Iterable[str], edition: str, base: Path) -> frozenset[str] | Missing:
    """Those of the Rust files (relative to the root of the tree) that rustfmt would change.

    `base` is the folder that decides the toolchain. Missing where rustfmt is not installed, or does not understand
    a file.
    """
    wanted = {str(mirror.inside(Path(path)).resolve()): path for path in paths if path.endswith(".rs")}
    command = ("rustfmt", "--check", "--files-with-diff", "--edition", edition, "--color", "never", *wanted)
    try:
        done = run(command, mirror.inside(base))
    except ToolError:
        return Missing("rustfmt is not installed", applicable=False)
    listed = {line for line in done.stdout.splitlines() if line.startswith("/")}
    if done.status and not listed:
        return Missing(f"rustfmt could not read the files: {done.last_words}")
    return frozenset(path for copy, path in wanted.items() if copy in listed)


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
