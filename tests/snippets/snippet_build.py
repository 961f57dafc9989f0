"""Checks many small packages with one cargo command, and gives each its own messages.

Invariant: a package once checked is never changed, so that cargo has to do nothing for it in the next run.
"""

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections import defaultdict

from splitter.model.evidence import Build, Configuration, Missing
from splitter.system.diagnostics import read_diagnostics, tell_builds_apart

MANIFEST = """\
[package]
name = "{name}"
version = "0.0.0"
edition = "{edition}"
autobenches = false

{lib}[features]
{features}
"""
LIB = '[lib]\nname = "demo"\n\n'
WORKSPACE = '[workspace]\nresolver = "2"\nmembers = ["cases/*"]\n\n[profile.dev]\ndebug = 0\nincremental = false\n'


class Batch:
    """Waits until everybody who is at work has asked for a build, then makes all of them at once."""

    def __init__(self, folder, target):
        self.folder, self.target = folder, target
        self.waiting: dict[str, dict[str, bytes]] = {}
        self.done: dict[str, Build] = {}
        self.working = 0
        self.broken: Exception | None = None
        self.turn = threading.Condition()
        self.rounds = 0

    def join(self):
        with self.turn:
            self.working += 1

    def leave(self):
        with self.turn:
            self.working -= 1
            self._run_if_all_wait()

    def check(self, case, files):
        name = package_name(case, files)
        with self.turn:
            if name in self.done:
                return self.done[name]
            self._write(name, case, files)
            self.waiting[threading.get_ident()] = (name, files)
            self._run_if_all_wait()
            while name not in self.done:
                if self.broken:
                    raise self.broken
                self.turn.wait()
            return self.done[name]

    def tidy(self):
        """Remove packages of earlier runs that nothing asks for any more."""
        for folder in (self.folder / "cases").iterdir():
            if folder.name not in self.done:
                shutil.rmtree(folder)

    def _run_if_all_wait(self):
        if self.waiting and len(self.waiting) == self.working:
            wanted = dict(self.waiting.values())
            self.waiting.clear()
            try:
                self.done |= self._cargo(wanted)
            except Exception as error:  # noqa: BLE001 - everybody who waits is told
                self.broken = error
            self.rounds += 1
            self.turn.notify_all()

    def _write(self, name, case, files):
        features = "\n".join(f"{feature} = []" for feature in case.features)
        lib = LIB if "src/lib.rs" in files else ""
        manifest = MANIFEST.format(name=name, edition=case.edition, features=features, lib=lib)
        write(self.folder / "Cargo.toml", WORKSPACE.encode())
        folder = self.folder / "cases" / name
        for path, data in {**files, "Cargo.toml": manifest.encode()}.items():
            write(folder / path, data)

    def _cargo(self, wanted):
        chosen = [part for name in wanted for part in ("-p", name)]
        every = self._messages("--all-targets", *chosen)
        ordinary = self._messages("--lib", "--bins", *chosen)
        return {name: self._build(name, files, every[name], ordinary[name]) for name, files in wanted.items()}

    def _build(self, name, files, every, ordinary):
        prefix = f"cases/{name}/"

        def locate(path):
            inside = os.path.normpath(path.removeprefix(prefix))
            return inside, files.get(inside, b"")

        found = read_diagnostics("\n".join(every), locate)
        plain = read_diagnostics("\n".join(ordinary), locate)
        unused = tuple(d for d in found if d.code == "unused_imports")
        failed = any(d.level == "error" for d in found)
        return Build(
            Configuration("default"),
            not failed,
            tell_builds_apart(found, plain),
            tell_builds_apart(unused, tuple(d for d in plain if d.code == "unused_imports")),
        )

    def _messages(self, *arguments):
        environment = os.environ | {
            "CARGO_TARGET_DIR": str(self.target),
            "CARGO_NET_OFFLINE": "true",
            "RUSTFLAGS": "--force-warn unused_imports",
        }
        command = ["cargo", "check", "--keep-going", "--message-format=json", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        rows = defaultdict(list)
        finished = False
        for line in done.stdout.splitlines():
            message = json.loads(line)
            finished = finished or message["reason"] == "build-finished"
            if message["reason"] == "compiler-message":
                folder = message["manifest_path"].removesuffix("/Cargo.toml")
                rows[folder.rsplit("/", 1)[-1]].append(line)
        assert finished, done.stderr
        return rows


class Bench:
    """The workbench of one case: its files as they stand, checked in the batch."""

    crate = "demo"
    compiler = ""

    def __init__(self, case, batch):
        self.case, self.batch = case, batch
        self.files = dict(case.before)

    def write(self, files):
        for path, data in files.items():
            if data is None:
                self.files.pop(path, None)
            else:
                self.files[path] = data

    def check(self):
        return (self.batch.check(self.case, self.files),)

    def formatted(self, files):
        return Missing("line breaks are not what the cases show")


def package_name(case, files):
    """A name that says which files are in it."""
    digest = hashlib.sha256(repr((case.edition, case.features, sorted(files.items()))).encode()).hexdigest()
    return f"{case.name.replace('/', '-').replace('_', '-')}-{digest[:10]}"


def write(path, data):
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
