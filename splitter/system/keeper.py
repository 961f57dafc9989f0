"""A small program that outlives us for a moment: it ends what we had running when we are killed.

Invariant: one a process, begun with the first program that is run; it reads which groups run from a pipe whose
other end only we hold, so that however we end, it hears of it.
"""

import atexit
import contextlib
import subprocess
from threading import Lock
from typing import IO

# Hears `+ GROUP` and `- GROUP`; at the end of its input we are gone, and so are these groups to be.
_SCRIPT = """\
trap '' INT TERM HUP
live=
while read -r what group; do
  rest=
  for one in $live; do [ "$one" = "$group" ] || rest="$rest $one"; done
  live=$rest
  [ "$what" = + ] && live="$live $group"
done
for one in $live; do kill -s KILL -- "-$one" 2>/dev/null; done
"""
_lock = Lock()
_pipes: list[IO[bytes]] = []


def watch(group: int) -> None:
    """From now on, the process group ends when this process does."""
    _tell(f"+ {group}\n")


def forget(group: int) -> None:
    """The group has ended; its number may be another's soon."""
    _tell(f"- {group}\n")


def _tell(line: str) -> None:
    with _lock, contextlib.suppress(OSError):  # without a keeper all is well unless we are killed
        if not _pipes:
            _pipes.append(_begin())
        _pipes[0].write(line.encode())
        _pipes[0].flush()


def _begin() -> IO[bytes]:
    keeper = subprocess.Popen(
        ("sh", "-c", _SCRIPT),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    keeper.returncode = 0  # it ends after us: nobody is to wait for it, or to miss it
    assert keeper.stdin is not None
    atexit.register(keeper.stdin.close)
    return keeper.stdin
