"""The rules that hold for the whole tree: style, types, layers, size, and what must not be said."""

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

LONGEST = 300
MEDIAN = 110

# Names that stand for anybody in an example.
ANYBODY = "user|username|me|you|name|alice|bob|example"
PRIVATE = {
    "home folder": re.compile(rf"(?<![\w.])/(?:home|Users)/(?!(?:{ANYBODY})\b)\w+|(?<![\w.])/root/[\w.]"),
    "private host": re.compile(r"//[\w.-]+\.(?:internal|intranet|corp|lan|local)\b"),
    "address with a password": re.compile(r"\w://[^\s/@:'\"<>]+:[^\s/@'\"<>]+@\w"),
    "local file as an address": re.compile(r"\bfile:///\w"),
}


def test_ruff_finds_nothing(root):
    must_pass(root, sys.executable, "-m", "ruff", "check", "--no-fix", ".")


def test_ruff_would_format_nothing(root):
    must_pass(root, sys.executable, "-m", "ruff", "format", "--check", "--diff", ".")


def test_types_hold_strictly(root):
    must_pass(root, sys.executable, "-m", "mypy", "--strict", "splitter")


def test_layers_import_downwards_only(root):
    lint_imports = Path(sys.executable).parent / "lint-imports"
    must_pass(root, str(lint_imports), "--no-logo", "--cache-dir", ".cache/import_linter")


def test_no_module_is_a_monolith(root):
    lengths = {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (root / "splitter").rglob("*.py")
        if path.name != "__init__.py"
    }
    assert lengths, "no module found"
    too_long = {path: length for path, length in lengths.items() if length > LONGEST}
    assert not too_long, f"modules of more than {LONGEST} lines: {too_long}"
    assert statistics.median(lengths.values()) <= MEDIAN, f"long on average: {by_length(lengths)}"


def test_package_files_hold_a_docstring_only(root):
    packages = sorted((root / "splitter").rglob("__init__.py"))
    assert packages, "no package found"
    wrong = [path.relative_to(root).as_posix() for path in packages if not is_docstring_only(path)]
    assert not wrong, f"more or less than a docstring: {wrong}"


def test_every_folder_of_modules_is_a_package(root):
    folders = {path.parent for path in (root / "splitter").rglob("*.py")}
    bare = [folder.relative_to(root).as_posix() for folder in folders if not (folder / "__init__.py").exists()]
    assert not bare, f"no __init__.py in {sorted(bare)}: contracts and packaging would pass over it"


def test_nothing_private_is_told(root):
    here = re.compile(rf"(?<![\w.-]){re.escape(str(root))}(?![\w.-])")
    rules = PRIVATE | ({"folder of this machine": here} if len(root.parts) > 2 else {})
    files = texts(root)
    assert files, "no file found"
    told = [
        f"{path}:{number}: {what}: {found.group()}"
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for what, rule in rules.items()
        if (found := rule.search(line))
    ]
    assert not told, "\n".join(told)


def must_pass(root, *command):
    done = subprocess.run(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)


def by_length(lengths):
    return sorted(lengths.items(), key=lambda entry: -entry[1])[:20]


def is_docstring_only(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return len(body) == 1 and ast.get_docstring(ast.Module(body, [])) is not None


def texts(root):
    """What git tracks or would track, as text: path to content."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    names = listing.stdout.split("\0") if listing.returncode == 0 else unpacked(root)
    paths = {name: root / name for name in names if name}
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in paths.items() if path.is_file()}


def unpacked(root):
    """The files of a tree that is no checkout: all but what is made here."""
    made = {".venv", ".cache", "target", "__pycache__", "dist", "build"}
    paths = (path.relative_to(root) for path in root.rglob("*"))
    return [path.as_posix() for path in paths if not made.intersection(path.parts)]
