"""How often each file of a split is compiled: once for every module that a `mod` declaration makes of it.

Source: The Rust Reference, "Modules", "The path attribute".
Invariant: declarations of one name in one file are one module, for their `cfg`s exclude one another; a file that
nothing in the split leads to counts as compiled once.
"""

import posixpath
import re
from collections import defaultdict
from pathlib import PurePosixPath

from splitter.model.evidence import Scope
from splitter.model.source import Item, ItemKind
from splitter.verify.places import parsed

_PATH = re.compile(r'^#\[path = "([^"]+)"\]$')
_FOLDER_FILES = frozenset(("mod", "lib", "main"))


def times_compiled(files: dict[str, bytes], scope: Scope) -> dict[str, int]:
    """Number of modules that each file is; raises `SourceError` for a file that is no Rust."""
    declared: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path, source in parsed(files).items():
        for item in source.items:
            if item.kind is ItemKind.MOD and source.text(item.core).endswith(b";"):
                for target in _targets(item, path, scope):
                    declared[target].add((path, item.name))
    return {path: _times(path, declared, frozenset()) for path in files}


def _times(path: str, declared: dict[str, set[tuple[str, str]]], above: frozenset[str]) -> int:
    if path in above:
        return 0
    return max(1, sum(_times(parent, declared, above | {path}) for parent, _ in declared.get(path, ())))


def _targets(item: Item, path: str, scope: Scope) -> tuple[str, ...]:
    """Files, one of which the declaration `mod name;` means."""
    file = PurePosixPath(path)
    named = [found[1] for found in map(_PATH.match, item.attributes) if found]
    if named:
        return tuple(posixpath.normpath(str(file.parent / name)) for name in named)
    is_root = path == scope.monolith and not scope.parent
    folder = file.parent if is_root or file.stem in _FOLDER_FILES else file.parent / file.stem
    plain = item.name.removeprefix("r#")
    return str(folder / f"{plain}.rs"), str(folder / plain / "mod.rs")
