"""The cargo package and target that a source file belongs to.

Invariant: reads manifests through `cargo metadata` alone; builds nothing.
"""

import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from splitter.errors import SourceError, ToolError
from splitter.system.modules import ModulePlace, find_module
from splitter.system.process import run
from splitter.system.toolchain import find_toolchain

_LIBRARY_KINDS = frozenset(("lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"))


@dataclass(frozen=True, slots=True)
class Target:
    """A lib or bin of a package; `crate` is its name in Rust, `kind` is `lib` or `bin`."""

    kind: str
    name: str
    root_file: Path
    edition: str
    crate_types: tuple[str, ...]
    doctest: bool = True

    @property
    def crate(self) -> str:
        """The target's name as rustc knows it."""
        return self.name.replace("-", "_")

    @property
    def selection(self) -> tuple[str, ...]:
        """Flags that tell cargo to build this target alone."""
        return ("--lib",) if self.kind == "lib" else ("--bin", self.name)


@dataclass(frozen=True, slots=True)
class Package:
    """What owns a source file, and where the file stands in it; all paths are absolute."""

    name: str
    folder: Path
    workspace_root: Path
    features: dict[str, tuple[str, ...]]
    target: Target
    targets: tuple[Target, ...]
    path_dependencies: tuple[Path, ...]
    source: Path
    module: tuple[str, ...]
    children: Path
    gates: tuple[str, ...] = ()
    """Attributes of the `mod` declarations that lead to the source."""

    @property
    def crate(self) -> str:
        """Name of the crate in Rust."""
        return self.target.crate

    @property
    def edition(self) -> str:
        """Edition of the source file."""
        return self.target.edition


def find_package(root: Path, source: Path, manifest_path: Path | None = None, package: str | None = None) -> Package:
    """Package and target that contain the file `source`; `root` is the root of the tree.

    Raises `ToolError` when cargo is missing, too old or refuses the manifest, `SourceError` when no target of the
    package reaches the file by `mod` declarations.
    """
    source = source.resolve()
    manifest = manifest_path.resolve() if manifest_path else _nearest_manifest(source, root)
    find_toolchain(manifest.parent)
    metadata = _metadata(manifest)
    members = [p for p in metadata["packages"] if p["id"] in set(metadata["workspace_members"])]
    chosen = [p for p in members if package in (None, p["name"])]
    if not chosen:
        names = ", ".join(sorted(p["name"] for p in members))
        message = f"{manifest}: there is no package `{package}` in this workspace"
        raise ToolError(message, f"Packages are: {names}.")
    # The innermost first: a package may lie in another's folder.
    for candidate in sorted(chosen, key=lambda p: -len(p["manifest_path"])):
        folder = Path(candidate["manifest_path"]).parent
        if source.is_relative_to(folder) or package:
            targets = tuple(_targets(candidate))
            placed = _placed(targets, source)
            if placed:
                return _package(metadata, candidate, targets, placed, source)
    message = f"{source}: no `mod` declaration leads to this file from a library or binary of {manifest.parent.name}"
    raise SourceError(message, "Name a file that is compiled as a module, or choose its package with `-p`.")


def find_place(root_file: Path, source: Path) -> ModulePlace | None:
    """Place of a file on disk in the crate with the given root file."""

    def read(path: PurePosixPath) -> bytes | None:
        try:
            return Path(path).read_bytes()
        except OSError:
            return None

    return find_module(PurePosixPath(root_file), PurePosixPath(source), read)


def _nearest_manifest(source: Path, root: Path) -> Path:
    for folder in source.parents:
        if (folder / "Cargo.toml").is_file():
            return folder / "Cargo.toml"
        if folder == root.resolve():
            break
    message = f"{source}: no Cargo.toml stands above this file"
    raise ToolError(message, "Name the manifest with `--manifest-path`, or work at `--level source`.")


def _metadata(manifest: Path) -> dict[str, Any]:
    """What cargo knows of a workspace; without its dependencies, for resolving them may write a Cargo.lock."""
    command = ("cargo", "metadata", "--no-deps", "--format-version", "1", "--manifest-path", str(manifest))
    done = run(command, manifest.parent)
    if done.status:
        message = f"{manifest}: cargo cannot read this package:\n{done.last_words}"
        raise ToolError(message, "Make `cargo metadata` succeed first.")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _path_dependencies(metadata: dict[str, Any]) -> tuple[Path, ...]:
    """Workspaces outside this one that it depends on by path, and those that they depend on."""
    own = Path(metadata["workspace_root"])
    found = {own}
    waiting = [metadata]
    while waiting:
        known = waiting.pop()
        folders = [Path(d["path"]) for package in known["packages"] for d in package["dependencies"] if d.get("path")]
        for folder in (*folders, *_patches(Path(known["workspace_root"]))):
            if (folder / "Cargo.toml").is_file() and not any(folder.is_relative_to(root) for root in found):
                further = _metadata(folder / "Cargo.toml")
                found.add(Path(further["workspace_root"]))
                waiting.append(further)
    return tuple(sorted(found - {own}))


def _patches(workspace_root: Path) -> list[Path]:
    """Folders that `[patch]` and `[replace]` put in the place of published crates."""
    with (workspace_root / "Cargo.toml").open("rb") as file:
        manifest = tomllib.load(file)
    tables = [*manifest.get("patch", {}).values(), manifest.get("replace", {})]
    entries = [entry for table in tables for entry in table.values() if isinstance(entry, dict)]
    return [Path(os.path.normpath(workspace_root / entry["path"])) for entry in entries if "path" in entry]


def _targets(package: dict[str, Any]) -> Iterator[Target]:
    for target in package["targets"]:
        kinds = set(target["kind"])
        kind = "lib" if kinds & _LIBRARY_KINDS else "bin" if "bin" in kinds else ""
        if kind:
            path, types = Path(target["src_path"]), tuple(target["crate_types"])
            yield Target(kind, target["name"], path, target["edition"], types, target.get("doctest", True))


def _placed(targets: tuple[Target, ...], source: Path) -> tuple[Target, ModulePlace] | None:
    for target in sorted(targets, key=lambda target: target.kind != "lib"):
        place = find_place(target.root_file.resolve(), source)
        if place:
            return target, place
    return None


def _package(
    metadata: dict[str, Any],
    found: dict[str, Any],
    targets: tuple[Target, ...],
    placed: tuple[Target, ModulePlace],
    source: Path,
) -> Package:
    target, place = placed
    return Package(
        name=found["name"],
        folder=Path(found["manifest_path"]).parent,
        workspace_root=Path(metadata["workspace_root"]),
        features={name: tuple(enabled) for name, enabled in found["features"].items()},
        target=target,
        targets=targets,
        path_dependencies=_path_dependencies(metadata),
        source=source,
        module=place.path,
        children=Path(place.children),
        gates=place.attributes,
    )
