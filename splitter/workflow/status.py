"""`status`: how far a split has come, from the plan, its receipts and the files."""

from collections.abc import Iterator

from splitter.graph.definitions import find_definitions
from splitter.graph.symbols import symbols_of
from splitter.model.outcome import ModuleStatus, PhaseStatus, Status
from splitter.model.plan import Phase
from splitter.model.receipt import Receipt
from splitter.model.source import ItemKind, SourceFile
from splitter.ports import Tree
from splitter.rewrite.places import place_of
from splitter.source.parse import parse
from splitter.workflow.accept import set_apart
from splitter.workflow.session import Session, open_session
from splitter.workflow.trail import edited_files

_FUNCTIONS = (ItemKind.FN,)


def status_of(tree: Tree, text: str, path: str) -> Status:
    """Progress of a plan; raises what `open_session` raises."""
    session = open_session(tree, text, path)
    original = _original(session, tree)
    rows = tuple(_row(session, original, phase) for phase in session.plan.phases)
    lawful, accepted = set_apart(_lawful(session.receipts), session.plan.accepted)
    functions = sum(count_functions(original, item.key) for item in original.items)
    return Status(
        source=session.plan.source,
        phases=rows,
        functions=functions,
        functions_moved=sum(row.functions for row in rows if row.done),
        lines=original.line_count,
        lines_moved=sum(row.lines for row in rows if row.done),
        before={session.plan.source: original.line_count},
        now={file: data.count(b"\n") for file, data in sorted(session.files.items())},
        edited=edited_files(session.receipts, tree),
        tests=_tests(session.receipts),
        modules=tuple(_modules(session, original)),
        lawful=lawful,
        accepted=accepted,
    )


def _lawful(receipts: tuple[Receipt, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for receipt in receipts for check in receipt.checks for text in check.lawful))


def count_functions(source: SourceFile, key: str) -> int:
    """Functions that an item of the source is, defines by a macro call, or exports as those of an impl."""
    item = source.by_key.get(key)
    if item is None:
        return 0
    if item.kind is ItemKind.CALL:
        return len(find_definitions(source).by_item.get(key, ())) if item.key != f"call:{item.name}!" else 0
    if item.kind is ItemKind.IMPL:
        return len(symbols_of(source, item, find_definitions(source)))
    return 1 if item.kind in _FUNCTIONS else 0


def _original(session: Session, tree: Tree) -> SourceFile:
    """The source as it was before phase 1."""
    if not session.receipts:
        return session.source
    first = session.receipts[0]
    return parse(session.plan.source, tree.base(first.before[session.plan.source]))


def _row(session: Session, original: SourceFile, phase: Phase) -> PhaseStatus:
    receipt = next((r for r in session.receipts if r.phase == phase.number), None)
    items = [original.by_key[key] for key in phase.keys if key in original.by_key]
    return PhaseStatus(
        number=phase.number,
        name=phase.name,
        done=receipt is not None,
        modules=tuple(module.path for module in phase.modules),
        items=len(phase.keys),
        functions=sum(count_functions(original, item.key) for item in items),
        lines=sum(original.whole(item).count(b"\n") for item in items),
        verdict=receipt.verdict.value if receipt else "",
        level=receipt.level.name.lower() if receipt else "",
    )


def _modules(session: Session, original: SourceFile) -> Iterator[ModuleStatus]:
    for phase in session.plan.phases:
        for module in phase.modules:
            items = [original.by_key[key] for key in module.items if key in original.by_key]
            file = session.existing.get(place_of(module.path)) if phase.number in session.done else None
            to_come = sum(original.whole(item).count(b"\n") for item in items)
            yield ModuleStatus(
                phase=phase.number,
                path=module.path,
                file=file.path if file else "",
                functions=sum(count_functions(original, item.key) for item in items),
                lines=file.data.count(b"\n") if file else to_come,
                stands=file is not None,
            )


def _tests(receipts: tuple[Receipt, ...]) -> tuple[int, int] | None:
    """Tests compared by the last phase that ran any, and how many of them were the same."""
    for receipt in reversed(receipts):
        for check in receipt.checks:
            if check.name == "tests" and check.compared:
                return (check.compared, check.equal)
    return None
