"""Joins the workflow to the world: opens trees, locks and workbenches for the commands.

Invariant: the only place that knows both what a command does and which world it does it to; knows no options
and prints nothing. Imports come late, so that a command loads what it uses and no more.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from splitter.commands.files import locate, plan_beside, read_text
from splitter.commands.progress import Steps
from splitter.errors import PlanError, Problem, UsageError
from splitter.model.check import Level
from splitter.model.plan import Layout, Plan

if TYPE_CHECKING:
    from splitter.model.graph import SymbolGraph
    from splitter.model.outcome import Preview, RunResult, Status
    from splitter.ports import Workbench
    from splitter.system.tree import DiskTree
    from splitter.system.workbench import BuildOptions
    from splitter.verify.checks import Check
    from splitter.workflow.demo import Demo

_DEMO_SOURCE = "native_ref"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan file in its tree; `path` is as the user wrote it, for messages."""

    tree: "DiskTree"
    text: str
    path: str


def make_preview(
    source: Path, output: Path | None, *, target_lines: int | None, layout: Layout | None, rules: Path | None
) -> "Preview":
    """Plan a source file; the tree is that of `output`, where the plan is to lie.

    Raises `UsageError` where the source does not lie in that tree, or where phases of it are applied already and the
    plan is to be written.
    """
    from splitter.planner.rules import parse_rules
    from splitter.workflow.plan import preview_source

    tree, path = locate(source, output or plan_beside(source))
    if output is not None and tree.receipts(path):
        message = f"phases of {path} are applied; a fresh plan would not know of them"
        raise UsageError(message, "`splitter plan --refresh PLAN` plans what is left; or undo the phases first.")
    wishes = {} if target_lines is None else {"target_lines": target_lines}
    read = None if rules is None else parse_rules(read_text(rules, "rules"), str(rules))
    return preview_source(tree, path, layout=layout or Layout.INLINE, rules=read, **wishes)


def make_graph(source: Path) -> "tuple[SymbolGraph, Plan]":
    """The graph of a source file, and a plan that gathers its items."""
    from splitter.graph.build import build_graph
    from splitter.source.parse import parse
    from splitter.workflow.plan import preview_source

    tree, path = locate(source, plan_beside(source))
    graph = build_graph(parse(path, tree.read(path)), tree.place(path).module)
    return graph, preview_source(tree, path).plan


@contextmanager
def open_plan(path: Path, *, writes: str = "") -> Iterator[PlanFile]:
    """A plan file and its tree; locked while it is open if a command (`writes`) is to change the tree.

    Raises `SourceError` where the file cannot be read, `LockedError` where another run has the tree.
    """
    from splitter.system.lock import hold_lock
    from splitter.system.tree import open_tree

    text = read_text(path, "plan")
    with ExitStack() as stack:
        tree = open_tree(path)
        if writes:
            stack.enter_context(hold_lock(tree.root, f"splitter {writes} {path}"))
        yield PlanFile(tree, text, str(path))


def save(path: Path, text: str) -> None:
    """Write a file of ours, all or nothing."""
    from splitter.system.lock import hold_lock
    from splitter.system.tree import open_tree

    root = open_tree(path).root
    if not root.is_dir():
        message = f"{root}: there is no such folder"
        raise UsageError(message, "Make it first, or name another file.")
    with hold_lock(root, f"splitter, writing {path}"):
        tree, inside = locate(path, path)
        tree.save(inside, text)


def read_old_plan(path: Path) -> Plan | None:
    """The plan that stands at a path already, if something does; raises `PlanError` where that is no plan."""
    from splitter.planfile import load

    return load(read_text(path, "plan"), str(path)) if os.path.lexists(path) else None


def write_plan(plan: Plan) -> str:
    """Text of a plan file."""
    from splitter.planfile import dump

    return dump(plan)


def preview_plan(file: PlanFile, plan: Plan) -> "Preview":
    """Figures of an edited plan; raises `PlanError` or `StaleError` where it cannot be saved as it is.

    What was wrong with the plan before the edit does not count.
    """
    from splitter.workflow.plan import check_plan, preview_plan

    text = write_plan(plan)
    shown = preview_plan(file.tree, text, file.path)
    old = {problem.message for problem in check_plan(file.tree, file.text, file.path)}
    new = tuple(problem for problem in check_plan(file.tree, text, file.path) if problem.message not in old)
    if new:
        raise PlanError(new)
    return shown


def check_plan(file: PlanFile) -> tuple[Problem, ...]:
    """Every problem of a plan."""
    from splitter.workflow.plan import check_plan

    return check_plan(file.tree, file.text, file.path)


def refresh_plan(file: PlanFile) -> tuple[Plan, tuple[str, ...]]:
    """The plan for the source as it is now, and what became of its items."""
    from splitter.workflow.plan import refresh_plan

    return refresh_plan(file.tree, file.text, file.path)


def move_items(file: PlanFile, moves: tuple[tuple[str, str], ...]) -> Plan:
    """The plan with some items in other modules."""
    from splitter.planfile import load
    from splitter.workflow.plan import move_item

    text = file.text
    for key, module in moves:
        text = write_plan(move_item(file.tree, text, file.path, key, module))
    return load(text, file.path)


def plan_afresh(source: Path, preview: "Preview") -> PlanFile:
    """A fresh plan as if it lay beside its source; raises `UsageError` where phases of the source are applied."""
    path = plan_beside(source)
    tree, inside = locate(source, path)
    if tree.receipts(inside):
        message = f"phases of {inside} are applied; a fresh plan would not know of them"
        raise UsageError(message, "Ask the plan: `splitter plan PLAN --explain KEY`.")
    return PlanFile(tree, write_plan(preview.plan), str(path))


def explain_item(file: PlanFile, key: str) -> str:
    """Why an item stands where it does."""
    from splitter.workflow.plan import explain_item

    return explain_item(file.tree, file.text, file.path, key)


def apply_plan(  # noqa: PLR0913 - all by name
    file: PlanFile,
    build: "BuildOptions",
    steps: Steps,
    *,
    phases: str | int,
    level: Level,
    dry_run: bool,
    accept: frozenset[str],
    commit: bool,
) -> "RunResult":
    """Apply phases of a plan."""
    from splitter.workflow.apply import apply_plan

    return apply_plan(
        file.tree,
        _benches(file.tree, build, steps),
        file.text,
        file.path,
        phases=phases,
        level=level,
        dry_run=dry_run,
        accept=accept,
        commit=commit,
        progress=steps,
    )


def verify_plan(file: PlanFile, build: "BuildOptions", steps: Steps, *, level: Level) -> "RunResult":
    """Verify the finished phases of a plan."""
    from splitter.workflow.verify import verify_plan

    benches = _benches(file.tree, build, steps)
    return verify_plan(file.tree, benches, file.text, file.path, level=level, progress=steps)


def undo_plan(file: PlanFile, steps: Steps, *, phase: int | None, and_later: bool) -> "RunResult":
    """Take phases back."""
    from splitter.workflow.undo import undo_plan

    return undo_plan(file.tree, file.text, file.path, phase=phase, and_later=and_later, progress=steps)


def status_of(file: PlanFile) -> "Status":
    """How far a split has come."""
    from splitter.workflow.status import status_of

    return status_of(file.tree, file.text, file.path)


def run_demo(
    folder: Path | None, plan: Path | None, build: "BuildOptions", steps: Steps, *, level: Level, all_features: bool
) -> "tuple[Path, Demo]":
    """Split a copy of the reference runtime in `folder`, or in a new one; returns which it was."""
    import tomllib
    from dataclasses import replace

    from splitter.system.disk import copy_tree, package_data
    from splitter.system.git import begin_repository
    from splitter.system.scratch import new_folder
    from splitter.system.tree import DiskTree
    from splitter.workflow.demo import run_demo

    text = None if plan is None else read_text(plan, "plan")
    work = folder or new_folder("splitter-demo")
    copy_tree(package_data(_DEMO_SOURCE), work)
    tree = DiskTree(work.resolve())
    if all_features:
        known = tomllib.loads(tree.read("Cargo.toml").decode())["features"]
        build = replace(build, features=tuple(sorted({*known, *build.features} - {"default"})))
    where = {} if plan is None else {"plan_path": str(plan)}
    commit = begin_repository(tree.root, "The reference runtime, before its split\n")
    benches = _benches(tree, build, steps)
    return work, run_demo(tree, benches, text, level=level, commit=commit, progress=steps, **where)


def known_checks() -> "tuple[Check, ...]":
    """All checks that `verify` can make."""
    from splitter.verify.checks import CHECKS

    return CHECKS


def tool_version() -> str:
    """Version of this tool."""
    from splitter.workflow.record import tool_version

    return tool_version()


def _benches(
    tree: "DiskTree", build: "BuildOptions", steps: Steps
) -> "Callable[[str], AbstractContextManager[Workbench]]":
    from splitter.system.workbench import open_workbench

    return lambda source: open_workbench(tree.root, source, build, steps.detail)
