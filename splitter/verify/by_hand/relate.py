"""What two revisions of a crate have to do with each other: which files count, and where the split put code.

Invariant: a file counts where its bytes or its module differ, and the monolith always; what no declaration leads
to is not there, as far as the crate is concerned.
"""

from dataclasses import dataclass, replace

from splitter.errors import SourceError
from splitter.model.crate import CrateSources, ModuleAt
from splitter.model.evidence import Evidence, Scope
from splitter.model.source import ItemKind, SourceFile
from splitter.source.positions import asking_macros
from splitter.source.quoting import quoting_macros
from splitter.verify.by_hand.entries import body_of, inner_cfgs
from splitter.verify.places import Path, is_own, parsed


@dataclass(frozen=True)
class Relation:
    """Evidence of two revisions as far as files tell, and the scope of their comparison."""

    before: Evidence
    after: Evidence
    scope: Scope

    @property
    def changed(self) -> bool:
        """Say whether anything differs at all."""
        return (self.before.files, self.before.modules) != (self.after.files, self.after.modules)


def relate(before: CrateSources, after: CrateSources, source: str) -> Relation:
    """Find out what to compare; `source` is the monolith's path in the revision before."""
    old, new = _counted(before, after, source), _counted(after, before, source)
    sides = [
        Evidence(
            files={path: crate.files[path] for path in modules},
            modules=_gated(crate, modules),
            asking_macros=asking_macros(data for path, data in crate.files.items() if path not in modules),
        )
        for crate, modules in ((before, old), (after, new))
    ]
    parent = before.modules[source].path
    residue = next((path for path, at in after.modules.items() if at.path == parent), source)
    scope = Scope(
        crate=before.crate or after.crate,
        parent=parent,
        monolith=source,
        residue_file=residue,
        moved=_moved(before, after, source, new),
        elsewhere=_elsewhere(before, after, source, new),
        kept=_kept(sides[0], sides[1]),
        quoting=quoting_macros(before.files.values()),
    )
    return Relation(sides[0], sides[1], scope)


def _counted(crate: CrateSources, other: CrateSources, source: str) -> dict[str, ModuleAt]:
    def differs(path: str, at: ModuleAt) -> bool:
        twin = other.modules.get(path)
        same = twin is not None and (twin.path, twin.cfgs) == (at.path, at.cfgs)
        return not same or crate.files[path] != other.files[path]

    return {path: at for path, at in crate.modules.items() if path == source or differs(path, at)}


def _gated(crate: CrateSources, modules: dict[str, ModuleAt]) -> dict[str, ModuleAt]:
    """The modules with what their files, and those above them, say of themselves by `#![cfg(…)]`."""
    by_module = {at.path: path for path, at in crate.modules.items()}
    found = {}
    for path, at in modules.items():
        above = [by_module.get(at.path[:end]) for end in range(len(at.path) + 1)]
        data = [crate.files[file] for file in above if file is not None]
        cfgs = [cfg for one in data if b"#![cfg" in one for cfg in _inner(path, one)]
        found[path] = replace(at, cfgs=(*at.cfgs, *cfgs)) if cfgs else at
    return found


def _inner(path: str, data: bytes) -> tuple[str, ...]:
    try:
        return tuple(cfg for source in parsed({path: data}).values() for cfg in inner_cfgs(source))
    except SourceError:
        return ()


def _elsewhere(before: CrateSources, after: CrateSources, source: str, modules: dict[str, ModuleAt]) -> frozenset[Path]:
    """Modules outside the monolith's own that are new, or that have gained what it has lost."""
    parent = before.modules[source].path
    known = {at.path for at in before.modules.values()}
    receivers = set(_moved(before, after, source, modules).values())
    return frozenset(
        at.path
        for at in modules.values()
        if at.path[: len(parent)] != parent
        and is_own(at.path)
        and (at.path not in known or "/".join(at.path) in receivers)
    )


def _moved(before: CrateSources, after: CrateSources, source: str, modules: dict[str, ModuleAt]) -> dict[str, str]:
    """Items that the monolith has lost, by key, each with the module that has gained one of that key."""
    parent = before.modules[source].path
    stays = {key for path, at in after.modules.items() if at.path == parent for key in _keys(after, path)}
    gains = {path: _keys(after, path) - _keys(before, path) for path in modules if modules[path].path != parent}
    return {
        key: "/".join(modules[path].path)
        for path, gained in gains.items()
        for key in sorted((_keys(before, source) - stays) & gained)
    }


def _keys(crate: CrateSources, path: str) -> frozenset[str]:
    """Keys of a file's items, without what every file has."""
    if path not in crate.modules:
        return frozenset()
    try:
        sources = parsed({path: crate.files[path]}).values()
    except SourceError:
        return frozenset()
    frame = (ItemKind.USE, ItemKind.NOTE, ItemKind.INNER, ItemKind.MOD)
    return frozenset(item.key for source in sources for item in source.items if item.kind not in frame)


def _kept(before: Evidence, after: Evidence) -> frozenset[Path]:
    """Modules that are inline in one tree and a file in the other."""
    inline = [_inline_modules(side) for side in (before, after)]
    files = [{at.path for at in side.modules.values()} for side in (before, after)]
    return frozenset((inline[0] & files[1]) | (inline[1] & files[0]))


def _inline_modules(side: Evidence) -> frozenset[Path]:
    found: set[Path] = set()
    for path, at in side.modules.items():
        try:
            sources = parsed({path: side.files[path]})
        except SourceError:
            continue
        for source in sources.values():
            _collect(source, at.path, found)
    return frozenset(found)


def _collect(source: SourceFile, module: Path, found: set[Path]) -> None:
    for item in source.items:
        if item.kind is ItemKind.MOD and source.text(item.core).endswith(b"}"):
            body = body_of(source, item)
            found.add((*module, item.name))
            if body is not None:
                _collect(body, (*module, item.name), found)
