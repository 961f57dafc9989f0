"""Joins the comparison of two revisions to the repository that has them.

Invariant: knows no options and prints nothing; imports come late, as in `wiring`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from splitter.commands.progress import Steps
from splitter.model.check import Level

if TYPE_CHECKING:
    from splitter.model.outcome import RunResult
    from splitter.system.workbench import BuildOptions


def verify_revisions(
    before: str, after: str, source: Path, build: "BuildOptions", steps: Steps, *, level: Level
) -> "RunResult":
    """Verify what happened to a source file between two revisions."""
    from splitter.system.revisions import open_revisions
    from splitter.workflow.verify_revisions import verify_revisions

    revisions = open_revisions(before, after, source, build, steps.detail)
    return verify_revisions(revisions, level=level, progress=steps)
