"""Puts together what the rewriter has to know for one phase."""

from pathlib import PurePosixPath

from splitter.model.plan import Layout, Phase
from splitter.ports import Tree as UserTree
from splitter.rewrite.macros import public_macros
from splitter.rewrite.outside import outside_names
from splitter.rewrite.places import Place, place_of
from splitter.rewrite.use_text import UseStyle
from splitter.rewrite.world import World
from splitter.source.quoting import quoting_macros
from splitter.workflow.session import Session, legacy_file, legacy_name


def world_of(session: Session, user: UserTree, phase: Phase, module: tuple[str, ...], *, by_names: bool) -> World:
    """World before `phase`; `module` is the monolith's path in its crate."""
    legacy = session.plan.layout is Layout.LEGACY
    target: Place = (legacy_name(session.plan),) if legacy else ()
    standing = user.place(session.plan.source)
    files = user.rust_files(standing.package)
    ours = set(session.files)
    below = {
        path: data
        for path, data in files.items()
        if path not in ours and PurePosixPath(path).is_relative_to(session.tree.folder)
    }
    return World(
        tree=session.tree,
        crate_path=module,
        source=session.source,
        residue_file=legacy_file(session.plan) if legacy else session.residue_file,
        origin=session.residue,
        residue=target,
        places={key: place_of(m.path) for m in phase.modules for key in m.items},
        docs={place_of(m.path): m.doc for m in phase.modules},
        parent=session.parent,
        planned=session.planned,
        existing=session.existing,
        outside=outside_names(below, ("crate", *module)),
        public_macros=public_macros(files.values()),
        quoting=quoting_macros(files.values()),
        by_names=by_names,
        style=UseStyle(versions=standing.style >= "2024"),
    )
