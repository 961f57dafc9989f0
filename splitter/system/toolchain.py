"""Which Rust is there, and what it can do.

Invariant: asked once per folder and process; a toolchain file in the tree decides, as it does for cargo.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from splitter.errors import ToolError
from splitter.system.process import Done, run

OLDEST = (1, 78)

#: Prints full paths in MIR, so that a name means the same before and after a move, and leaves out line numbers.
PLAIN_MIR = ("-Ztrim-diagnostic-paths=no", "-Zmir-include-spans=false")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Versions as the programs print them; `plain_mir` says whether `PLAIN_MIR` is understood."""

    cargo: str
    rustc: str
    host: str
    plain_mir: bool
    rustfmt: str | None

    @property
    def identity(self) -> str:
        """Everything that decides what a build gives."""
        return "\n".join((self.cargo, self.rustc, self.host, str(self.plain_mir), self.rustfmt or "no rustfmt"))


@cache
def find_toolchain(folder: Path) -> Toolchain:
    """Toolchain that builds in `folder`; raises `ToolError` with advice when there is none, or one too old."""
    cargo = _version(run(("cargo", "--version"), folder), "cargo")
    found = re.search(r"(\d+)\.(\d+)", cargo)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        message = f"{cargo} is too old: {oldest} is needed"
        raise ToolError(message, "Update Rust (`rustup update`), or work at `--level source`.")
    verbose = _version(run(("rustc", "-vV"), folder), "rustc")
    host = re.search(r"^host: (\S+)$", verbose, re.MULTILINE)
    asked = run(("rustc", *PLAIN_MIR, "--print", "sysroot"), folder, {"RUSTC_BOOTSTRAP": "1"})
    return Toolchain(cargo, verbose, host[1] if host else "", asked.status == 0, _rustfmt(folder))


def _version(done: Done, program: str) -> str:
    if done.status:
        missing = re.search(r"toolchain '(\S+)' is not installed", done.last_words)
        message = f"`{program}` is there but does not run: {done.last_words}"
        advice = f"Install a Rust toolchain (`rustup toolchain install {missing[1] if missing else 'stable'}`)."
        raise ToolError(message, advice)
    return done.stdout.strip()


def _rustfmt(folder: Path) -> str | None:
    try:
        done = run(("rustfmt", "--version"), folder)
    except ToolError:
        return None
    return done.stdout.strip() if done.status == 0 else None
