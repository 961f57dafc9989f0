"""Which files rustfmt would change.

Invariant: runs where the file lies, so that the nearest `rustfmt.toml` decides; changes nothing.
"""

from collections.abc import Iterable
from pathlib import Path

from splitter.errors import ToolError
from splitter.model.evidence import Missing
from splitter.system.mirror import Mirror
from splitter.system.process import run


def unformatted(mirror: Mirror, paths: Iterable[str], edition: str, base: Path) -> frozenset[str] | Missing:
    """Those of the Rust files (relative to the root of the tree) that rustfmt would change; `base` decides the toolchain.

    Missing where rustfmt is not installed or does not understand a file.
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
