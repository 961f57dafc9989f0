"""Places outside Rust code that name a file's path: they do not follow when the file is split.

Invariant: reads small text files of known names only.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_NAMES = frozenset(("build.rs", "Cargo.toml", "cbindgen.toml", "CODEOWNERS", "Makefile", "justfile", "codecov.yml"))
_CI = (".github", ".ci", ".circleci", ".gitlab-ci.yml", "ci")
_LARGEST = 200_000
_SKIPPED = frozenset(("target", ".git", ".splitter", "node_modules", ".venv", "fixtures"))


def find_mentions(root: Path, source: str) -> tuple[str, ...]:
    """`file:line` of each mention of the path, or of its end below a package's folder."""
    tails = {str(PurePosixPath(*PurePosixPath(source).parts[start:])) for start in range(len(Path(source).parts) - 1)}
    found: list[str] = []
    for file in _candidates(root, 0):
        try:
            text = file.read_text(encoding="utf-8") if file.stat().st_size <= _LARGEST else ""
        except (OSError, UnicodeDecodeError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if any(tail in line for tail in tails):
                found.append(f"{file.relative_to(root).as_posix()}:{number}")
    return tuple(found)


def _candidates(folder: Path, depth: int) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name in _SKIPPED:
            continue
        if entry.is_file() and (entry.name in _NAMES or entry.name in _CI):
            yield entry
        elif entry.is_dir() and entry.name in _CI:
            yield from (file for file in sorted(entry.rglob("*")) if file.is_file())
        elif entry.is_dir() and depth < 4 and not entry.name.startswith("."):
            yield from _candidates(entry, depth + 1)
