"""The demonstration as a person runs it, with what it builds kept between runs."""

import json
import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def demo(root, request):
    """Runs `splitter demo` in a process of its own; returns its JSON and its folder.

    The folder is the same each time, so that what was built for it is found again.
    """
    cache = root / ".cache" / "demo"
    work = cache / request.function.__name__
    shutil.rmtree(work, ignore_errors=True)

    def run(*arguments):
        environment = os.environ | {
            "XDG_CACHE_HOME": str(cache),
            "SPLITTER_TARGET_DIR": str(root / ".cache" / "target" / "demo"),
            "CARGO_NET_OFFLINE": "true",
        }
        done = subprocess.run(
            [sys.executable, "-m", "splitter", "demo", str(work), *arguments, "--format", "json"],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout), work

    return run
