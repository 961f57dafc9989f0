"""Every name that other crates can reach: by which public path, and under which condition.

Source: The Rust Reference, "Visibility and privacy".
Invariant: read from all files of the crate, changed or not, inline modules and `include!`d files too.
"""

from dataclasses import dataclass

from splitter.model.crate import CrateSources
from splitter.model.evidence import Scope
from splitter.model.source import ItemKind, SourceFile
from splitter.verify.by_hand.entries import body_of
from splitter.verify.macro_calls import rules_of
from splitter.verify.places import Path, is_own, parsed, standing, unreadable
from splitter.verify.surface import Modules, Way, join_modules, shown


@dataclass(frozen=True)
class Surface:
    """`paths` are the public ones; `shown` are places (file, line) of definitions that one of them leads to."""

    modules: Modules
    paths: dict[Path, list[Way]]
    shown: frozenset[tuple[str, int]]


def surface_of(crate: CrateSources, scope: Scope) -> Surface:
    """The public names of a crate."""
    here = standing(scope, crate.modules)
    files: dict[Path, SourceFile] = {}
    included: list[tuple[Path, SourceFile]] = []
    for path, data in crate.read.items():
        # What cannot be read did not change, or it would have been told before.
        for source in parsed({path: data}).values() if unreadable({path: data}) is None else ():
            if crate.modules[path].path in files:
                included.append((crate.modules[path].path, source))
            else:
                _add(files, crate.modules[path].path, source)
    modules = join_modules({path: files[path] for path in sorted(files)}, here)
    rules = rules_of((*files.values(), *(source for _, source in included)))
    for module, source in included:
        for name, ways in shown(source, module, rules).items():
            modules.own[module].setdefault(name, []).extend(ways)
    paths: dict[Path, list[Way]] = {}
    for module in sorted(_public(modules)):
        for name in sorted(modules.offered[module] - {"_", "*"}):
            ways = modules.ways(module, name, public=True)
            if ways:
                gate = modules.gates.get(module, frozenset())
                paths[*module, name] = [Way(w.target, w.reach, w.cfgs | gate, w.file, w.line) for w in ways]
    places = frozenset((way.file, way.line) for ways in paths.values() for way in ways)
    return Surface(modules, paths, places)


def _add(files: dict[Path, SourceFile], module: Path, source: SourceFile) -> None:
    files.setdefault(module, source)
    for item in source.items:
        if item.kind is ItemKind.MOD and source.data[item.core.end - 1 : item.core.end] == b"}":
            body = body_of(source, item)
            if body is not None:
                _add(files, (*module, item.name), body)


def _public(modules: Modules) -> set[Path]:
    """Modules that can be named from outside: each `mod` on the way is `pub`."""
    found: set[Path] = set()
    waiting: list[Path] = [()]
    while waiting:
        module = waiting.pop()
        if module not in modules.files or not is_own(module):
            continue
        found.add(module)
        items = [item for item in modules.files[module].items if item.kind is ItemKind.MOD]
        waiting += [(*module, item.name) for item in items if item.visibility == "pub"]
    return found
