"""Which module a file of either tree is, and what a path means once the split's modules are thought away.

Invariant: a path that leads into a module of the split is taken for the same path in the monolith, so that code
before and after compares equal when nothing but its place changed.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from splitter.errors import SourceError
from splitter.model.crate import ModuleAt
from splitter.model.evidence import Evidence, Scope
from splitter.model.source import SourceFile
from splitter.source.parse import parse

Path = tuple[str, ...]


def module_of(scope: Scope, file: str) -> Path:
    """Module path in the crate of a file of the split."""
    if file in scope.stands:
        return scope.stands[file].path
    if scope.residue and file == scope.residue_file:
        return scope.parent + scope.residue
    for module, path in scope.modules.items():
        if path == file:
            return scope.parent + place_of(module)
    if file in (scope.residue_file, scope.monolith):
        return scope.parent
    # A folder that only holds modules is named by where it lies.
    parts = PurePosixPath(file).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "mod" else parts
    known = sorted(places(scope), key=len, reverse=True)
    return scope.parent + next((place for place in known if parts[-len(place) :] == place), ())


def place_of(module: str) -> Path:
    """Path below the monolith of a plan's module path (`hash/sha1`)."""
    return tuple(module.split("/")) if module else ()


def places(scope: Scope) -> frozenset[Path]:
    """Module paths below the monolith of everything that the split made, folders included."""
    own = {place_of(module) for module in scope.modules if module}
    folders = {place[:end] for place in own for end in range(1, len(place))}
    return frozenset(own | folders | ({scope.residue} if scope.residue else set()))


def split_files(scope: Scope) -> frozenset[str]:
    """Files that hold code of the monolith."""
    outside = {file for file, at in scope.stands.items() if at.path in scope.elsewhere}
    return frozenset({scope.monolith, scope.residue_file, *scope.modules.values(), *outside})


def within(scope: Scope, tree: Evidence | dict[str, bytes]) -> Scope:
    """The split as far as it stands in a tree: a module that is not there yet gives its name to no path."""
    if isinstance(tree, Evidence):
        return standing(scope, tree.modules) if tree.modules else within(scope, tree.files)
    files = tree
    modules = {module: file for module, file in scope.modules.items() if file in files}
    return replace(scope, modules=modules, residue=scope.residue if scope.residue_file in files else ())


def standing(scope: Scope, modules: dict[str, ModuleAt]) -> Scope:
    """The split in a tree of which is known which module each file is."""
    size = len(scope.parent)
    below = {
        "/".join(at.path[size:]): file
        for file, at in modules.items()
        if len(at.path) > size and at.path[:size] == scope.parent and at.path not in scope.kept and is_own(at.path)
    }
    residue = next((file for file, at in modules.items() if at.path == scope.parent), scope.monolith)
    there = {at.path for at in modules.values()}
    return replace(
        scope, modules=below, residue=(), residue_file=residue, elsewhere=scope.elsewhere & there, stands=modules
    )


def is_own(path: Path) -> bool:
    """Say whether a module belongs to the crate itself and not to one of its tests or examples."""
    return not path or not path[0].startswith("<")


def in_monolith(scope: Scope, path: Path, *, is_module: bool = False) -> Path:
    """A path in the crate as it would read without the split's modules.

    A path that ends in the name of a module is that module only where `is_module` says so: a function may have the
    same name.
    """
    rest = path[len(scope.parent) :]
    if path[: len(scope.parent)] != scope.parent:
        return _from_elsewhere(scope, path, len(path) if is_module else len(path) - 1)
    if not rest:
        return path
    own = places(scope)
    longest = len(rest) if is_module else len(rest) - 1
    end = next((end for end in range(longest, 0, -1) if rest[:end] in own), 0)
    return scope.parent + rest[end:]


def _from_elsewhere(scope: Scope, path: Path, longest: int) -> Path:
    """A path that leads outside the monolith's module, to where a split made by hand has put code of it."""
    ends = (end for end in range(longest, -1, -1) if path[:end] in scope.elsewhere)
    end = next(ends, None) if scope.elsewhere else None
    return path if end is None else scope.parent + path[end:]


def absolute(path: Path, module: Path) -> Path:
    """A path that begins with `crate`, `self` or `super`, written in `module`, from the crate's root."""
    if path[:1] == ("crate",):
        return path[1:]
    at = 1 if path[:1] == ("self",) else 0
    while at < len(path) and path[at] == "super":
        module = module[:-1]
        at += 1
    return module + path[at:]


def parsed(files: dict[str, bytes]) -> dict[str, SourceFile]:
    """Rust files of a tree as items; empty ones are left out. Raises `SourceError` for one that is no Rust."""
    return {path: parse(path, data) for path, data in sorted(files.items()) if path.endswith(".rs") and data.strip()}


def unreadable(files: dict[str, bytes]) -> SourceError | None:
    """What keeps the files from being parsed, if anything."""
    try:
        parsed(files)
    except SourceError as error:
        return error
    return None
