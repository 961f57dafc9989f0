"""The demonstration as a person runs it, with what it builds kept between runs."""

import json
import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def splitter(root):
    """Runs a command of splitter in a process of its own; returns its JSON."""
    cache = root / ".cache" / "demo"

    def run(*arguments, exit_code=0):
        environment = os.environ | {
            "XDG_CACHE_HOME": str(cache),
            "SPLITTER_TARGET_DIR": str(root / ".cache" / "target" / "demo"),
            "CARGO_NET_OFFLINE": "true",
            "GIT_CEILING_DIRECTORIES": str(cache),  # the repository around is not that of the copies
        }
        done = subprocess.run(
            [sys.executable, "-m", "splitter", *map(str, arguments), "--format", "json"],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == exit_code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def folder(root):
    """Gives out new folders by their names: the same each time, so that what was built for them is found again."""

    def make(name):
        found = root / ".cache" / "demo" / name
        shutil.rmtree(found, ignore_errors=True)
        return found

    return make


@pytest.fixture(scope="session")
def reviewed(root, splitter, folder):
    """The folder in which all phases of the reviewed plan were applied by names alone, and what was said of it."""
    work = folder("reviewed")
    return splitter("demo", work, "--plan", root / "plans/native_ref.toml", "--level", "source"), work
