"""`demo`: plans, splits and verifies a copy of the reference runtime, start to end.

Invariant: does what a user would do with the same commands; nothing is prepared or left out.
"""

from dataclasses import dataclass, replace

from splitter.model.check import Level
from splitter.model.outcome import Preview, RunResult, Status
from splitter.planfile import dump, load
from splitter.ports import SILENCE, Progress, Tree
from splitter.workflow.apply import OpenBench, apply_plan
from splitter.workflow.plan import preview_plan, preview_source
from splitter.workflow.status import status_of

SOURCE = "src/value/ffi.rs"
PLAN = "split.toml"


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demonstration showed: the plan, every phase with its checks, and the progress report at the end."""

    preview: Preview
    result: RunResult
    status: Status


def run_demo(
    tree: Tree,
    open_bench: OpenBench,
    plan_text: str | None,
    *,
    plan_path: str = PLAN,
    level: Level = Level.STANDARD,
    commit: bool = False,
    progress: Progress = SILENCE,
) -> Demo:
    """Split the copy of `native_ref` that `tree` is; `plan_text` is a plan to take instead of a fresh one.

    With `commit`, the plan and each phase become a git commit, so that anybody can check the phases again.
    A plan that was made in a checkout, where the runtime is a folder below, is led to the copy.
    """
    progress(f"planning {SOURCE}")
    plan = preview_source(tree, SOURCE).plan if plan_text is None else load(plan_text, plan_path)
    text = dump(replace(plan, source=SOURCE))
    tree.save(PLAN, text)
    if commit:
        tree.git_commit((PLAN,), f"Plan the split of {SOURCE}\n")
    preview = preview_plan(tree, text, PLAN)
    result = apply_plan(tree, open_bench, text, PLAN, phases="all", level=level, commit=commit, progress=progress)
    return Demo(preview, result, status_of(tree, text, PLAN))
