"""Whatever stops a run: afterwards the tree is wholly old or wholly new, and nothing is left running."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from trial import PLAN, ROOT, SOURCE

from splitter.system import writes

DIE = Path(__file__).parent / "apply_and_die.py"


def apply_and_die(trial, step):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(DIE), PLAN, str(step)]
    return subprocess.run(command, cwd=trial.root, env=environment, capture_output=True, text=True, check=False)


def test_killed_at_any_moment_of_the_writing(trial):
    old = trial.snapshot()
    done = apply_and_die(trial, 10**9)
    assert done.returncode == 0, done.stderr
    steps = int(re.search(r"steps (\d+)", done.stderr)[1])
    files = trial.files()
    trial.done("undo", PLAN)
    assert trial.snapshot() == old
    seen = set()
    for step in sorted({1, 2, steps, *range(5, steps, max(1, steps // 10))}):
        assert apply_and_die(trial, step).returncode == -signal.SIGKILL
        is_done = trial.done("status", PLAN, "--format", "json").json["phases"][0]["done"]
        seen.add(is_done)
        if is_done:
            assert trial.files() == files
            trial.done("undo", PLAN)
        now = trial.snapshot()
        now.pop(".splitter/lock", None)  # of a run that is dead; the next one to lock takes it away
        assert {name: found for name, found in now.items() if name != ".splitter"} == old
    assert seen == {True, False}
    trial.apply()
    assert trial.files() == files


def test_a_full_disk(trial, monkeypatch):
    """The disk is full from any write on: the tree stays as it was, and the advice is to make room."""
    before = trial.snapshot()
    write = writes._write_all
    for room in range(40):
        left = [room]

        def fill(handle, data, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(handle, data)

        monkeypatch.setattr(writes, "_write_all", fill)
        said = trial.run("apply", PLAN, "--level", "source")
        monkeypatch.undo()
        if said.code == 0:
            assert room > 5
            return
        assert said.code == 3, said.err
        assert "the disk is full" in said.err
        assert "Free some space" in said.err
        assert trial.snapshot() == before
    pytest.fail("never enough room")


def test_files_may_not_grow(trial):
    """As a quota would have it, for a whole process."""
    command = f"ulimit -f 4; exec {sys.executable} -m splitter apply {PLAN} --level source --format json"
    before = trial.snapshot()
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=trial.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "writing failed" in done.stderr
    assert '"error"' in done.stdout
    assert trial.snapshot() == before


def test_a_tree_that_is_read_only(trial, monkeypatch):
    if os.geteuid():
        for folder in (trial.root, trial.path("src")):
            folder.chmod(0o555)
    else:
        opened, made = os.open, Path.mkdir
        monkeypatch.setattr(os, "open", lambda path, flags, *rest, **more: guarded(opened, path, flags, *rest, **more))
        monkeypatch.setattr(Path, "mkdir", lambda path, *rest, **more: read_only(path) or made(path, *rest, **more))
    try:
        for command in (("apply", PLAN, "--level", "source"), ("plan", SOURCE, "-o", "fresh.toml")):
            said = trial.refused(3, *command)
            assert "cannot be locked" in said.err
            assert "writable" in said.err
        for command in (("status", PLAN), ("plan", SOURCE), ("apply", PLAN, "--dry-run", "--level", "source")):
            trial.done(*command)
    finally:
        for folder in (trial.root, trial.path("src")):
            folder.chmod(0o755)


def guarded(opened, path, flags, *rest, **more):
    return (read_only(path) if flags & (os.O_WRONLY | os.O_RDWR) else None) or opened(path, flags, *rest, **more)


def read_only(path):
    if "tiny" in str(path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_whoever_reads_our_output_may_go_away(root):
    source = root / "native_ref/src/value/ffi.rs"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "splitter", "plan", str(source), "--format", "json"]
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "{\n"  # as `head -1` does
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() in (0, 141)  # all of it may have fitted into the pipe


def begun(trial, pid_file, *arguments):
    """A run that is in the middle of a build, and the process of its build script."""
    pid_file.unlink(missing_ok=True)
    process = trial.start(*arguments, TRIAL_PID_FILE=str(pid_file))
    deadline = time.monotonic() + 30
    while not (pid_file.exists() and pid_file.read_text().endswith("\n")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the build never began"
        time.sleep(0.02)
    return process, int(pid_file.read_text())


def is_gone(pid):
    """Say whether a process has ended; one that nobody has asked for its status has, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pid):
    deadline = time.monotonic() + 10
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is left"
        time.sleep(0.02)


@pytest.fixture
def slow(built):
    """The tiny crate with a build script that waits to be killed."""
    built.path("build.rs").write_text(
        """use std::{env, fs, process, thread, time::Duration};

fn main() {
    println!("cargo:rerun-if-env-changed=TRIAL_PID_FILE");
    println!("cargo:rerun-if-changed=never");
    if let Ok(file) = env::var("TRIAL_PID_FILE") {
        fs::write(file, format!("{}\\n", process::id())).unwrap();
        thread::sleep(Duration::from_secs(120));
    }
}
"""
    )
    built.commit("a slow build")
    return built


@pytest.mark.xdist_group("trial")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
class TestInTheMiddleOfABuild:
    @pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", -15), ("SIGKILL", -9), ("SIGHUP", -1)])
    def test_a_signal_leaves_nothing_behind(self, slow, tmp_path, number, code):
        before = slow.snapshot()
        process, builder = begun(slow, tmp_path / "pid", "apply", PLAN, "--level", "quick")
        process.send_signal(signal.Signals[number])
        _, said = process.communicate(timeout=20)
        assert process.returncode == code, said
        assert "Traceback" not in said
        wait_until_gone(builder)
        if code == 130:
            assert "interrupted; the tree is as it was" in said
        left = {name: found for name, found in slow.snapshot().items() if not name.startswith(".splitter")}
        assert left == before
        assert not slow.done("status", PLAN, "--format", "json").json["phases"][0]["done"]
        slow.apply()
        slow.done("undo", PLAN)
        assert slow.snapshot() == before

    def test_two_runs_at_once(self, slow, tmp_path):
        process, builder = begun(slow, tmp_path / "pid", "apply", PLAN, "--level", "quick")
        try:
            for command in (
                ("apply", PLAN),
                ("apply", PLAN, "--level", "source"),
                ("undo", PLAN),
                ("plan", PLAN, "--refresh"),
                ("plan", PLAN, "--move", "fn:rt_table_limit=table"),
            ):
                said = slow.refused(3, *command)
                assert f"is in use by process {process.pid} (`splitter apply {PLAN}`)" in said.err
                assert "Wait until it is done" in said.err
            slow.refused(0, "status", PLAN)
            slow.refused(0, "apply", PLAN, "--dry-run", "--level", "source")
        finally:
            process.kill()
            process.communicate()
            wait_until_gone(builder)


def test_a_glance_at_a_run_that_is_writing_does_not_disturb_it(trial):
    """`status` finds a journal whose run is alive: it waits, and takes nothing back."""
    script = (
        "import functools, sys, time\n"
        "from splitter.cli import cli\n"
        "from splitter.system import transaction, tree\n"
        "def slowly(what):\n"
        "    if what.startswith('replace ffi.rs'):\n"
        "        print('writing', flush=True)\n"
        "        time.sleep(1)\n"
        "tree.commit = functools.partial(transaction.commit, announce=slowly)\n"
        f"cli.main(['apply', '{PLAN}', '--level', 'source'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=trial.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "writing\n"
    status = trial.done("status", PLAN, "--format", "json").json
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert status["phases"][0]["done"]
    trial.done("verify", PLAN, "--level", "source")
