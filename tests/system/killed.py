"""Kills a transaction at every one of its steps, recovers, and prints what the tree is then.

A program of its own, so that it may fork: a test process has threads. Usage: `killed.py FOLDER`.
"""

import json
import os
import signal
import sys
from pathlib import Path

from trees import changes, make_tree, snapshot

from splitter.system.lock import hold_lock
from splitter.system.transaction import commit, recover


def commit_and_die(root: Path, step: int) -> bool:
    """Commit in a child that kills itself before its step of that number; say whether it died."""
    child = os.fork()
    if child == 0:
        seen = -1

        def announce(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

        commit(root, changes(), announce)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def fresh(folder: Path, name: str) -> Path:
    root = folder / name
    make_tree(root)
    return root


def main() -> None:
    folder = Path(sys.argv[1])
    names: list[str] = []
    before = snapshot(fresh(folder, "before"))
    whole = fresh(folder, "after")
    commit(whole, changes(), names.append)
    after = snapshot(whole)
    rows = []
    for step, name in enumerate(names):
        root = fresh(folder, str(step))
        died = commit_and_die(root, step)
        recovery = recover(root).name
        with hold_lock(root, "the next command"):
            pass
        found = snapshot(root)
        rows.append({"name": name, "died": died, "recovery": recovery, "old": found == before, "new": found == after})
    sys.stdout.write(json.dumps(rows))


if __name__ == "__main__":
    main()
