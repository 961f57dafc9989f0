"""Finds the files before and after a phase by their digests: in git's history, as they stand, or in base copies.

Invariant: reads only, below the root alone, and takes no content for another: it is known by its own digest.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from splitter.errors import ToolError
from splitter.system import git
from splitter.system.records import FOLDER

Wanted = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """Files by path, as far as they were found, and in words where that was."""

    files: dict[str, bytes]
    where: str


def find_tree(root: Path, wanted: Wanted, side: str, revision: str | None = None) -> Found:
    """Files with these digests (none: no such file), `side` being `before` or `after`.

    A revision that is named is taken as it is. Else the first of these is: a commit that has all of them, the files
    as they stand, and at last what is known of each by itself, base copies included. Raises `ToolError` where git does
    not know the revision, or where nothing is known of a file.
    """
    paths = [path for path in wanted if _is_inside(path)]
    if revision is not None:
        name = git.resolve(root, revision)
        return Found(
            {p: git.read_blob(root, b) for p, b in git.find_blobs(root, name, paths).items()}, f"commit {name[:12]}"
        )
    known: dict[str, bytes] = {}
    commits = git.find_changes(root, paths)
    for commit, files in _history(root, commits, paths):
        if _fits(files, wanted):
            return Found(files, f"commit {commit[:12]}")
        known |= {_digest(data): data for data in files.values()}
    standing = {path: (root / path).read_bytes() for path in paths if _is_file(root / path)}
    if side == "after" and _fits(standing, wanted):
        return Found(standing, "the tree as it stands")
    known |= {_digest(data): data for data in standing.values()}
    found = {path: known[digest] for path, digest in wanted.items() if digest in known}
    copies = _copies(root, {digest for digest in wanted.values() if digest and digest not in known})
    found |= {path: copies[digest] for path, digest in wanted.items() if digest in copies}
    lacking = [path for path in paths if wanted[path] and path not in found]
    seen = bool(commits) and not git.is_cut_off(root)
    if lacking and not seen and not (side == "after" and standing.keys() >= set(lacking)):
        message = f"{', '.join(lacking)} as it was {side} the phase is neither in git nor in {FOLDER}/base"
        raise ToolError(message, "Fetch the whole history (`git fetch --unshallow`), or bring back the base copies.")
    return Found(found, "base copies" if copies else "git's history and the tree as it stands")


def _history(root: Path, commits: tuple[str, ...], paths: list[str]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Each commit with what the paths have in it; a content is read once."""
    read: dict[str, bytes] = {}
    for commit in commits:
        blobs = git.find_blobs(root, commit, paths)
        read |= {name: git.read_blob(root, name) for name in blobs.values() if name not in read}
        yield commit, {path: read[name] for path, name in blobs.items()}


def _fits(files: Mapping[str, bytes], wanted: Wanted) -> bool:
    return all((_digest(files[path]) if path in files else None) == digest for path, digest in wanted.items())


def _copies(root: Path, digests: set[str]) -> dict[str, bytes]:
    paths = (root / FOLDER / "base" / digest for digest in digests if digest.isalnum())
    copies = (path.read_bytes() for path in paths if _is_file(path))
    return {_digest(data): data for data in copies}


def _is_inside(path: str) -> bool:
    return (
        bool(path)
        and "\0" not in path
        and not PurePosixPath(path).is_absolute()
        and ".." not in PurePosixPath(path).parts
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
