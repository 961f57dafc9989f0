"""Reads the Rust files of a package from a revision, and finds out which modules they are, without cargo.

Source: The Cargo Book, "Package layout", "Cargo targets".
Invariant: nothing is checked out for it; what is read is what git has.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from splitter.model.crate import CrateSources, ModuleAt
from splitter.source.attributes import read_attributes
from splitter.source.tokens import code_tokens
from splitter.system import git
from splitter.system.modules import ModulePlace, find_modules
from splitter.system.toml_files import parse_toml

_OTHERS = ("tests", "benches", "examples", "src/bin")


def read_crate(root: Path, revision: str, commit: str, folder: str, source: str) -> CrateSources:
    """The package in `folder` (relative to the root of the repository) as a commit has it.

    The crate is the target that reaches `source`; other targets' files count as well, each under a name of its own.
    """
    found = git.read_files(root, commit, folder, lambda path: path.endswith((".rs", "Cargo.toml")))
    manifest = parse_toml(found.get(_join(folder, "Cargo.toml"), b""))
    inner = [path.removesuffix("Cargo.toml") for path in found if path.endswith("/Cargo.toml")]
    other_packages = tuple(prefix for prefix in inner if prefix != _join(folder, ""))
    files = {p: data for p, data in found.items() if p.endswith(".rs") and not p.startswith(other_packages or ("\0",))}
    roots = _roots(files, folder, manifest)
    reached = {path: _modules(files, path) for path in roots}
    main = next((path for path in roots if source in reached[path]), roots[0] if roots else source)
    modules = dict(reached.get(main) or _modules(files, main))
    for path in roots:
        for file, at in reached[path].items():
            if file not in modules:
                modules[file] = ModuleAt((f"<{path}>", *at.path), at.cfgs, visible=False)
    return CrateSources(revision, commit, _crate(manifest), files, modules)


def package_folder(root: Path, commit: str, source: str) -> str:
    """Folder of the nearest manifest above a file; without one, that of the sources around it."""
    every = set(git.read_files(root, commit, "", lambda path: path.endswith("Cargo.toml")))
    parents = [parent.as_posix() for parent in PurePosixPath(source).parents]
    folders = ["" if parent == "." else parent for parent in parents]
    found = next((folder for folder in folders if _join(folder, "Cargo.toml") in every), None)
    if found is not None:
        return found
    # The folder around `src`, or the file's own.
    return next((folder.removesuffix("/src") for folder in folders if f"/{folder}".endswith("/src")), folders[0]).strip(
        "/"
    )


def _modules(files: Mapping[str, bytes], root_file: str) -> dict[str, ModuleAt]:
    places = find_modules(PurePosixPath(root_file), lambda path: files.get(path.as_posix()))
    return {path.as_posix(): _module(place) for path, place in places.items()}


def _module(place: ModulePlace) -> ModuleAt:
    cfgs: list[str] = []
    visible = True
    for text in place.attributes:
        data = text.encode()
        cfgs += read_attributes(data, 0, len(data)).cfgs
        visible = visible and [token.text for token in code_tokens(data)][-1:] == [b"pub"]
    return ModuleAt(place.path, tuple(cfgs), visible)


def _roots(files: Mapping[str, bytes], folder: str, manifest: Mapping[str, Any]) -> list[str]:
    """Root files of the package's targets, library and binaries first."""
    tables = [row for key in ("bin", "test", "bench", "example") for row in manifest.get(key, ())]
    rows = [manifest.get("lib", {}), *tables]
    named = [row["path"] for row in rows if isinstance(row, dict) and isinstance(row.get("path"), str)]
    usual = ["src/lib.rs", "src/main.rs", "lib.rs", "main.rs", "build.rs"]
    below = [path[len(_join(folder, "")) :] for path in sorted(files)]
    others = [path for path in below if _is_root(PurePosixPath(path))]
    every = dict.fromkeys(_join(folder, PurePosixPath(path).as_posix()) for path in (*named, *usual, *others))
    return [path for path in every if path in files]


def _is_root(path: PurePosixPath) -> bool:
    """Say whether cargo takes a file for a target of its own because of where it stands."""
    folder = path.parent if path.name != "main.rs" else path.parent.parent
    return folder.as_posix() in _OTHERS


def _crate(manifest: Mapping[str, Any]) -> str:
    name = manifest.get("lib", {}).get("name") or manifest.get("package", {}).get("name") or ""
    return str(name).replace("-", "_")


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
