"""Runs a program: captured output, a time limit, and nothing left running after Ctrl-C.

Invariant: the program gets a process group of its own, which is gone when `run` returns or raises, and soon after
this process is killed; knows nothing of what is run.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import IO

from splitter.errors import ToolError
from splitter.system import keeper
from splitter.system.telling import telling_lines

#: Told each line that a program writes to its standard error.
Progress = Callable[[str], None]

#: Seconds that a program has to end by itself once it is asked to.
GRACE = 2.0


@dataclass(slots=True)
class Family:
    """The process groups of works that are done side by side, to be ended together."""

    groups: set[int] = field(default_factory=set)
    ended: bool = False
    lock: Lock = field(default_factory=Lock)

    def end(self, number: signal.Signals) -> None:
        """Send a signal to all that run; whatever is begun afterwards is ended at once."""
        with self.lock:
            self.ended = True
            for group in self.groups:
                _kill_group(group, number)

    def add(self, group: int) -> None:
        """A program was started."""
        with self.lock:
            self.groups.add(group)
            if self.ended:
                _kill_group(group, signal.SIGKILL)

    def remove(self, group: int) -> None:
        """Its group has ended; the number may be another's soon."""
        with self.lock:
            self.groups.discard(group)


_family: ContextVar[Family | None] = ContextVar("_family", default=None)


@contextmanager
def family() -> Iterator[Family]:
    """What is run in this context, and in copies of it, belongs to one family."""
    ours = Family()
    token = _family.set(ours)
    try:
        yield ours
    finally:
        _family.reset(token)


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
        """What tells why it failed, for an error message."""
        return telling_lines(self.stderr.strip() or self.stdout)


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
    relatives = _family.get() or Family()
    relatives.add(process.pid)
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
        relatives.remove(process.pid)
        keeper.forget(process.pid)
    if relatives.ended:
        message = f"`{' '.join(command[:3])}` was stopped, because something beside it failed"
        raise ToolError(message, "See what else is said.")
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
            self.thread.join(GRACE)
        return "".join(self.lines)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Ask the whole group to end, then make it."""
    _kill_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _kill_group(process.pid, signal.SIGKILL)
    process.wait()


def _kill_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
