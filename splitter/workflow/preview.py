"""A plan with the figures that a person judges it by.

Invariant: reads only; rewrites nothing: the edits to expect follow from who names what.
"""

from collections import Counter, defaultdict

from splitter.model.graph import SymbolGraph
from splitter.model.outcome import ModuleFigures, Preview
from splitter.model.plan import Module, Plan
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.ports import Tree
from splitter.workflow.status import count_functions

_LARGE_SHOWN = 6
_STAYING_SHOWN = 3
_NO_MODULE = (
    "modules form around functions, and these are too few; types go, with their impls, where a rules file sends them"
    ' (`--rules FILE`, in it [modules] and a line like map = ["struct:Map*"])'
)
_WITHOUT_VISIBILITY = (ItemKind.IMPL, ItemKind.MACRO, ItemKind.NOTE, ItemKind.CALL)
_STAYS = {
    ItemKind.USE: "imports stay, copied to the modules that need them",
    ItemKind.INNER: "inner attributes and docs belong to the file",
    ItemKind.MOD: "a module of its own stays where it is declared",
    ItemKind.EXTERN_CRATE: "`extern crate` belongs to the file",
    ItemKind.OPAQUE: "the parser does not know its syntax",
}


def preview_of(tree: Tree, graph: SymbolGraph, plan: Plan) -> Preview:
    """Figures of a plan over the source that it was made for."""
    source = graph.source
    placed = plan.placed
    edits = _visibility_edits(graph, plan)
    rows = tuple(_figures(graph, phase.number, module, edits) for phase in plan.phases for module in phase.modules)
    residue = tuple(item.key for item in source.items if item.key not in placed)
    moved = sum(source.whole(source.by_key[key]).count(b"\n") for key in placed if key in source.by_key)
    return Preview(
        plan=plan,
        lines=source.line_count,
        items=len(source.items),
        functions=sum(count_functions(source, item.key) for item in source.items),
        exported=len({symbol.name for symbol in graph.symbols}),
        modules=rows,
        residue=residue,
        residue_lines=source.line_count - moved,
        stays={key: _why_stays(graph, key) for key in residue},
        metrics=_metrics(graph, plan, rows),
        mentions=tree.mentions(source.path),
        notes=_stay_notes(source),
    )


def size_notes(modules: tuple[ModuleFigures, ...], target_lines: int) -> tuple[str, ...]:
    """Where the wish for modules of about so many lines yielded to what belongs together, or where there are none."""
    if not modules:
        return (_NO_MODULE,)
    large = sorted((m for m in modules if m.lines > 2 * target_lines), key=lambda m: (-m.lines, m.path))
    if not large:
        return ()
    named = ", ".join(f"{module.path} ({module.lines:,})" for module in large[:_LARGE_SHOWN])
    more = f" +{len(large) - _LARGE_SHOWN}" if len(large) > _LARGE_SHOWN else ""
    told = f"more than twice the {target_lines:,} lines wished for, since nothing in them parts clearly"
    return (f"{told}: {named}{more}",)


def _stay_notes(source: SourceFile) -> tuple[str, ...]:
    """What has to stay, each with its line; many for one reason are told of once."""
    alike: dict[str, list[Item]] = defaultdict(list)
    for item in source.items:
        if item.stays:
            alike[item.stays].append(item)
    rows: list[list[Item]] = []
    for items in alike.values():
        rows += [items] if len(items) > _STAYING_SHOWN else [[item] for item in items]
    return tuple(
        f"{source.path}:{first.line}: `{first.key}` {f'and {len(more)} more stay' if more else 'stays'}: {first.stays}"
        for first, *more in sorted(rows, key=lambda row: row[0].line)
    )


def _figures(graph: SymbolGraph, number: int, module: Module, edits: Counter[str]) -> ModuleFigures:
    source = graph.source
    own = frozenset(module.items)
    items = [source.by_key[key] for key in module.items if key in source.by_key]
    used = {use for key in module.items for use in graph.uses.get(key, ()) if use not in own}
    shared = tuple(sorted(used, key=lambda key: source.by_key[key].span))
    functions = [key for key in module.items if key.startswith(("fn:", "call:"))]
    said = (module.why.get(key, "") for key in functions or module.items)
    reasons = Counter(reason for reason in said if reason)
    return ModuleFigures(
        phase=number,
        path=module.path,
        doc=module.doc,
        lines=sum(source.whole(item).count(b"\n") for item in items),
        functions=sum(count_functions(source, item.key) for item in items),
        items=len(items),
        why=reasons.most_common(1)[0][0].split("; ")[0] if reasons else "",
        shared=shared,
        visibility_edits=edits[module.path],
    )


def _visibility_edits(graph: SymbolGraph, plan: Plan) -> Counter[str]:
    """Private items of each module that code outside of it names; fields and methods come on top."""
    placed = plan.placed
    found: Counter[str] = Counter()
    for item in graph.source.items:
        home = placed.get(item.key)
        if home is None or not item.private or item.kind in _WITHOUT_VISIBILITY:
            continue
        found[home] += any(placed.get(user) != home for user in graph.users.get(item.key, ()))
    return found


def _why_stays(graph: SymbolGraph, key: str) -> str:
    item = graph.source.by_key[key]
    if item.stays or item.kind in _STAYS:
        return item.stays or _STAYS[item.kind]
    if item.test_only:
        return "tests see everything here"
    users = graph.users.get(key, frozenset())
    return f"shared by {len(users)} items" if len(users) > 1 else "no module asks for it"


def _metrics(graph: SymbolGraph, plan: Plan, rows: tuple[ModuleFigures, ...]) -> dict[str, float]:
    placed = plan.placed
    ties = [(r.src, r.dst) for r in graph.references if r.src in placed and r.dst in placed]
    inside = sum(1 for src, dst in ties if placed[src] == placed[dst])
    return {
        "modules": float(len(rows)),
        "cohesion": round(inside / len(ties), 3) if ties else 1.0,
        "visibility_edits": float(sum(row.visibility_edits for row in rows)),
        "largest_module_lines": float(max((row.lines for row in rows), default=0)),
    }
