"""Programs: captured output, time limits, nothing left running."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from splitter.errors import ToolError
from splitter.system.process import run

HERE = Path(__file__).parent


def shell(script, **options):
    return run(("sh", "-c", script), HERE, **options)


def test_output_and_status_are_captured():
    done = shell("echo out; echo err >&2; exit 3")
    assert (done.status, done.stdout, done.stderr, done.last_words) == (3, "out\n", "err\n", "err")


def test_joined_output_keeps_its_order():
    assert shell("echo a; echo b >&2; echo c", joined=True).stdout == "a\nb\nc\n"


def test_more_output_than_a_pipe_holds_blocks_nobody():
    assert len(shell("yes word | head -n 200000").stdout) == 1_000_000


def test_variables_are_added_and_taken_away(monkeypatch):
    monkeypatch.setenv("SPLITTER_OLD", "1")
    script = 'echo "$SPLITTER_NEW-$SPLITTER_OLD"'
    assert shell(script, environment={"SPLITTER_NEW": "2", "SPLITTER_OLD": None}).stdout == "2-\n"


def test_a_program_reads_what_it_is_fed():
    assert run(("cat",), HERE, feed=b"x" * 300_000).stdout == "x" * 300_000
    assert shell("exit 0", feed=b"x" * 300_000).status == 0


def test_progress_is_told_line_by_line():
    lines = []
    shell("echo one >&2; echo two >&2", progress=lines.append)
    assert lines == ["one", "two"]


def test_a_program_that_does_not_exist_is_an_error_with_advice():
    with pytest.raises(ToolError) as caught:
        run(("splitter-no-such-program",), HERE)
    assert "PATH" in caught.value.advice


def test_a_program_that_takes_too_long_is_stopped_with_its_children(tmp_path):
    file = tmp_path / "pid"
    with pytest.raises(ToolError, match="was stopped after"):
        shell(f"sleep 60 & echo $! > {file}; wait", timeout=0.5)
    assert is_gone(int(file.read_text()))


def test_ctrl_c_stops_the_program_and_is_passed_on(tmp_path):
    file = tmp_path / "pid"
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        shell(f"sleep 60 & echo $! > {file}; wait")
    assert is_gone(int(file.read_text()))


def is_gone(pid):
    """Say whether a process has ended, giving it a moment; one that nobody has reaped yet has."""
    for _ in range(50):
        status = Path(f"/proc/{pid}/stat")
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
