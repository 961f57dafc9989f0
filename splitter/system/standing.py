"""Where a source file stands in its crate, without running cargo: the nearest manifest and `mod` declarations.

Source: The Cargo Book, "Cargo targets"; The Rust Reference, "Modules".
"""

from pathlib import Path, PurePosixPath
from typing import Any

from splitter.model.standing import Standing
from splitter.system.package import find_place
from splitter.system.style import style_edition
from splitter.system.toml_files import read_toml

_ROOTS = frozenset(("lib.rs", "main.rs", "mod.rs"))


def find_standing(root: Path, source: str) -> Standing:
    """Standing of `source` (relative to `root`); without a manifest the file's own path has to tell."""
    path = root / source
    manifest = next((f / "Cargo.toml" for f in path.parents if (f / "Cargo.toml").is_file()), None)
    if manifest is None or not manifest.is_relative_to(root):
        folder, style = str(PurePosixPath(source).parent), style_edition(path, "2021")
        return _guess(source, folder, style, frozenset())
    table = read_toml(manifest)
    package = manifest.parent
    folder = package.relative_to(root).as_posix()
    style = style_edition(path, _edition(manifest, table))
    crates = _crates(table)
    for candidate in _root_files(package, table):
        place = find_place(candidate, path) if candidate.is_file() else None
        if place is not None:
            children = Path(place.children)
            inside = children.relative_to(root).as_posix() if children.is_relative_to(root) else str(children)
            return Standing(place.path, inside, folder, style, crates)
    return _guess(source, folder, style, crates)


def taken_names(root: Path, standing: Standing) -> frozenset[str]:
    """Names of Rust files and of folders that stand where child modules would go."""
    folder = root / standing.children
    if not folder.is_dir():
        return frozenset()
    return frozenset(entry.stem if entry.suffix == ".rs" else entry.name for entry in folder.iterdir())


def _root_files(package: Path, table: dict[str, Any]) -> list[Path]:
    named = [table.get("lib", {}).get("path"), *(row.get("path") for row in table.get("bin", ()))]
    usual = [package / "src/lib.rs", package / "src/main.rs", *sorted((package / "src/bin").glob("*.rs"))]
    return [*(package / path for path in named if isinstance(path, str)), *usual]


def _edition(manifest: Path, table: dict[str, Any]) -> str:
    """Edition of a package, also where it is said by the workspace around it."""
    edition = table.get("package", {}).get("edition", "2015")
    if isinstance(edition, str):
        return edition
    above = (folder / "Cargo.toml" for folder in manifest.parent.parents)
    workspaces = (read_toml(path).get("workspace", {}) for path in (manifest, *above) if path.is_file())
    return next((str(w["package"]["edition"]) for w in workspaces if "edition" in w.get("package", {})), "2021")


def _crates(table: dict[str, Any]) -> frozenset[str]:
    tables = ("dependencies", "dev-dependencies", "build-dependencies")
    names = {name for key in tables for name in table.get(key, {})}
    for platform in table.get("target", {}).values():
        names |= {name for key in tables for name in platform.get(key, {})}
    own = table.get("package", {}).get("name")
    return frozenset(name.replace("-", "_") for name in (names | {own} if own else names))


def _guess(source: str, package: str, style: str, crates: frozenset[str]) -> Standing:
    path = PurePosixPath(source)
    children = path.parent if path.name in _ROOTS else path.with_suffix("")
    parts = list(path.with_suffix("").parts)
    parts = parts[parts.index("src") + 1 :] if "src" in parts else parts[-1:]
    module = tuple(part for part in parts if f"{part}.rs" not in _ROOTS)
    return Standing(module, str(children), package, style, crates)
