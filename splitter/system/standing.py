"""Where a source file stands in its crate, without running cargo: the nearest manifest and `mod` declarations.

Source: The Cargo Book, "Cargo targets"; The Rust Reference, "Modules".
"""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

from splitter.model.standing import Standing
from splitter.system.package import find_place

_ROOTS = frozenset(("lib.rs", "main.rs", "mod.rs"))


def find_standing(root: Path, source: str) -> Standing:
    """Standing of `source` (relative to `root`); without a manifest the file's own path has to tell."""
    path = root / source
    manifest = next((f / "Cargo.toml" for f in path.parents if (f / "Cargo.toml").is_file()), None)
    if manifest is None or not manifest.is_relative_to(root):
        return _guess(source, str(PurePosixPath(source).parent), "2021", frozenset())
    table = _read(manifest)
    package = manifest.parent
    folder = package.relative_to(root).as_posix()
    edition = table.get("package", {}).get("edition", "2015")
    edition = edition if isinstance(edition, str) else "2021"
    crates = _crates(table)
    for candidate in _root_files(package, table):
        place = find_place(candidate, path) if candidate.is_file() else None
        if place is not None:
            children = Path(place.children)
            inside = children.relative_to(root).as_posix() if children.is_relative_to(root) else str(children)
            return Standing(place.path, inside, folder, edition, crates)
    return _guess(source, folder, edition, crates)


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


def _crates(table: dict[str, Any]) -> frozenset[str]:
    tables = ("dependencies", "dev-dependencies", "build-dependencies")
    names = {name for key in tables for name in table.get(key, {})}
    for platform in table.get("target", {}).values():
        names |= {name for key in tables for name in platform.get(key, {})}
    own = table.get("package", {}).get("name")
    return frozenset(name.replace("-", "_") for name in (names | {own} if own else names))


def _guess(source: str, package: str, edition: str, crates: frozenset[str]) -> Standing:
    path = PurePosixPath(source)
    children = path.parent if path.name in _ROOTS else path.with_suffix("")
    parts = list(path.with_suffix("").parts)
    parts = parts[parts.index("src") + 1 :] if "src" in parts else parts[-1:]
    module = tuple(part for part in parts if f"{part}.rs" not in _ROOTS)
    return Standing(module, str(children), package, edition, crates)


def _read(manifest: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
