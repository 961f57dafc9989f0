"""Works beside one another: results in their order; a failure or an interrupt ends what the others run."""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from splitter.errors import ToolError
from splitter.system.process import run
from splitter.system.side_by_side import side_by_side

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


def shell(script, *arguments):
    return run(("sh", "-c", script, "sh", *map(str, arguments)), HERE)


def test_results_stand_in_the_order_of_the_works():
    works = [partial(shell, f"sleep {late}; echo {late}") for late in ("0.3", "0.2", "0.1", "0")]
    assert [done.stdout for done in side_by_side(works)] == ["0.3\n", "0.2\n", "0.1\n", "0\n"]


def test_they_run_at_the_same_time(tmp_path):
    """Each waits until the other has begun."""
    both = "touch $1/$2; until [ -e $1/$3 ]; do sleep 0.01; done"
    works = [partial(shell, both, tmp_path, "a", "b"), partial(shell, both, tmp_path, "b", "a")]
    assert [done.status for done in side_by_side(works)] == [0, 0]


def test_one_core_does_one_after_the_other(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert side_by_side([threading.get_ident, threading.get_ident]) == [threading.get_ident()] * 2
    assert side_by_side([]) == []


def alive(path):
    """Whether the process whose number stands in a file runs; it is waited for until it has written the number."""
    end = time.monotonic() + 10
    while not (path.exists() and path.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.01)
    try:
        os.kill(int(path.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_failure_ends_the_others_and_is_what_is_raised(tmp_path, trap):
    """Also those that do not hear when they are asked."""

    def fail():
        assert alive(tmp_path / "pid")
        raise ToolError("no such thing", "See to it.")

    endless = partial(shell, f"{trap}echo $$ > $1/pid; while :; do sleep 0.1; done", tmp_path)
    began = time.monotonic()
    with pytest.raises(ToolError, match="no such thing"):
        side_by_side([endless, fail])
    assert not alive(tmp_path / "pid")
    assert time.monotonic() - began < 30


def test_what_waits_for_its_turn_is_not_begun_after_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    def fail():
        raise ToolError("no such thing", "See to it.")

    late = [partial(shell, f"sleep 0.2; touch $1/{number}", tmp_path) for number in range(6)]
    with pytest.raises(ToolError, match="no such thing"):
        side_by_side([fail, *late])
    assert len(list(tmp_path.iterdir())) < len(late)


def test_ctrl_c_ends_all_of_them(tmp_path):
    def interrupt():
        for name in "ab":
            assert alive(tmp_path / name)
        os.kill(os.getpid(), signal.SIGINT)

    works = [partial(shell, f"echo $$ > $1/{name}; while :; do sleep 0.1; done", tmp_path) for name in "ab"]
    sender = threading.Thread(target=interrupt)
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(works)
    sender.join()
    assert not any(alive(tmp_path / name) for name in "ab")
