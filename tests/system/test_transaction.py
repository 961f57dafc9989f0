"""A transaction is all or nothing: killed at any step, on a full disk, over edited files, through links."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import BEFORE, changes, make_tree, sha, snapshot

from splitter.errors import DirtyError, DiskError, LockedError, SplitterError
from splitter.system.transaction import FileChange, Recovery, commit, recover


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    make_tree(root)
    return root


def steps(tmp_path):
    """Names of all steps of the transaction, the rehearsal taking place in a tree of its own."""
    rehearsal = tmp_path / "rehearsal"
    make_tree(rehearsal)
    names = []
    commit(rehearsal, changes(), names.append)
    return names, snapshot(rehearsal)


def test_everything_is_written_and_nothing_left_behind(tree):
    before = snapshot(tree)
    commit(tree, changes())
    after = snapshot(tree)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert changed == {
        "src/ffi.rs", "src/old", "src/old/gone.rs", "src/ffi", "src/ffi/deep", "src/ffi/deep/one.rs",
        "src/ffi/empty.rs", "src/script.sh", "src/mode.rs",
        ".splitter", ".splitter/receipts", ".splitter/receipts/ffi", ".splitter/receipts/ffi/01.json",
    }  # fmt: skip
    assert after["src/ffi.rs"] == (b"mod one;\nfn two() {}\n", 0o640)
    assert after["src/script.sh"] == (b"#!/bin/bash\n", 0o755)
    assert after["src/ffi/empty.rs"] == (b"", 0o600)
    assert after["src/mode.rs"] == (BEFORE["src/mode.rs"][0], 0o600)


def test_what_is_there_already_is_not_written_again(tree):
    commit(tree, (FileChange("src/ffi.rs", sha("src/ffi.rs"), BEFORE["src/ffi.rs"][0]),), pytest.fail)
    commit(tree, (), pytest.fail)


def test_killed_at_every_step_the_tree_is_wholly_old_or_wholly_new(tmp_path):
    driver = Path(__file__).parent / "killed.py"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, driver, tmp_path], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) > 50
    assert all(row["died"] for row in rows)
    wrong = [row for row in rows if row["old"] == row["new"]]
    assert not wrong, wrong
    turns = [row["new"] for row in rows]
    assert turns == sorted(turns), "once new, it stays new"
    assert {row["recovery"] for row in rows} == {"NOTHING", "OLD", "NEW"}


def test_a_full_disk_leaves_the_tree_as_it_was(tmp_path):
    names, after = steps(tmp_path)
    outcomes = []
    for step in range(len(names)):
        root = tmp_path / str(step)
        make_tree(root)
        before = snapshot(root)
        error = None
        try:
            commit(root, changes(), once(step, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
        except DiskError as caught:
            error = caught
        outcomes.append("old" if error else "new")
        if error:
            assert "the disk is full" in error.message
            assert "Nothing was changed" in error.advice
        else:
            recover(root)  # what could not be swept away
        assert snapshot(root) == (before if error else after), names[step]
    assert outcomes == sorted(outcomes, reverse=True)
    done = names.index("replace done")
    assert set(outcomes[: done + 1]) == {"old"}
    assert set(outcomes[done + 2 :]) == {"new"}


def once(step, error):
    """Something happens at one step, and not again."""
    count = -1

    def announce(_):
        nonlocal count
        count += 1
        if count == step:
            raise error

    return announce


@pytest.mark.parametrize("kind", ["write", "write the rest", "sync .splitter-", "keep", "mkdir"])
def test_putting_back_needs_no_room(tree, kind):
    before = snapshot(tree)

    def announce(name):
        if name.startswith(kind):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DiskError, match="the disk is full"):
        commit(tree, changes(), announce)
    assert snapshot(tree) == before


def test_ctrl_c_at_every_step(tmp_path):
    names, after = steps(tmp_path)
    for step in range(len(names)):
        root = tmp_path / str(step)
        make_tree(root)
        before = snapshot(root)

        with pytest.raises(KeyboardInterrupt):
            commit(root, changes(), once(step, KeyboardInterrupt()))
        recover(root)
        assert snapshot(root) in (before, after), names[step]


class Dead(BaseException):
    """The process is no more: nothing may be written after this."""


def dying(step):
    count = -1

    def announce(_):
        nonlocal count
        count += 1
        if count >= step:
            raise Dead

    return announce


def test_edits_that_are_not_ours_are_not_overwritten(tree):
    (tree / "src/script.sh").write_bytes(b"edited")
    before = snapshot(tree)
    with pytest.raises(DirtyError, match=r"src/script\.sh is not the file that was read"):
        commit(tree, changes())
    (tree / "src/script.sh").write_bytes(BEFORE["src/script.sh"][0])
    (tree / "src/ffi/deep").mkdir(parents=True)
    (tree / "src/ffi/deep/one.rs").write_bytes(b"there already")
    before = snapshot(tree)
    with pytest.raises(DirtyError, match=r"src/ffi/deep/one\.rs"):
        commit(tree, changes())
    assert snapshot(tree) == before


@pytest.mark.parametrize("path", ["src/script.sh", "src/old/gone.rs", "src/ffi/empty.rs"])
def test_an_edit_in_the_middle_stops_all_and_stays(tree, path):
    before = snapshot(tree)

    def announce(name):
        if name == "replace ffi.rs":
            (tree / path).write_bytes(b"edited meanwhile")

    with pytest.raises(DirtyError, match="was edited meanwhile"):
        commit(tree, changes(), announce)
    after = snapshot(tree)
    assert after.pop(path)[0] == b"edited meanwhile"
    before.pop(path, None)
    after.pop("src/ffi", None)
    assert after == before


@pytest.mark.parametrize("path", ["src/ffi.rs", "src/script.sh"])
def test_an_edit_after_a_kill_stays_and_the_rest_is_wholly_old_or_new(tmp_path, path):
    names, after = steps(tmp_path)
    for step in range(len(names)):
        root = tmp_path / str(step)
        make_tree(root)
        before = snapshot(root)
        with pytest.raises(Dead):
            commit(root, changes(), dying(step))
        (root / path).write_bytes(b"edited since")
        recover(root)
        found = snapshot(root)
        assert found.pop(path)[0] == b"edited since"
        rest = [{p: v for p, v in whole.items() if p != path} for whole in (before, after)]
        assert found in rest, names[step]


def test_killed_while_it_puts_back_what_a_person_stopped(tmp_path):
    """Ctrl-C at a swap, an edit at that moment to a file whose turn has not come, then a kill at any later step."""
    names, _ = steps(tmp_path)
    first = names.index("replace script.sh")
    later = 0
    for step in range(first + 1, 1000):
        root = tmp_path / str(step)
        make_tree(root)
        before = snapshot(root) | {"src/script.sh": (b"edited", 0o755)}
        count = -1

        def announce(_, root=root, step=step):
            nonlocal count
            count += 1
            if count == first:
                (root / "src/script.sh").write_bytes(b"edited")
                raise KeyboardInterrupt
            if count >= step:
                raise Dead

        with mock.patch("os.fsync"), pytest.raises((Dead, KeyboardInterrupt)) as caught:
            commit(root, changes(), announce)
        recover(root)
        assert snapshot(root) == before, step
        if caught.type is KeyboardInterrupt:  # it was through before its time to die came
            break
        later += 1
    assert later > 20


def test_edits_that_contradict_one_another_are_left_alone(tmp_path):
    names, _ = steps(tmp_path)
    root = tmp_path / "tree"
    make_tree(root)
    with pytest.raises(Dead):
        commit(root, changes(), dying(names.index("replace script.sh")))
    (root / "src/ffi.rs").write_bytes(b"edited after it was swapped")
    (root / "src/script.sh").write_bytes(b"edited before it was swapped")
    with pytest.raises(DirtyError, match=r"src/ffi\.rs was edited after"):
        recover(root)
    assert (root / "src/ffi.rs").read_bytes() == b"edited after it was swapped"
    assert (root / "src/script.sh").read_bytes() == b"edited before it was swapped"
    (root / "src/ffi.rs").write_bytes(BEFORE["src/ffi.rs"][0])
    assert recover(root) is Recovery.OLD


def test_nobody_recovers_what_another_process_is_in_the_middle_of(tree):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    program = f"""
        import sys
        from pathlib import Path
        from splitter.system.transaction import FileChange, commit
        def announce(name):
            if name == "replace done":
                print("swapped", flush=True)
                sys.stdin.readline()
        commit(Path({str(tree)!r}), (FileChange("new.rs", None, b""),), announce)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdout.readline() == b"swapped\n"
        before = snapshot(tree)
        for attempt in (lambda: recover(tree), lambda: commit(tree, changes())):
            with pytest.raises(LockedError):
                attempt()
        assert snapshot(tree) == before
        process.communicate(b"go on\n")
    assert recover(tree) is Recovery.NOTHING
    commit(tree, changes())


def test_what_was_staged_and_is_lost_makes_it_go_back(tmp_path):
    names, _ = steps(tmp_path)
    root = tmp_path / "tree"
    make_tree(root)
    before = snapshot(root)
    with pytest.raises(Dead):
        commit(root, changes(), dying(names.index("replace script.sh")))
    for staged in (root / "src").glob(".splitter-*.new"):
        staged.unlink()
    assert recover(root) is Recovery.OLD
    assert snapshot(root) == before


def test_a_link_is_written_through(tree):
    (tree / "link.rs").symlink_to("src/ffi.rs")
    commit(tree, (FileChange("link.rs", sha("src/ffi.rs"), b"new"),))
    assert (tree / "link.rs").is_symlink()
    assert (tree / "src/ffi.rs").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("target", "new", "said"),
    [
        ("../outside.rs", b"new", "leads out of the tree"),
        ("src/nowhere.rs", b"new", "cannot be removed or created"),
        ("link.rs", b"new", "loop of symbolic links|symbolic link, which"),
        ("src/ffi.rs", None, "cannot be removed or created"),
        ("src", b"new", "no regular file"),
    ],
)
def test_links_that_are_refused(tree, target, new, said):
    (tree.parent / "outside.rs").write_bytes(b"outside")
    (tree / "link.rs").symlink_to(target)
    before = snapshot(tree.parent)
    with pytest.raises(DiskError, match=said):
        commit(tree, (FileChange("link.rs", sha("src/ffi.rs"), new),))
    assert snapshot(tree.parent) == before


@pytest.mark.parametrize("path", ["../outside.rs", "/outside.rs", "", "src/../../outside.rs"])
def test_paths_out_of_the_tree_are_refused(tree, path):
    with pytest.raises(DiskError, match="leads out of the tree"):
        commit(tree, (FileChange(path, None, b""),))


def test_one_file_by_two_names_is_refused(tree):
    (tree / "link.rs").symlink_to("src/ffi.rs")
    both = (FileChange(path, sha("src/ffi.rs"), b"") for path in ("link.rs", "src/ffi.rs"))
    with pytest.raises(DiskError, match="are one file"):
        commit(tree, tuple(both))


def test_a_file_where_a_folder_should_be(tree):
    before = snapshot(tree)
    with pytest.raises(SplitterError):
        commit(tree, (FileChange("README/inside.rs", None, b""),))
    assert snapshot(tree) == before


def test_a_journal_from_elsewhere_cannot_reach_out_of_the_tree(tree):
    (tree.parent / "outside.rs").write_bytes(b"outside")
    journal = tree / ".splitter/journal/undoing"
    journal.parent.mkdir(parents=True)
    entry = {"path": "../outside.rs", "old": None, "new": hashlib.sha256(b"outside").hexdigest()}
    journal.write_text(json.dumps({"mark": "00000000", "entries": [entry], "folders": []}))
    with pytest.raises(DiskError, match="is damaged"):
        recover(tree)
    assert (tree.parent / "outside.rs").read_bytes() == b"outside"


def test_without_hard_links_copies_are_kept(tree):
    before = snapshot(tree)
    with (
        mock.patch("os.link", side_effect=PermissionError(errno.EPERM, "not here")),
        pytest.raises(KeyboardInterrupt),
    ):
        commit(tree, changes(), interrupted_at("replace done"))
    assert snapshot(tree) == before


def interrupted_at(step):
    def announce(name):
        if name == step:
            raise KeyboardInterrupt

    return announce


PATHS = st.sampled_from(["a", "b", "c/d", "c/e", "c/f/g", "h/i"])
FILES = st.dictionaries(PATHS, st.binary(max_size=3), max_size=4)


@settings(max_examples=200)
@given(FILES, FILES, st.sets(PATHS), st.integers(0, 90), st.integers(0, 60))
def test_any_changes_killed_anywhere_and_killed_again_while_recovering(before, new, gone, first, second):
    with tempfile.TemporaryDirectory() as folder, mock.patch("os.fsync"):
        root = Path(folder)
        for path, data in before.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        wanted = {path: new.get(path) for path in new.keys() | (gone & before.keys())}
        row = tuple(FileChange(path, digest(before.get(path)), data) for path, data in sorted(wanted.items()))
        goal = {path: data for path, data in (before | wanted).items() if data is not None}
        for attempt in (lambda: commit(root, row, dying(first)), lambda: recover(root, dying(second))):
            try:
                attempt()
            except Dead:
                continue
        recovery = recover(root)
        assert files(root) in (before, goal)
        if recovery is not Recovery.NOTHING:
            assert files(root) == (before if recovery is Recovery.OLD else goal)
        assert not any(path.is_dir() and not any(path.iterdir()) for path in root.rglob("*"))


def digest(data):
    return None if data is None else hashlib.sha256(data).hexdigest()


def files(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
