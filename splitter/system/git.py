"""What git knows of a tree, and commits to it.

Invariant: works without git and outside a repository, where it says that there is none; hooks, filters and
settings apply as they do when a person runs git. Paths are relative to the root and are never patterns.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from subprocess import CompletedProcess, run

from splitter.errors import ToolError

_QUIET = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
#: How far back an earlier content of a file is looked for.
_PAST = 100
#: A person's settings for a working tree are none for a private copy.
_PRIVATE_TREE = ("core.sparseCheckout=false", "core.fsmonitor=false", "core.untrackedCache=false", "core.bare=false")
#: Settings of a repository of ours: whatever a person has set for theirs must not decide what becomes of it.
_OWN = {
    "user.name": "splitter",
    "user.email": "splitter@localhost",
    "commit.gpgSign": "false",
    "core.autocrlf": "false",
    "core.excludesFile": os.devnull,
    "core.hooksPath": os.devnull,
}
#: What names a person before any setting does.
_PERSON = tuple(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL"))
_NO_TREE = ("not a git repository", "must be run in a work tree")


def find_root(path: Path, otherwise: Path) -> Path:
    """Top of git's tree around a file or folder, or `otherwise` where there is none.

    Raises `ToolError` where git finds a repository, but refuses to work in it.
    """
    folder = path.absolute()
    while not folder.is_dir():
        folder = folder.parent
    try:
        done = _run(folder, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return otherwise.resolve()
    said = done.stderr.decode(errors="replace")
    if done.returncode and any(text in said for text in _NO_TREE):
        return otherwise.resolve()
    return Path(os.fsdecode(_checked(done, "rev-parse").removesuffix(b"\n"))).resolve()


def is_repository(root: Path) -> bool:
    """Say whether git keeps the tree that begins at `root`."""
    try:
        done = _run(root, "rev-parse", "--show-toplevel")
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not done.returncode and Path(os.fsdecode(done.stdout.removesuffix(b"\n"))).resolve() == root.resolve()


def begin_repository(root: Path, message: str) -> bool:
    """Make a folder a repository with all its files in a first commit, under a name of ours.

    Does nothing, and says so, where there is no git or where the folder lies in a repository already.
    """
    try:
        done = _run(root, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return False
    if not done.returncode or not any(text in done.stderr.decode(errors="replace") for text in _NO_TREE):
        return False
    _checked(_run(root, "-c", "init.defaultBranch=main", "init", "--quiet", "--template="), "init")
    for name, value in _OWN.items():
        _checked(_run(root, "config", "--local", name, value), "config")
    _checked(_run(root, "add", "--all"), "add")
    nameless = {name: value for name, value in os.environ.items() if name not in _PERSON}
    command, words = ["git", "commit", "--quiet", "--file", "-"], os.fsencode(message)
    _checked(run(command, cwd=root, env=nameless, input=words, capture_output=True, check=False), "commit")
    return True


def find_head(root: Path) -> str:
    """Id of the commit that is checked out; empty without git, and before the first commit."""
    if not is_repository(root):
        return ""
    return _run(root, "rev-parse", "--verify", "--quiet", "HEAD").stdout.decode().strip()


def find_dirty(root: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the paths that differ from the last commit, or that git does not know though they are there.

    Without git nothing is dirty: there is nothing to differ from.
    """
    if not paths or not is_repository(root):
        return ()
    if _run(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        changed = {path for path in paths if (root / path).exists()}
    else:
        changed = set(_names(root, "diff", "--name-only", "--no-ext-diff", "-z", "HEAD", "--", *_literal(paths)))
    unknown = set(_names(root, "ls-files", "--others", "-z", "--", *_literal(paths)))
    return tuple(path for path in paths if path in changed | unknown)


def find_ignored(root: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the paths that git is told to ignore, and so would refuse to commit."""
    if not paths or not is_repository(root):
        return ()
    done = _run(root, "check-ignore", "-z", "--stdin", words=b"\0".join(map(os.fsencode, paths)))
    if done.returncode > 1:
        _checked(done, "check-ignore")
    ignored = _split(done.stdout)
    return tuple(path for path in paths if path in ignored)


def commit_paths(root: Path, paths: tuple[str, ...], message: str) -> str:
    """Commit the paths as they stand, new and removed ones too, and nothing else; gives the commit's id.

    What else is staged stays staged. Raises `ToolError` with git's own words where git or a hook refuses;
    nothing is staged then that was not before.
    """
    _require_repository(root)
    new = _literal(_names(root, "ls-files", "--others", "-z", "--", *_literal(paths)))
    try:
        if new:
            _checked(_run(root, "add", "--intent-to-add", "--", *new), "add")
        known = _known(root, paths)
        # The environment is left alone: hooks inherit it.
        command = ["git", "commit", "--only", "--file", "-", "--", *known]
        done = run(command, cwd=root, input=os.fsencode(message), capture_output=True, check=False)
        _checked(done, "commit")
    except BaseException:
        if new:
            _run(root, "rm", "--quiet", "--cached", "--force", "--ignore-unmatch", "--", *new)
        raise
    return _checked(_run(root, "rev-parse", "HEAD"), "rev-parse").decode().strip()


def show(root: Path, revision: str, path: str) -> bytes:
    """Content of a file in a revision; raises `ToolError` where there is no such revision or file."""
    found = resolve(root, revision)
    done = _run(root, "cat-file", "blob", f"{found}:{path}")
    if done.returncode:
        message = f"{path} is not in {revision}"
        raise ToolError(message, f"`git ls-tree -r --name-only {revision}` lists what is.")
    return done.stdout


def past_contents(root: Path, path: str) -> Iterator[bytes]:
    """Contents that a file had in the last commits that changed it, newest first."""
    done = _run(root, "log", "--format=%H", f"--max-count={_PAST}", "--", *_literal([path]))
    for revision in done.stdout.decode().split():
        found = _run(root, "cat-file", "blob", f"{revision}:{path}")
        if found.returncode == 0:
            yield found.stdout


def find_changes(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Commits of any branch that changed one of the paths, newest first; none without git."""
    if not is_repository(root):
        return ()
    done = _run(root, "rev-list", "--all", "--", *_literal(paths))
    return tuple(done.stdout.decode().split())


def is_cut_off(root: Path) -> bool:
    """Say whether the clone lacks a part of its history."""
    return _run(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def find_blobs(root: Path, revision: str, paths: Iterable[str]) -> dict[str, str]:
    """Ids of the contents that those of the paths have which are files in a revision."""
    rows = _names(root, "ls-tree", "-z", "--full-tree", revision, "--", *paths)
    found = (row.split("\t", 1) for row in rows)
    return {path: head.split()[2] for head, path in found if " blob " in head}


def read_blob(root: Path, name: str) -> bytes:
    """Content by its id."""
    return _checked(_run(root, "cat-file", "blob", name), "cat-file")


def find_files(root: Path, revision: str, folder: str = "") -> tuple[str, ...]:
    """Paths of all files in a revision, or of those below a folder."""
    found = resolve(root, revision)
    row = _names(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", found, *([folder] if folder else ()))
    return tuple(row)


def find_repository(path: Path) -> Path:
    """Top of git's tree around a file or folder that need not be there, or the folder of a bare repository.

    Raises `ToolError` where there is none.
    """
    folder = path.absolute()
    while not folder.is_dir():
        folder = folder.parent
    try:
        found = find_root(folder, Path("/"))
        if is_repository(found):
            return found
        done = _run(folder, "rev-parse", "--is-bare-repository", "--absolute-git-dir")
    except FileNotFoundError as error:
        raise ToolError("there is no git", "Install git: revisions are read from it.") from error
    words = os.fsdecode(done.stdout).splitlines()
    if done.returncode or words[:1] != ["true"]:
        message = f"{folder} is in no git repository"
        raise ToolError(message, "Run inside the repository whose revisions are to be compared.")
    return Path(words[1]).resolve()


def read_files(root: Path, revision: str, folder: str, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Contents of the files below a folder of a commit (all of it for an empty name) whose path is wanted.

    Symbolic links and submodules are left out.
    """
    rows = _names(root, "ls-tree", "-r", "-z", "--full-tree", revision, *([f"{folder}/"] if folder else ()))
    blobs = {}
    for row in rows:
        head, _, path = row.partition("\t")
        mode, kind, name = head.split()
        if kind == "blob" and mode != "120000" and wanted(path):
            blobs[path] = name
    said = _checked(_run(root, "cat-file", "--batch", words="\n".join(blobs.values()).encode()), "cat-file")
    found, at = {}, 0
    for path in blobs:
        end = said.index(b"\n", at)
        size = int(said[at:end].split()[2])
        found[path] = said[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def check_out(root: Path, revision: str, folder: Path, index: Path) -> None:
    """Make a private folder the tree of a commit, rewriting only what differs; `index` remembers what is there.

    The repository's own tree, index and branches are left alone; filters and line endings apply. Submodules stay
    empty folders.
    """
    found = _checked(_run(root, "rev-parse", "--absolute-git-dir"), "rev-parse").removesuffix(b"\n")
    where = (f"--git-dir={os.fsdecode(found)}", f"--work-tree={folder}")
    plain = [part for name in _PRIVATE_TREE for part in ("-c", name)]
    command = ["git", *where, *plain, "read-tree", "--reset", "-u", revision]
    done = run(command, cwd=folder, env=os.environ | {"GIT_INDEX_FILE": str(index)}, capture_output=True, check=False)
    _checked(done, "read-tree")


def resolve(root: Path, revision: str) -> str:
    """Id of the commit that a revision names; raises `ToolError` where it names none."""
    done = _run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode and not _is_bare(root):
        _require_repository(root)
    if done.returncode:
        message = f"git knows no revision `{revision}` in {root}"
        raise ToolError(message, "Name a commit, a branch or a tag; `git log` lists commits.")
    return done.stdout.decode().strip()


def _is_bare(root: Path) -> bool:
    return _run(root, "rev-parse", "--is-bare-repository").stdout.strip() == b"true"


def _require_repository(root: Path) -> None:
    if not is_repository(root):
        message = f"{root} is no git repository, or there is no git"
        raise ToolError(message, "Do without git here, or install it and run `git init`.")


def _known(root: Path, paths: tuple[str, ...]) -> list[str]:
    """Pathspecs of those paths that a commit can be about."""
    known = _names(root, "ls-files", "-z", "--", *_literal(paths))
    if not known:
        raise ToolError(f"nothing to commit: git knows none of {', '.join(paths)}", "Check the paths.")
    return _literal(known)


def _literal(paths: Iterable[str]) -> list[str]:
    """Pathspecs that mean these paths, whatever characters are in them."""
    return [f":(top,literal){path}" for path in paths]


def _names(root: Path, *arguments: str) -> list[str]:
    return _split(_checked(_run(root, *arguments), arguments[0]))


def _split(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _run(root: Path, *arguments: str, words: bytes = b"") -> "CompletedProcess[bytes]":
    return run(["git", *arguments], cwd=root, env=os.environ | _QUIET, input=words, capture_output=True, check=False)


def _checked(done: "CompletedProcess[bytes]", command: str) -> bytes:
    """What git printed; raises `ToolError` with git's words where it failed."""
    if done.returncode == 0:
        return done.stdout
    words = (done.stderr + done.stdout).decode(errors="replace").strip()
    message = f"`git {command}` failed: {words or f'it ended with {done.returncode}'}"
    raise ToolError(message, f"Mend that, or run `git {command}` by hand; the files stay as they are.")
