"""Calls a library in a process that is shut in: `python -m splitter.system.caller LIBRARY FOLDER`, driven by its pipes.

Reads pickled messages from standard input (functions first, then sequences), answers each in JSON. Every sequence is
played in a fork, so that none sees what another left behind, and a crash ends nothing but itself.
Invariant: the library is loaded after the process is shut in; `FOLDER` is emptied before each sequence.
"""

import ctypes
import json
import os
import pickle
import resource
import select
import shutil
import signal
import struct
import sys
import time
from pathlib import Path
from typing import IO, Any

from splitter.model.calls import TOO_LATE, Call, Sequence
from splitter.model.signature import Function
from splitter.system.answers import Answers, without_places
from splitter.system.confine import confine
from splitter.system.foreign import bind

SECONDS = 1
MEMORY = 4 << 30
_OUTPUT = 1 << 16


def main() -> None:
    """Serve sequences until standard input ends."""
    library_file, folder = sys.argv[1], Path(sys.argv[2])
    receive, send = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    functions: dict[str, Function] = read(receive)
    readable = ("/usr", "/lib", "/lib64", "/etc/localtime", "/proc", "/dev/null", "/dev/urandom", library_file)
    shut = confine(folder, tuple(map(Path, readable)), MEMORY)
    library = ctypes.CDLL(library_file)
    calls = {name: bind(library, function) for name, function in functions.items() if hasattr(library, name)}
    write(send, {"shut": sorted(shut), "missing": sorted(functions.keys() - calls.keys())})
    while (sequence := read(receive)) is not None:
        write(send, _play(sequence, calls, functions, folder))


def read(pipe: IO[bytes]) -> Any:  # noqa: ANN401 - whatever the parent sends
    """The next message of the parent; None at the end."""
    head = pipe.read(4)
    if len(head) < 4:
        return None
    return pickle.loads(pipe.read(*struct.unpack("I", head)))  # noqa: S301 - our own parent wrote it


def write(pipe: IO[bytes], message: object) -> None:
    """Answer in JSON, for who reads it does not trust the library that shares our memory."""
    data = json.dumps(message).encode()
    pipe.write(struct.pack("I", len(data)) + data)
    pipe.flush()


def _play(sequence: Sequence, calls: dict[str, Any], functions: dict[str, Function], folder: Path) -> dict[str, object]:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    answers, answering = os.pipe()
    printed = os.memfd_create("printed")
    child = os.fork()
    if child == 0:
        os.close(answers)
        _perform(sequence, calls, functions, folder, answering, printed)
    os.close(answering)
    told = _drain(child, answers)
    _, status = os.waitpid(child, 0)
    output = without_places(os.pread(printed, _OUTPUT, 0))
    os.close(answers)
    os.close(printed)
    return {"answers": told.decode("utf-8", "replace").splitlines(), "end": _end(status), "output": output}


def _drain(child: int, answers: int) -> bytes:
    """Everything that the child tells until it is gone; one that outstays its time is killed."""
    deadline = time.monotonic() + SECONDS + 1
    told = b""
    while True:
        ready, _, _ = select.select([answers], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            os.kill(child, signal.SIGKILL)
            return told
        data = os.read(answers, 1 << 16)
        if not data:
            return told
        told += data


def _end(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return TOO_LATE if number in (signal.SIGALRM, signal.SIGKILL, signal.SIGXCPU) else f"signal {number}"
    code = os.waitstatus_to_exitcode(status)
    return f"exit {code}" if code else "returned"


def _perform(
    sequence: Sequence,
    calls: dict[str, Any],
    functions: dict[str, Function],
    folder: Path,
    answering: int,
    printed: int,
) -> None:
    """The life of the fork: makes the calls, tells each answer at once, and never returns."""
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 1, SECONDS + 1))
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    answers = Answers(printed)
    for call in sequence:
        line = _answer(call, calls.get(call.symbol), functions[call.symbol], answers)
        os.write(answering, line.encode() + b"\n")
    os._exit(0)


def _answer(call: Call, function: Any, signature: Function, answers: Answers) -> str:  # noqa: ANN401
    if function is None:
        answers.results.append(0)
        return f"{call.symbol} is not there"
    arguments = answers.take(call, signature)
    return answers.describe(call, signature, function(*arguments))


if __name__ == "__main__":
    main()
