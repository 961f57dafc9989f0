"""A small tree of files and a transaction on it that does everything a transaction can do."""

import hashlib
from pathlib import Path

from splitter.system.transaction import FileChange

BEFORE = {
    "src/ffi.rs": (b"fn one() {}\nfn two() {}\n", 0o640),
    "src/old/gone.rs": (b"fn gone() {}\n", 0o600),
    "src/script.sh": (b"#!/bin/sh\n", 0o755),
    "src/mode.rs": (b"// the same\n", 0o644),
    "README": (b"not touched", 0o644),
}


def make_tree(root: Path) -> None:
    for path, (data, mode) in BEFORE.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(mode)


def changes() -> tuple[FileChange, ...]:
    return (
        FileChange("src/ffi.rs", sha("src/ffi.rs"), b"mod one;\nfn two() {}\n"),
        FileChange("src/old/gone.rs", sha("src/old/gone.rs"), None),
        FileChange("src/ffi/deep/one.rs", None, b"fn one() {}\n"),
        FileChange("src/ffi/empty.rs", None, b"", 0o600),
        FileChange("src/script.sh", sha("src/script.sh"), b"#!/bin/bash\n"),
        FileChange("src/mode.rs", sha("src/mode.rs"), BEFORE["src/mode.rs"][0], 0o600),
        FileChange(".splitter/receipts/ffi/01.json", None, b"{}"),
    )


def sha(path: str) -> str:
    return hashlib.sha256(BEFORE[path][0]).hexdigest()


def snapshot(root: Path) -> dict[str, object]:
    """Everything below a folder: bytes and mode of files, names of folders, targets of links."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.is_dir():
            found[name] = "folder"
        else:
            found[name] = (path.read_bytes(), path.stat().st_mode & 0o7777)
    return found
