"""C headers that are made of the crate's sources: by its build script, or by the `cbindgen` command.

Source: The Cargo Book, "Build scripts"; cbindgen's user guide.
Invariant: only a header that was written just now counts; files of the copy are afterwards what they were.
"""

import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from splitter.model.evidence import Configuration, Missing
from splitter.system.cargo import Cargo, check_for, environment, first_error, target_folder
from splitter.system.diagnostics import messages
from splitter.system.process import run

_SUFFIXES = frozenset((".h", ".hh", ".hpp", ".hxx", ".pxd"))
_PASSED_OVER = frozenset(("target", "node_modules", ".git"))
# cbindgen leaves a file alone that says already what it would write: with this at its end none does.
_MARK = b"\n/* not written anew */\n"
_GENERATED = b"cbindgen"
#: Where cargo lets build scripts write, in a target folder: for the host, and for a platform that was chosen.
_OUT_DIRS = (
    "debug/build/{name}-*/out",
    "*/debug/build/{name}-*/out",
    "debug/build/{name}/*/out",
    "*/debug/build/{name}/*/out",
)
_COMMAND = "cbindgen"
_CONFIGURATIONS = ("cbindgen.toml", ".cbindgen.toml")


def written_headers(cargo: Cargo, configuration: Configuration) -> dict[str, str] | Missing:
    """Headers that the crate's sources give, by file name (those of the build script's own folder as `OUT_DIR/…`).

    Not applicable where nothing makes a header. Raises `ToolError` when cargo cannot be run.
    """
    manifest = _manifest(cargo.folder)
    script = _script(cargo.folder, manifest)
    uses = _uses_cbindgen(cargo.folder, manifest)
    writes = script is not None and (uses or any(s.encode() in script.read_bytes() for s in _SUFFIXES))
    found: dict[str, str] | Missing = {}
    if script is not None and writes:
        found = _by_script(cargo, configuration, script, out_dir=uses)
    if found or not uses:
        none = Missing("nothing makes a header of this crate's sources", applicable=False)
        return found or none
    return _by_command(cargo)


def has_script(cargo: Cargo) -> bool:
    """Say whether the package has a build script, which may write what every configuration reads."""
    return _script(cargo.folder, _manifest(cargo.folder)) is not None


def command_identity() -> str:
    """What tells one installed `cbindgen` from another."""
    path = shutil.which(_COMMAND)
    return f"{path} {Path(path).stat().st_mtime_ns}" if path else ""


def _manifest(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))


def _script(folder: Path, manifest: dict[str, Any]) -> Path | None:
    named = manifest.get("package", {}).get("build", "build.rs")
    script = folder / named if isinstance(named, str) else None
    return script if script is not None and script.is_file() else None


def _uses_cbindgen(folder: Path, manifest: dict[str, Any]) -> bool:
    tables = [manifest, *manifest.get("target", {}).values()]
    kinds = ("build-dependencies", "dev-dependencies", "dependencies")
    wanted = {key: row for table in tables for kind in kinds for key, row in table.get(kind, {}).items()}
    named = {row.get("package", key) if isinstance(row, dict) else key for key, row in wanted.items()}
    if _COMMAND in named or any((folder / name).is_file() for name in _CONFIGURATIONS):
        return True
    return any(_GENERATED in path.read_bytes()[:4096] for path in _headers(folder))


def _headers(folder: Path) -> list[Path]:
    found = []
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        found += [Path(at) / name for name in sorted(names) if Path(name).suffix in _SUFFIXES]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _by_script(cargo: Cargo, configuration: Configuration, script: Path, *, out_dir: bool) -> dict[str, str] | Missing:
    """What the build script writes when it runs now: into the tree, and into its own folder."""
    root = cargo.mirror.inside(cargo.package.workspace_root)
    surroundings = environment(cargo, configuration)
    target, name = target_folder(cargo, configuration), cargo.package.name
    known = {folder for pattern in _OUT_DIRS for folder in target.glob(pattern.format(name=name))}
    with _marked(root, sorted(known)), _touched(script):
        done = check_for(cargo, configuration, surroundings)
        if done.status:
            return Missing(f"the crate does not build ({configuration.name}): {first_error(done, cargo)}")
        found = {cargo.mirror.relative(str(path), Path("/")): path for path in _headers(root)}
        own = _out_dir(cargo, done.stdout) if out_dir else None
        if own is not None:
            found |= {f"OUT_DIR/{path.relative_to(own).as_posix()}": path for path in _headers(own)}
        texts = {name: path.read_bytes() for name, path in sorted(found.items())}
        return {name: text.decode("utf-8", "replace") for name, text in texts.items() if not text.endswith(_MARK)}


@contextmanager
def _marked(root: Path, folders: list[Path]) -> Iterator[None]:
    """Headers of the copy and of build scripts' folders, marked; those that nothing writes are what they were again.

    Headers of the copy are so in any case, and new ones there go.
    """
    tree = _headers(root)
    before = {path: (path.read_bytes(), path.stat()) for path in (*tree, *(h for f in folders for h in _headers(f)))}
    try:
        for path, (data, _) in before.items():
            path.write_bytes(data.removesuffix(_MARK) + _MARK)
        yield
    finally:
        for path in set(_headers(root)) - before.keys():
            path.unlink()
        for path, (data, stat) in before.items():
            if path in tree or (path.is_file() and path.read_bytes().endswith(_MARK)):
                path.write_bytes(data.removesuffix(_MARK))
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@contextmanager
def _touched(script: Path) -> Iterator[None]:
    """A build script that cargo takes to be new, so that it runs whatever it says about when it has to."""
    stat = script.stat()
    script.touch()
    try:
        yield
    finally:
        os.utime(script, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _out_dir(cargo: Cargo, output: str) -> Path | None:
    root_file = cargo.mirror.inside(cargo.package.target.root_file)
    own = next(
        (m["package_id"] for m in messages(output, "compiler-artifact") if Path(m["target"]["src_path"]) == root_file),
        None,
    )
    ran = (m for m in messages(output, "build-script-executed") if m["package_id"] == own)
    return next((Path(message["out_dir"]) for message in ran), None)


def _by_command(cargo: Cargo) -> dict[str, str] | Missing:
    if shutil.which(_COMMAND) is None:
        return Missing(
            "the crate uses cbindgen, its build script writes no header, and there is no `cbindgen` on PATH: "
            "install it (`cargo install cbindgen`)"
        )
    settings = next((name for name in _CONFIGURATIONS if (cargo.folder / name).is_file()), None)
    chosen = ("--config", settings) if settings else ()
    done = run((_COMMAND, *chosen, "--crate", cargo.package.name, "."), cargo.folder, {"RUSTC_WRAPPER": ""})
    if done.status or not done.stdout.strip():
        return Missing(f"`cbindgen` makes no header of this crate: {done.last_words}")
    return {_COMMAND: done.stdout}
