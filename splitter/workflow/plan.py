"""`plan`: makes, checks, refreshes and edits plans.

Invariant: never changes the source; needs no cargo.
"""

from dataclasses import replace

from splitter.errors import PlanError, Problem, StaleError, UsageError
from splitter.graph.build import build_graph
from splitter.model.graph import SymbolGraph
from splitter.model.outcome import Preview
from splitter.model.plan import Layout, Module, Plan
from splitter.plan_shape import did_you_mean
from splitter.planfile import check
from splitter.planner.explain import explain_item as explain_one
from splitter.planner.plan import PlanOptions, make_plan
from splitter.planner.refresh import refresh_plan as refresh
from splitter.planner.rules import Rules
from splitter.ports import Tree
from splitter.report.explanation import explanation_text
from splitter.source.parse import parse
from splitter.workflow.names import reserved_names
from splitter.workflow.preview import preview_of, size_notes
from splitter.workflow.session import Session, is_stale, layout_problems, open_session
from splitter.workflow.trail import require_kept


def preview_source(
    tree: Tree, source: str, *, target_lines: int = 250, layout: Layout = Layout.INLINE, rules: Rules | None = None
) -> Preview:
    """Plan a source file afresh.

    Raises `SourceError` where it cannot be read or does not parse, `PlanError` for rules that match nothing.
    """
    graph = _graph(tree, source)
    made = preview_of(tree, graph, make_plan(graph, _options(tree, graph, source, target_lines, layout, rules)))
    return replace(made, notes=(*made.notes, *size_notes(made.modules, target_lines)))


def check_plan(tree: Tree, text: str, path: str) -> tuple[Problem, ...]:
    """Every problem of a plan at once; none for a sound one."""
    try:
        session = open_session(tree, text, path)
    except PlanError as error:
        return error.problems
    standing = tree.place(session.plan.source)
    graph = build_graph(session.source, standing.module)
    reserved = reserved_names(session.source, standing.crates, session.own_names)
    problems = (*layout_problems(session), *check(session.plan, text, path, graph, reserved, session.done))
    if is_stale(session):
        stale = Problem(path, 1, f"{session.plan.source} has changed since the plan was made", "run `--refresh`")
        return (stale, *problems)
    return problems


def preview_plan(tree: Tree, text: str, path: str) -> Preview:
    """Figures of a written plan, as far as it is not applied yet.

    Raises `StaleError` where the source has moved on, `DirtyError` where what finished phases made is gone.
    """
    session = open_session(tree, text, path)
    require_kept(session.receipts, session.residue_file, tree, path)
    if is_stale(session):
        message = f"{session.residue_file} has changed since {path} was made"
        raise StaleError(message, f"Run `splitter plan --refresh {path}`.")
    graph = build_graph(session.source, session.module)
    return preview_of(tree, graph, _waiting(session))


def refresh_plan(tree: Tree, text: str, path: str) -> tuple[Plan, tuple[str, ...]]:
    """The plan for the source as it is now, and what became of items that are new or gone."""
    session = open_session(tree, text, path)
    require_kept(session.receipts, session.residue_file, tree, path)
    graph = build_graph(session.source, session.module)
    options = _options(tree, graph, session.plan.source, 250, session.plan.layout, None)
    waiting = _waiting(session)
    done = [phase for phase in session.plan.phases if phase.number in session.done]
    made = refresh(graph, waiting, options, _left(tree, session))
    later = (replace(phase, number=number) for number, phase in enumerate(made.plan.phases, len(done) + 1))
    plan = replace(made.plan, source=session.plan.source, phases=(*done, *later))
    homes = plan.placed
    added = tuple(f"{key}: new, goes to {homes[key]}" for key in made.added)
    return plan, (*added, *(f"{key}: gone from the source, taken out of the plan" for key in made.gone))


def _left(tree: Tree, session: Session) -> frozenset[str]:
    """Keys that the plan left in the source that it was made for, if that can still be found."""
    old = tree.recall(session.plan.source, session.plan.sha256)
    if old is None:
        return frozenset()
    placed = session.plan.placed
    return frozenset(item.key for item in parse(session.plan.source, old).items if item.key not in placed)


def move_item(tree: Tree, text: str, path: str, key: str, module: str) -> Plan:
    """The plan with one item in another module (made in its present phase if there is none), locked there.

    Raises `UsageError` where the item or the phase does not allow it.
    """
    session = open_session(tree, text, path)
    plan = session.plan
    if key not in session.source.by_key:
        near = did_you_mean(key, session.source.by_key)
        message = f"`{key}` is not in {session.residue_file}"
        raise UsageError(message, f"{near[:1].upper()}{near[1:]}" if near else "`--format json` lists the keys.")
    home = next((p for p in plan.phases for m in p.modules if m.path == module), None)
    home = home or next((p for p in plan.phases if key in p.keys), None) or (plan.phases[-1] if plan.phases else None)
    if home is None or home.number in session.done:
        message = f"module `{module}` belongs to a phase that is applied already" if home else "the plan has no phase"
        raise UsageError(message, "Move the item to a module of a later phase.")
    phases = []
    order = {item.key: at for at, item in enumerate(session.source.items)}
    for phase in plan.phases:
        modules = [_without(m, key) for m in phase.modules]
        if phase.number == home.number:
            if not any(m.path == module for m in modules):
                modules.append(Module(module, f"Items of `{module}`.", ()))
            modules = [_with(m, key, order) if m.path == module else m for m in modules]
        phases.append(replace(phase, modules=tuple(m for m in modules if m.items)))
    kept = [phase for phase in phases if phase.modules]
    return replace(plan, phases=tuple(replace(phase, number=n) for n, phase in enumerate(kept, 1)))


def explain_item(tree: Tree, text: str, path: str, key: str) -> str:
    """Why an item stands where the plan has it, in full."""
    session = open_session(tree, text, path)
    graph = build_graph(session.source, session.module)
    found = explain_one(graph, session.plan, key)
    if isinstance(found, Problem):
        raise UsageError(str(found), "`splitter plan --format json` lists the keys.")
    return explanation_text(found)


def _graph(tree: Tree, source: str) -> SymbolGraph:
    file = parse(source, tree.read(source))
    return build_graph(file, tree.place(source).module)


def _options(
    tree: Tree, graph: SymbolGraph, source: str, target_lines: int, layout: Layout, rules: Rules | None
) -> PlanOptions:
    reserved = reserved_names(graph.source, tree.place(source).crates) | tree.taken(source)
    return PlanOptions(target_lines, layout, rules, reserved, source)


def _waiting(session: Session) -> Plan:
    return replace(session.plan, phases=tuple(p for p in session.plan.phases if p.number not in session.done))


def _without(module: Module, key: str) -> Module:
    items = tuple(k for k in module.items if k != key)
    return replace(module, items=items, locked=tuple(k for k in module.locked if k != key))


def _with(module: Module, key: str, order: dict[str, int]) -> Module:
    items = tuple(sorted((*module.items, key), key=lambda k: order.get(k, len(order))))
    return replace(module, items=items, locked=(*module.locked, key))
