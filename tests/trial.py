"""A copy of `fixtures/tiny` to try the whole path on, and the commands as a person runs them in it.

Invariant: the crate and its plan come as they lie in the fixtures; only the plan's digest and layout are filled in.
"""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from splitter.cli import cli

ROOT = Path(__file__).parent.parent
TINY = ROOT / "fixtures" / "tiny"
SOURCE = "src/ffi.rs"
PLAN = "split.toml"
PHASES = (
    {"src/ffi.rs", "src/ffi/value_ops.rs", "src/ffi/memory.rs"},
    {"src/ffi.rs", "src/ffi/text.rs", "src/ffi/hash/mod.rs", "src/ffi/hash/fnv.rs"},
    {"src/ffi.rs", "src/ffi/table.rs"},
)


@dataclass(frozen=True)
class Said:
    """What a run of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@dataclass(frozen=True)
class Trial:
    """A tree in which commands are run."""

    root: Path

    def run(self, *arguments):
        """Run the command line here, in this process."""
        before = Path.cwd()
        os.chdir(self.root)
        try:
            result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        finally:
            os.chdir(before)
        assert isinstance(result.exception, SystemExit | None), result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def done(self, *arguments):
        """Run a command that has to succeed."""
        said = self.run(*arguments)
        assert said.code == 0, f"{arguments}: exit {said.code}\n{said.out}\n{said.err}"
        return said

    def refused(self, code, *arguments):
        """Run a command that has to end with `code`, advice, and a tree that is what it was."""
        before = self.snapshot()
        said = self.run(*arguments)
        assert said.code == code, f"{arguments}: exit {said.code}\n{said.out}\n{said.err}"
        assert self.snapshot() == before
        return said

    def apply(self, *arguments, level="source"):
        return self.done("apply", PLAN, "--level", level, *arguments)

    def start(self, *arguments, **environment):
        """Start the command line here, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "splitter", *map(str, arguments)],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def git(self, *arguments):
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout

    def commit(self, message="by hand"):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def path(self, name=SOURCE):
        return self.root / name

    def edit(self, old, new, name=SOURCE):
        """Edit a file as a person would."""
        text = self.path(name).read_bytes()
        assert old.encode() in text, f"{old!r} is not in {name}"
        self.path(name).write_bytes(text.replace(old.encode(), new.encode(), 1))

    def snapshot(self):
        """Every file and folder but git's own: type, mode, content."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if name.split("/")[0] == ".git":
                continue
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                found[name] = ("link", str(path.readlink()))
            elif stat.S_ISDIR(mode):
                found[name] = ("folder", stat.S_IMODE(mode))
            elif stat.S_ISREG(mode):
                found[name] = (stat.S_IMODE(mode), path.read_bytes())
            else:
                found[name] = ("special", stat.S_IFMT(mode))
        return found

    def files(self, folder="src"):
        """The snapshot below a folder."""
        return {name: found for name, found in self.snapshot().items() if name.startswith(f"{folder}/")}


def make_trial(root, *, layout="inline", git=True, change=lambda data: data):
    """A copy of the crate with its plan, committed if there is to be git; `change` edits the source's bytes before."""
    shutil.copytree(TINY, root)
    for path in root.rglob("*.*"):
        path.chmod(0o644)  # as git checks files out, whatever unpacked these
    trial = Trial(root)
    source = trial.path()
    source.write_bytes(change(source.read_bytes()))
    plan = trial.path(PLAN)
    text = plan.read_text().replace("0" * 64, hashlib.sha256(source.read_bytes()).hexdigest())
    plan.write_text(text.replace('layout = "inline"', f'layout = "{layout}"'))
    if git:
        trial.git("init", "--quiet", "--initial-branch=main")
        trial.commit("the crate")
    return trial


def quiet_git(monkeypatch, root):
    """Git without the settings of whoever runs the tests, and never the repository around."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


def built_trial(monkeypatch, cache, **options):
    """A copy at one and the same place, so that what is built of it is found again; `cache` is the repository's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "trial" / "cache"))
    monkeypatch.setenv("SPLITTER_TARGET_DIR", str(cache / "target" / "trial"))
    monkeypatch.setenv("CARGO_NET_OFFLINE", "true")
    root = cache / "trial" / "tiny"
    shutil.rmtree(root, ignore_errors=True)
    return make_trial(root, **options)
