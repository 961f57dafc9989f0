"""Where the files lie that a user names: the tree of a plan, and paths in it.

Invariant: what is no path of the tree is refused here, with what to do about it.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from splitter.errors import PlanError, Problem, SourceError, UsageError

if TYPE_CHECKING:
    from splitter.system.tree import DiskTree


def plan_beside(source: Path) -> Path:
    """Where a plan would lie: in the present folder if the source is below it, else beside the source."""
    here = Path.cwd()
    return here / "plan.toml" if _real(source).is_relative_to(here.resolve()) else source


def locate(path: Path, near: Path) -> "tuple[DiskTree, str]":
    """The tree of `near`, and `path` relative to its root."""
    from splitter.system.tree import open_tree

    tree = open_tree(near)
    real = _real(path)
    if not real.is_relative_to(tree.root):
        message = f"{path} does not lie in {tree.root}, the root of {near}"
        advice = "Paths in a plan are relative to the git root, without git to the plan's folder: put the plan there."
        raise UsageError(message, advice)
    return tree, real.relative_to(tree.root).as_posix()


def _real(path: Path) -> Path:
    """An absolute path whose folders are real ones; the file itself may be a link."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow the file's own link, and raise at a loop
    return Path(os.path.realpath(whole.parent)) / whole.name


def read_text(path: Path, what: str) -> str:
    """Text of a plan or rules file, which has to be there."""
    from splitter.system.disk import read_source

    if not os.path.lexists(path):
        advice = "Make one: `splitter plan SOURCE -o PLAN`." if what == "plan" else "Check the path."
        message = f"{path}: there is no such {what} file"
        raise SourceError(message, advice)
    data = read_source(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlanError((Problem(str(path), line, f"this {what} file is not UTF-8"),)) from error
