"""Two runs in one tree: the second is told about the first."""

import os
import signal
import subprocess
import sys

import pytest

from splitter.errors import DiskError, LockedError
from splitter.system.lock import hold_lock, join_lock

HOLDER = """
import sys, time
from pathlib import Path
from splitter.system.lock import hold_lock
with hold_lock(Path(sys.argv[1]), "apply plan.toml"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_the_first_is(tmp_path, holder):
    with pytest.raises(LockedError) as caught, hold_lock(tmp_path, "undo"):
        pass
    assert f"process {holder.pid} (`apply plan.toml`)" in caught.value.message
    assert "Wait" in caught.value.advice


def test_a_killed_run_holds_no_lock(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".splitter/lock").exists()
    with hold_lock(tmp_path, "undo"):
        pass


def test_it_is_held_once_and_leaves_nothing(tmp_path):
    with hold_lock(tmp_path, "apply"):
        assert (tmp_path / ".splitter/lock").read_text() == f"{os.getpid()} apply\n"
        with pytest.raises(LockedError), hold_lock(tmp_path, "apply"):
            pass
    assert list(tmp_path.iterdir()) == []
    with hold_lock(tmp_path, "apply"):
        pass


def test_within_it_more_may_be_done_under_it(tmp_path):
    with join_lock(tmp_path, "alone"):
        assert (tmp_path / ".splitter/lock").exists()
    with hold_lock(tmp_path, "apply"):
        with join_lock(tmp_path / ".", "write files"):
            pass
        assert (tmp_path / ".splitter/lock").read_text().endswith(" apply\n")
    assert list(tmp_path.iterdir()) == []


def test_others_may_not_join(tmp_path, holder):
    with pytest.raises(LockedError), join_lock(tmp_path, "write files"):
        pass


def test_it_is_let_go_when_the_command_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path, "apply"):
        raise ZeroDivisionError
    with hold_lock(tmp_path, "apply"):
        pass


def test_other_things_in_the_folder_stay(tmp_path):
    (tmp_path / ".splitter").mkdir()
    (tmp_path / ".splitter/README.md").write_text("")
    with hold_lock(tmp_path, "apply"):
        pass
    assert [path.name for path in (tmp_path / ".splitter").iterdir()] == ["README.md"]


def test_where_there_can_be_no_lock(tmp_path):
    (tmp_path / ".splitter").write_text("a file")
    with pytest.raises(DiskError, match="cannot be locked"), hold_lock(tmp_path, "apply"):
        pass
    with pytest.raises(DiskError, match="cannot be locked"), hold_lock(tmp_path / "nowhere", "apply"):
        pass
