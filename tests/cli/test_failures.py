"""However a command ends: words on stderr, the right exit code, no traceback."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from splitter.errors import (
    CheckFailed,
    DirtyError,
    DiskError,
    LockedError,
    SourceError,
    StaleError,
    ToolError,
    UsageError,
)


@pytest.mark.parametrize("kind", [SourceError, StaleError, DirtyError, LockedError, ToolError, DiskError])
def test_what_could_not_run_is_exit_code_3_with_advice(splitter, world, kind):
    world.failure = kind("this happened", "Do that.")
    said = splitter("apply", "split.toml")
    assert (said.code, said.out) == (3, "")
    assert said.err == "splitter: this happened\n  Do that.\n"


@pytest.mark.parametrize(("kind", "code"), [(UsageError, 2), (CheckFailed, 1), (ToolError, 3)])
@pytest.mark.parametrize("form", [("--format", "json"), ("--format=json",)])
def test_a_script_gets_the_error_as_json(splitter, world, kind, code, form):
    world.failure = kind("this happened", "Do that.")
    said = splitter("apply", "split.toml", *form)
    assert said.code == code
    assert said.json == {"error": "this happened", "advice": "Do that."}
    assert said.err.startswith("splitter: this happened")


def test_a_script_gets_wrong_arguments_as_json_too(splitter):
    said = splitter("plan", "--format", "json")
    assert said.code == 2
    assert said.json["error"].startswith("Missing argument")


def test_an_interrupt_says_how_the_tree_is(splitter, world):
    world.failure = KeyboardInterrupt()
    said = splitter("apply", "split.toml")
    assert said.code == 130
    assert said.err.strip() == ("interrupted; the tree is as it was or wholly the next state; run `splitter status`")


@pytest.mark.parametrize("failure", [ZeroDivisionError("odd"), RecursionError(), MemoryError(), OSError("odd")])
def test_a_bug_of_ours_is_saved_to_a_file(splitter, world, failure, tmp_path):
    world.failure = failure
    said = splitter("apply", "split.toml", "--all")
    assert said.code == 70
    assert "Traceback" not in said.err
    path = Path(re.search(r"is in (\S+\.txt)", said.err)[1])
    assert path.parent == tmp_path
    text = path.read_text()
    assert "arguments: ['apply', 'split.toml', '--all']" in text
    assert "Traceback (most recent call last)" in text
    assert type(failure).__name__ in text
    assert text.startswith("splitter ")


def test_a_bug_is_told_even_where_no_report_can_be_written(splitter, world, monkeypatch):
    world.failure = ZeroDivisionError("odd")
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    said = splitter("apply", "split.toml")
    assert said.code == 70
    assert "ZeroDivisionError: odd" in said.err


def refuse(**_):
    raise OSError("no room")


@pytest.mark.parametrize("command", [("status",), ("apply",), ("verify",), ("undo",), ("plan", "--check")])
def test_a_missing_plan_is_exit_code_3_and_not_a_wrong_argument(splitter, command):
    said = splitter(*command, "nowhere.toml")
    assert said.code == 3
    assert said.err == (
        "splitter: nowhere.toml: there is no such plan file\n  Make one: `splitter plan SOURCE -o PLAN`.\n"
    )


def test_a_plan_that_is_not_utf_8_is_told_with_its_line(splitter, tmp_path):
    (tmp_path / "split.toml").write_bytes(b"format = 1\n\n# \xff\n")
    said = splitter("status", "split.toml")
    assert said.code == 2
    assert said.err.startswith("split.toml:3: this plan file is not UTF-8\n")


@pytest.mark.parametrize("name", ["nowhere.rs", "folder.rs", "loop.rs"])
@pytest.mark.parametrize("command", [("plan",), ("graph", "-o", "x.svg")])
def test_a_source_that_cannot_be_read_is_exit_code_3(splitter, tmp_path, command, name):
    (tmp_path / "folder.rs").mkdir()
    (tmp_path / "loop.rs").symlink_to("loop.rs")
    said = splitter(*command, name)
    assert said.code == 3
    assert name in said.err
    assert not (tmp_path / "x.svg").exists()


def test_a_reader_that_goes_away_is_no_failure_of_ours(root):
    command = [sys.executable, "-m", "splitter", "explain", "--format", "json"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141
