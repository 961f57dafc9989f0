"""Runs a program: captured output, a time limit, and nothing left running after Ctrl-C.

Invariant: the program gets a process group of its own, which is gone when `run` returns or raises, and soon after
this process is killed; knows nothing of what is run.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

from splitter.errors import ToolError
from splitter.system import keeper

#: Told each line that a program writes to its standard error.
Progress = Callable[[str], None]

_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a program said and how it ended; `status` is negative where a signal ended it."""

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def last_words(self) -> str:
        """The end of what it said, for an error message."""
        said = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return "\n".join(said[-20:])


def run(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str | None] | None = None,
    timeout: float | None = None,
    progress: Progress | None = None,
    *,
    joined: bool = False,
    feed: bytes | None = None,
) -> Done:
    """Run a program to its end; `environment` adds to ours, `None` takes a variable away.

    With `joined` everything that it writes is in `stdout`, in the order of writing; `feed` is what it reads.

    Raises `ToolError` when the program does not exist, cannot be started, or outlives `timeout` seconds.
    """
    began = time.monotonic()
    variables = {**os.environ, **(environment or {})}
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={name: value for name, value in variables.items() if value is not None},
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if joined else subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        message = f"`{command[0]}` could not be started: {error.strerror}"
        raise ToolError(message, f"Install `{command[0]}` and see that it is on PATH.") from error
    keeper.watch(process.pid)
    output = _Reader(process.stdout, progress if joined else None)
    errors = _Reader(process.stderr, progress)
    try:
        if feed is not None and process.stdin is not None:
            _feed(process.stdin, feed)
        status = process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        _kill(process)
        message = f"`{' '.join(command[:3])}` was stopped after {timeout:.0f} s"
        raise ToolError(message, "Run it by hand to see what it waits for, or allow more time.") from error
    except BaseException:
        _kill(process)
        raise
    finally:
        _kill_group(process.pid, signal.SIGKILL)
        keeper.forget(process.pid)
    seconds = time.monotonic() - began
    return Done(tuple(command), status, output.text(), errors.text(), seconds)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    """Write what the program reads; one that ends early has read enough."""
    with contextlib.suppress(BrokenPipeError):
        pipe.write(data)
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


class _Reader:
    """Reads a pipe to its end beside the main thread, so that a full pipe never blocks the program."""

    def __init__(self, pipe: IO[bytes] | None, progress: Progress | None) -> None:
        self.pipe = pipe
        self.progress = progress
        self.lines: list[str] = []
        self.thread = Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        if self.pipe is None:
            return
        with self.pipe:
            for raw in self.pipe:
                line = raw.decode("utf-8", "replace")
                self.lines.append(line)
                if self.progress is not None:
                    self.progress(line.rstrip())

    def text(self) -> str:
        """Everything that was read; one who left the group and holds the pipe open in silence is not waited for."""
        read = -1
        while self.thread.is_alive() and read != len(self.lines):
            read = len(self.lines)
            self.thread.join(_GRACE)
        return "".join(self.lines)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Ask the whole group to end, then make it."""
    _kill_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    _kill_group(process.pid, signal.SIGKILL)
    process.wait()


def _kill_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
