"""A plan in the face of its tree: which phases are done, and where residue and modules stand now.

Invariant: reads only; whatever does not fit together is a clear error before anything is built.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from splitter.errors import DirtyError, PlanError, Problem, StaleError
from splitter.graph.build import build_graph
from splitter.model.plan import Layout, Plan
from splitter.model.receipt import Receipt
from splitter.model.source import SourceFile
from splitter.planfile import check, load
from splitter.ports import Tree as UserTree
from splitter.rewrite.places import Place, Tree, place_of
from splitter.source.parse import parse
from splitter.source.rekey import own_bytes, rekey
from splitter.workflow.names import reserved_names
from splitter.workflow.trail import edited_files, find_misfits, require_kept, require_layout


@dataclass(frozen=True)
class Session:
    """A plan, its receipts, and the files of the split as they stand."""

    plan: Plan
    text: str
    path: str
    receipts: tuple[Receipt, ...]
    tree: Tree
    module: tuple[str, ...]
    residue_file: str
    residue: Place
    source: SourceFile
    parent: SourceFile | None = None
    existing: dict[Place, SourceFile] = field(default_factory=dict)

    @property
    def done(self) -> frozenset[int]:
        """Numbers of the finished phases."""
        return frozenset(receipt.phase for receipt in self.receipts)

    @property
    def planned(self) -> frozenset[Place]:
        """Places of all phases."""
        return frozenset(place_of(module.path) for phase in self.plan.phases for module in phase.modules)

    @property
    def own_names(self) -> frozenset[str]:
        """Names of the modules right below the monolith that finished phases made."""
        return frozenset(place[0] for place in self.existing if len(place) == 1)

    @property
    def files(self) -> dict[str, bytes]:
        """All files of the split as they stand."""
        every = [self.source, *([self.parent] if self.parent else []), *self.existing.values()]
        return {file.path: file.data for file in every}


def open_session(user: UserTree, text: str, path: str) -> Session:
    """Load a plan and look at its tree.

    Raises `PlanError` for what is wrong with the plan by itself or contradicts its finished phases, `SourceError`
    where the residue is missing.
    """
    plan = load(text, path)
    receipts = user.receipts(plan.source)
    standing = user.place(plan.source)
    tree = Tree(_parent_file(plan), standing.children)
    legacy = plan.layout is Layout.LEGACY
    started = bool(receipts) and legacy
    residue: Place = (legacy_name(plan),) if started else ()
    residue_file = legacy_file(plan) if started else plan.source
    require_layout(receipts, residue_file, path)
    if not all(user.exists(file) for file in {residue_file, *([tree.parent] if started else [])}):
        require_kept(receipts, residue_file, user, path)
    source = _rekeyed(user, plan, receipts, parse(residue_file, user.read(residue_file)))
    misfits = find_misfits(plan, receipts, path, _module_files(plan, tree), frozenset(source.by_key))
    if misfits:
        raise PlanError(misfits)
    parent = parse(tree.parent, user.read(tree.parent)) if started else None
    existing = _existing(user, plan, tree, receipts)
    return Session(plan, text, path, receipts, tree, standing.module, residue_file, residue, source, parent, existing)


def legacy_name(plan: Plan) -> str:
    """Name of the residue's module in the legacy layout."""
    return f"{_stem(plan)}_legacy"


def legacy_file(plan: Plan) -> str:
    """File of the residue in the legacy layout."""
    folder = PurePosixPath(plan.source).parent
    folder = folder.parent if PurePosixPath(plan.source).name == "mod.rs" else folder
    return str(folder / f"{_stem(plan)}_legacy.rs")


def require_ready(session: Session, user: UserTree, *, dry_run: bool) -> None:
    """Refuse a stale source and a dirty tree.

    Raises `StaleError` where the source is not the one that was planned or that the last phase left, `DirtyError`
    where it differs from the last commit before phase 1.
    """
    if is_stale(session):
        message = f"{session.residue_file} is not the file that {session.path} was made for"
        raise StaleError(message, f"Run `splitter plan --refresh {session.path}` and review what it changed.")
    dirty = () if dry_run or session.receipts else user.dirty((session.plan.source,))
    if dirty:
        message = f"{', '.join(dirty)} has changes that are not committed"
        raise DirtyError(message, "Commit or stash them first, so that an undo has something to go back to.")


def require_unedited(session: Session, user: UserTree, paths: Iterable[str]) -> None:
    """Refuse to write over a finished phase's file that was edited since and is not safe in git.

    Raises `DirtyError`; the residue is `require_ready`'s business.
    """
    edited = {path for path in edited_files(session.receipts, user) if path != session.residue_file}
    unsafe = [path for path in sorted(edited & set(paths)) if not user.revision or user.dirty((path,))]
    if unsafe:
        message = f"{', '.join(unsafe)} was edited since its phase was applied, and this phase has to change it"
        raise DirtyError(message, "Commit the edit first, so that it cannot be lost.")


def is_stale(session: Session) -> bool:
    """Say whether the residue is neither the file that was planned (or refreshed), nor what the last phase left."""
    known = {session.plan.sha256, *(receipt.after.get(session.residue_file) for receipt in session.receipts[-1:])}
    return session.source.digest not in known


def require_sound(session: Session, user: UserTree, crates: frozenset[str]) -> None:
    """Raise `PlanError` with everything that is wrong with the plan in the face of its source."""
    graph = build_graph(session.source, session.module)
    reserved = reserved_names(session.source, crates, session.own_names)
    problems = [
        *layout_problems(session),
        *check(session.plan, session.text, session.path, graph, reserved, session.done),
    ]
    for phase in session.plan.phases:
        if phase.number in session.done:
            continue
        folders = frozenset(p[:end] for p in session.planned for end in range(1, len(p)))
        for module in phase.modules:
            file = session.tree.file(place_of(module.path), folders)
            if user.exists(file) and place_of(module.path) not in session.existing:
                problems.append(
                    Problem(session.path, 1, f"module `{module.path}`: {file} already exists", "take another name")
                )
    if problems:
        raise PlanError(tuple(problems))


def _rekeyed(user: UserTree, plan: Plan, receipts: tuple[Receipt, ...], source: SourceFile) -> SourceFile:
    """The residue with the keys that its items had before phase 1, which are those of the plan."""
    if not receipts:
        return source
    first = parse(plan.source, user.base(receipts[0].before[plan.source]))
    gone = {key for receipt in receipts for key in receipt.items}
    return rekey(source, {item.key: own_bytes(first, item) for item in first.items if item.key not in gone})


def layout_problems(session: Session) -> tuple[Problem, ...]:
    """A crate root cannot go away: the legacy layout is not for it."""
    if session.plan.layout is Layout.LEGACY and not session.module:
        message = f"{session.plan.source} is the root of its crate, which has to stay where it is"
        return (Problem(session.path, 1, message, 'take layout = "inline"'),)
    return ()


def _existing(user: UserTree, plan: Plan, tree: Tree, receipts: tuple[Receipt, ...]) -> dict[Place, SourceFile]:
    """Modules of finished phases, as far as they are still there."""
    done = {receipt.phase for receipt in receipts}
    made = {place_of(m.path) for phase in plan.phases if phase.number in done for m in phase.modules}
    made |= {place[:end] for place in made for end in range(1, len(place))}
    files = _module_files(plan, tree)
    return {p: parse(files[p], user.read(files[p])) for p in sorted(made) if user.exists(files[p])}


def _module_files(plan: Plan, tree: Tree) -> dict[Place, str]:
    """Where each module stands or will stand, those that only hold others included."""
    every = [place_of(module.path) for phase in plan.phases for module in phase.modules]
    folders = frozenset(place[:end] for place in every for end in range(1, len(place)))
    return {place: tree.file(place, folders) for place in (*every, *folders)}


def _parent_file(plan: Plan) -> str:
    if plan.layout is Layout.INLINE:
        return plan.source
    source = PurePosixPath(plan.source)
    return plan.source if source.name == "mod.rs" else str(source.parent / source.stem / "mod.rs")


def _stem(plan: Plan) -> str:
    source = PurePosixPath(plan.source)
    return source.parent.name if source.name == "mod.rs" else source.stem
