"""What git knows, and commits that hold exactly what they should."""

import subprocess

import pytest

from splitter.errors import ToolError
from splitter.system import git


def run(root, *arguments):
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.delenv("GIT_DIR", raising=False)
    root = tmp_path / "repository"
    (root / "src").mkdir(parents=True)
    run(root, "init", "--quiet", "--initial-branch=main")
    for name in ("ffi.rs", "other.rs", "gone.rs"):
        (root / "src" / name).write_text(f"// {name}\n")
    (root / ".gitignore").write_text("/built/\n")
    run(root, "add", ".")
    run(root, "commit", "--quiet", "--message", "first")
    return root


def test_a_folder_in_a_repository_does_not_become_one(repository):
    assert not git.begin_repository(repository / "src", "a copy")
    assert not (repository / "src/.git").exists()
    assert run(repository, "log", "--format=%s") == "first\n"


def test_a_folder_of_its_own_becomes_a_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    folder = tmp_path / "alone"
    folder.mkdir()
    (folder / "lib.rs").write_text("pub fn f() {}\n")
    assert git.begin_repository(folder, "a copy\n")
    assert run(folder, "log", "--format=%an %s") == "splitter a copy\n"
    assert run(folder, "ls-files") == "lib.rs\n"
    assert run(folder, "status", "--porcelain") == ""


def test_the_root_is_the_top_of_the_repository(repository):
    assert git.find_root(repository / "src/ffi.rs", repository / "src") == repository
    assert git.find_root(repository / "src/deep/not_yet.rs", repository / "src") == repository
    assert git.is_repository(repository)
    assert not git.is_repository(repository / "src")


def test_outside_a_repository_the_root_is_the_given_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git.find_root(tmp_path / "ffi.rs", tmp_path) == tmp_path
    assert not git.is_repository(tmp_path)
    assert git.find_dirty(tmp_path, ("ffi.rs",)) == ()
    assert git.find_ignored(tmp_path, ("ffi.rs",)) == ()


def test_without_git_there_is_no_repository(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.find_root(repository / "src/ffi.rs", repository / "src") == repository / "src"
    assert not git.is_repository(repository)
    assert git.find_dirty(repository, ("src/ffi.rs",)) == ()
    with pytest.raises(ToolError, match="no git repository"):
        git.commit_paths(repository, ("src/ffi.rs",), "message")


def test_a_repository_that_git_refuses_is_not_passed_over(repository, monkeypatch):
    (repository / ".git/config").write_text("[broken")
    with pytest.raises(ToolError, match="bad config"):
        git.find_root(repository / "src/ffi.rs", repository)


def test_dirty_is_what_differs_from_the_last_commit(repository):
    paths = ("src/ffi.rs", "src/other.rs", "src/gone.rs", "src/new.rs", "src/none.rs", "built/x.rs")
    assert git.find_dirty(repository, paths) == ()
    (repository / "src/ffi.rs").write_text("edited")
    run(repository, "add", "src/ffi.rs")
    (repository / "src/gone.rs").unlink()
    (repository / "src/new.rs").write_text("")
    (repository / "built").mkdir()
    (repository / "built/x.rs").write_text("")
    assert git.find_dirty(repository, paths) == ("src/ffi.rs", "src/gone.rs", "src/new.rs", "built/x.rs")
    assert git.find_ignored(repository, paths) == ("built/x.rs",)


def test_before_the_first_commit_everything_is_dirty(tmp_path, repository):
    root = tmp_path / "fresh"
    root.mkdir()
    run(root, "init", "--quiet")
    (root / "ffi.rs").write_text("")
    (root / "staged.rs").write_text("")
    run(root, "add", "staged.rs")
    assert git.find_dirty(root, ("ffi.rs", "staged.rs", "none.rs")) == ("ffi.rs", "staged.rs")


def test_a_commit_holds_its_paths_and_nothing_else(repository):
    (repository / "src/ffi.rs").write_text("split")
    (repository / "src/gone.rs").unlink()
    (repository / "src/ffi").mkdir()
    (repository / "src/ffi/a [b]*.rs").write_text("moved")
    (repository / "src/ffi/a b.rs").write_text("not ours")
    (repository / "src/other.rs").write_text("staged by a person")
    (repository / "staged.rs").write_text("new, staged by a person")
    run(repository, "add", "src/other.rs", "staged.rs")
    paths = ("src/ffi.rs", "src/gone.rs", "src/ffi/a [b]*.rs", "src/never.rs")
    commit = git.commit_paths(repository, paths, "Split: phase 1\n\n# not a comment\n")
    assert commit == run(repository, "rev-parse", "HEAD").strip()
    assert run(repository, "log", "-1", "--format=%B").strip() == "Split: phase 1\n\n# not a comment"
    names = run(repository, "show", "--name-status", "--format=", "-z", "HEAD").split("\0")[:-1]
    assert sorted(zip(names[1::2], names[::2], strict=True)) == [
        ("src/ffi.rs", "M"),
        ("src/ffi/a [b]*.rs", "A"),
        ("src/gone.rs", "D"),
    ]
    assert run(repository, "diff", "--cached", "--name-only").split() == ["src/other.rs", "staged.rs"]
    assert run(repository, "status", "--short", "src/ffi").strip() == '?? "src/ffi/a b.rs"'


def test_a_first_commit(tmp_path, repository):
    root = tmp_path / "fresh"
    root.mkdir()
    run(root, "init", "--quiet")
    (root / "ffi.rs").write_text("")
    (root / "other.rs").write_text("")
    run(root, "add", "other.rs")
    git.commit_paths(root, ("ffi.rs",), "first")
    assert git.find_files(root, "HEAD") == ("ffi.rs",)
    assert run(root, "diff", "--cached", "--name-only").split() == ["other.rs"]


def test_a_hook_runs_as_ever_and_its_refusal_leaves_nothing_staged(repository):
    hook = repository / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\necho "no: $(git diff --cached --name-only | tr "\\n" " ")" >&2\nexit 1\n')
    hook.chmod(0o755)
    (repository / "src/new.rs").write_text("")
    (repository / "src/ffi.rs").write_text("split")
    with pytest.raises(ToolError, match=r"no: src/ffi.rs src/new.rs"):
        git.commit_paths(repository, ("src/new.rs", "src/ffi.rs"), "message")
    assert run(repository, "status", "--short").split("\n")[:-1] == [" M src/ffi.rs", "?? src/new.rs"]


def test_an_ignored_path_is_refused_in_git_s_words(repository):
    (repository / "built").mkdir()
    (repository / "built/x.rs").write_text("")
    with pytest.raises(ToolError, match="ignored"):
        git.commit_paths(repository, ("built/x.rs",), "message")


def test_nothing_to_commit_is_an_error(repository):
    with pytest.raises(ToolError):
        git.commit_paths(repository, ("src/ffi.rs",), "message")
    with pytest.raises(ToolError, match="nothing to commit"):
        git.commit_paths(repository, ("src/never.rs",), "message")


def test_files_of_a_revision(repository):
    (repository / "src/ffi.rs").write_bytes(b"edited\r\n")
    git.commit_paths(repository, ("src/ffi.rs",), "second")
    assert git.show(repository, "HEAD~1", "src/ffi.rs") == b"// ffi.rs\n"
    assert git.show(repository, "main", "src/ffi.rs") == b"edited\r\n"
    assert git.find_files(repository, "main", "src") == ("src/ffi.rs", "src/gone.rs", "src/other.rs")


@pytest.mark.parametrize("revision", ["nowhere", "--help", "", "HEAD~9"])
def test_a_revision_that_is_none(repository, revision):
    with pytest.raises(ToolError, match="no revision"):
        git.show(repository, revision, "src/ffi.rs")


def test_a_file_that_a_revision_lacks(repository):
    with pytest.raises(ToolError, match=r"src/never\.rs is not in HEAD"):
        git.show(repository, "HEAD", "src/never.rs")
