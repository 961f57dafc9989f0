"""Keeps built libraries by what they were built of, so that one can be loaded when the tree is another already.

Invariant: a copy is whole or not there.
"""

import os
import shutil

from splitter.model.evidence import Configuration, Missing
from splitter.system import cargo as run_cargo
from splitter.system.cargo import Cargo
from splitter.system.mirror import cache_folder

_MOST = 40


def shared_library(cargo: Cargo, configuration: Configuration, key: str) -> str | Missing:
    """Path of a copy of what `cargo.shared_library` builds; `key` is a digest of all that it depends on."""
    folder = cache_folder() / "libraries"
    for kept in folder.glob(f"{key}.*"):
        os.utime(kept)
        return str(kept)
    made = run_cargo.shared_library(cargo, configuration)
    if isinstance(made, Missing):
        return made
    folder.mkdir(parents=True, exist_ok=True)
    partial, kept = folder / f"part-{os.getpid()}", folder / f"{key}{made.suffix}"
    shutil.copyfile(made, partial)
    partial.replace(kept)
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-_MOST]:
        old.unlink(missing_ok=True)
    return str(kept)
