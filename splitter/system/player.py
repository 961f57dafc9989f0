"""Plays sequences of calls to a library, by way of a process that is shut in.

Invariant: the library never runs in this process; what that one says is read as JSON and trusted for nothing else.
"""

import contextlib
import json
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from splitter.errors import ToolError
from splitter.model.calls import Sequence, Transcript
from splitter.model.signature import Function
from splitter.system import keeper

_SURROUNDINGS = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "RUST_BACKTRACE": "0"}


@dataclass(frozen=True, slots=True)
class Player:
    """A running process with a library; `shut` is what it cannot reach, `missing` what the library does not have."""

    process: "subprocess.Popen[bytes]"
    shut: frozenset[str]
    missing: frozenset[str]

    def play(self, sequence: Sequence) -> Transcript:
        """Play a sequence in a fresh fork; raises `ToolError` where the process is gone."""
        found = _ask(self.process, sequence)
        return Transcript(tuple(found["answers"]), found["end"], found["output"])


@contextmanager
def open_player(library: Path, functions: Mapping[str, Function], folder: Path) -> Iterator[Player]:
    """Start a process that loads `library` and may write only to `folder`, which is emptied before each sequence.

    Raises `ToolError` where it cannot be started or the library cannot be loaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "splitter.system.caller", str(library), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**_SURROUNDINGS, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    keeper.watch(process.pid)
    try:
        told = _ask(process, dict(functions))
        yield Player(process, frozenset(told["shut"]), frozenset(told["missing"]))
    finally:
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()
        process.wait()
        keeper.forget(process.pid)


def _ask(process: "subprocess.Popen[bytes]", message: object) -> dict[str, Any]:
    data = pickle.dumps(message)
    try:
        _pipe(process.stdin).write(struct.pack("I", len(data)) + data)
        _pipe(process.stdin).flush()
        answer: dict[str, Any] = json.loads(
            _exactly(_pipe(process.stdout), *struct.unpack("I", _exactly(_pipe(process.stdout), 4)))
        )
    except (OSError, EOFError, ValueError) as error:
        what = "the library could not be loaded to be called" if isinstance(message, dict) else "the caller is gone"
        raise ToolError(what, "Work at `--level standard`, which calls nothing.") from error
    return answer


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "opened with pipes"
    return pipe
