"""Applies the next phase of a plan and kills itself before its write of a given number.

A program of its own, so that what dies is a whole process. Usage: `apply_and_die.py PLAN STEP`; with a step that is
never reached it prints how many there were.
"""

import functools
import os
import signal
import sys

from splitter.cli import cli
from splitter.system import transaction, tree

seen = 0


def announce(_: str) -> None:
    global seen  # noqa: PLW0603 - one count a process
    seen += 1
    if seen == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)


tree.commit = functools.partial(transaction.commit, announce=announce)
try:
    cli.main(["apply", sys.argv[1], "--level", "source"])
except SystemExit as ended:
    sys.stderr.write(f"\nsteps {seen}\n")
    raise ended from None
