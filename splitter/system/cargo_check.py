"""`cargo check` of one package in a mirror, with every import that is unused.

Source: rustc's `--force-warn`.
Invariant: the warnings of a check are those that the crate's own lint levels show.
"""

import re
from dataclasses import replace

from splitter.model.evidence import Build, Configuration, Diagnostic
from splitter.model.source import Item, ItemKind
from splitter.source.parse import parse
from splitter.system.cargo import Cargo, environment, flags, locate, run_in
from splitter.system.diagnostics import read_diagnostics, tell_builds_apart
from splitter.system.wrappers import wrapper

_FORCE = """#!/bin/sh
exec "$@" --force-warn unused_imports
"""
_UNUSED = "unused_imports"
_ALLOWS = re.compile(r"#\[allow\([^)\]]*\bunused_imports\b")


def check(cargo: Cargo, configuration: Configuration) -> Build:
    """`cargo check` of all targets in one configuration.

    Every unused import is found even where the crate allows it; what only that brought up is in `unused_imports`
    alone. Raises `ToolError` when cargo cannot be run at all.
    """
    forced = check_imports(cargo, configuration)
    if all(_says_so_itself(cargo, unused) for unused in forced.unused_imports):
        shown = tuple(diagnostic for diagnostic in forced.diagnostics if diagnostic.code != _UNUSED)
        return replace(forced, diagnostics=shown)
    succeeded, diagnostics = _check(cargo, configuration, force=False)
    return replace(forced, succeeded=succeeded and forced.succeeded, diagnostics=diagnostics)


def check_imports(cargo: Cargo, configuration: Configuration) -> Build:
    """The same with `unused_imports` in force: quicker, but the warnings are not the crate's own."""
    succeeded, diagnostics = _check(cargo, configuration, force=True)
    unused = tuple(d for d in diagnostics if d.code == _UNUSED)
    return Build(configuration, succeeded, diagnostics, unused)


def _check(cargo: Cargo, configuration: Configuration, *, force: bool) -> tuple[bool, tuple[Diagnostic, ...]]:
    surroundings = environment(cargo, configuration)
    if force:
        surroundings["RUSTC_WORKSPACE_WRAPPER"] = str(wrapper(cargo.mirror, "check", _FORCE))
    command = ("cargo", "check", "--keep-going", "--message-format=json", *flags(cargo, configuration))
    done = run_in(cargo, (*command, *cargo.coverage), surroundings)
    found = read_diagnostics(done.stdout, lambda path: locate(cargo, path))
    if done.status and not any(d.level == "error" for d in found):
        found = (*found, Diagnostic("error", "", done.last_words, targets=("cargo",)))
    plain = None
    if found and not done.status:
        kinds = dict.fromkeys("--lib" if target.kind == "lib" else "--bins" for target in cargo.package.targets)
        again = run_in(cargo, (*command, *kinds), surroundings)
        plain = read_diagnostics(again.stdout, lambda path: locate(cargo, path))
    return done.status == 0, tell_builds_apart(found, plain)


def _says_so_itself(cargo: Cargo, unused: Diagnostic) -> bool:
    """Say whether the import is allowed to be unused by an attribute of its own, so that only force brings it up."""
    path = cargo.mirror.inside(cargo.mirror.root / unused.path)
    if not unused.path or not path.is_file():
        return False
    items = parse(unused.path, path.read_bytes()).items
    return any(_allows(item) for item in items if item.span.start <= unused.start < item.span.end)


def _allows(item: Item) -> bool:
    return item.kind is ItemKind.USE and any(_ALLOWS.match(attribute) for attribute in item.attributes)
