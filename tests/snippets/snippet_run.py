"""Takes a case through its phases, as `apply` does: by names alone, and with the compiler's help.

Invariant: the same functions that `apply` uses open the plan, see the world and settle the attempt; only the disk
is a dictionary here.
"""

import hashlib
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from snippet_build import Bench

from splitter.errors import SourceError
from splitter.model.check import Verdict
from splitter.model.evidence import Build, Diagnostic
from splitter.model.outcome import PhaseResult
from splitter.model.receipt import Receipt
from splitter.model.standing import Standing
from splitter.planfile import dump
from splitter.system.modules import find_module
from splitter.workflow.attempt import attempt, files_of
from splitter.workflow.record import receipt_of
from splitter.workflow.session import open_session, require_sound
from splitter.workflow.world import world_of


@dataclass
class Result:
    """Files and change sets of a case; `error` is what went wrong on the way."""

    names_alone: dict[str, bytes] = field(default_factory=dict)
    names_build: Build | None = None
    settled: dict[str, bytes] = field(default_factory=dict)
    changes: list = field(default_factory=list)
    worlds: list = field(default_factory=list)
    trees: list = field(default_factory=list)
    before: Build | None = None
    build: Build | None = None
    rounds: int = 0
    errors: tuple[Diagnostic, ...] = ()
    error: str = ""


class MemoryTree:
    """The user's tree, in memory."""

    revision = ""

    def __init__(self, case):
        self.case = case
        self.files = dict(case.before)
        self.made: list[Receipt] = []
        self.kept = {digest(data): data for data in self.files.values()}

    def read(self, path):
        if path not in self.files:
            message = f"{path} is not there"
            raise SourceError(message)
        return self.files[path]

    def exists(self, path):
        return path in self.files

    def place(self, source):
        roots = [PurePosixPath(root) for root in ("src/lib.rs", "src/main.rs") if root in self.files]
        for root in roots:
            found = find_module(root, PurePosixPath(source), lambda path: self.files.get(str(path)))
            if found:
                return Standing(found.path, str(found.children), ".", self.case.edition, frozenset())
        message = f"no `mod` line leads to {source}"
        raise SourceError(message)

    def rust_files(self, folder):
        return {path: data for path, data in self.files.items() if path.endswith(".rs")}

    def receipts(self, source):
        return tuple(self.made)

    def base(self, digest):
        return self.kept[digest]

    def commit(self, files, receipt):
        for path, data in files.items():
            if data is None:
                self.files.pop(path, None)
            else:
                self.files[path] = data
        self.kept |= {digest(data): data for data in self.files.values()}
        self.made.append(receipt)


def run_all(cases, batch):
    """Every case in a thread of its own, so that their builds come together."""
    threading.stack_size(1 << 20)
    results = {case.name: Result() for case in cases}
    threads = []
    for case in cases:
        batch.join()
        threads.append(threading.Thread(target=run, args=(case, batch, results[case.name])))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def run(case, batch, result):
    try:
        with_names(case, batch, result)
        with_compiler(case, batch, result)
    except Exception:  # noqa: BLE001 - a test reports it
        result.error = traceback.format_exc()
    finally:
        batch.leave()


def with_names(case, batch, result):
    tree = MemoryTree(case)
    result.trees.append(tree)
    for session, phase, world in phases(case, tree, by_names=True):
        commit(tree, session, phase, attempt(world, None, (), silent))
    result.names_alone = tree.files
    result.names_build = batch.check(case, tree.files)


def with_compiler(case, batch, result):
    tree, bench = MemoryTree(case), Bench(case, batch)
    result.trees.append(tree)
    (result.before,) = bench.check()
    for session, phase, world in phases(case, tree, by_names=False):
        before = bench.check()
        tried = attempt(world, bench, before, silent)
        result.rounds = max(result.rounds, tried.rounds)
        result.changes.append(tried.change)
        result.worlds.append(tried.world)
        if tried.errors:
            result.errors = tried.errors
            result.settled = tree.files | tried.change.after()
            return
        commit(tree, session, phase, tried)
        assert bench.files == tree.files
    result.settled = tree.files
    (result.build,) = bench.check()


def phases(case, tree, *, by_names):
    text = dump(case.plan)
    if not tree.made:
        require_sound(open_session(tree, text, "plan.toml"), tree, frozenset())
    for phase in case.plan.phases:
        session = open_session(tree, text, "plan.toml")
        yield session, phase, world_of(session, tree, phase, session.module, by_names=by_names)


def commit(tree, session, phase, tried):
    result = PhaseResult(phase.number, phase.name, Verdict.PASSED, (), "source")
    tree.commit(files_of(tried.change), receipt_of(session, phase, tried, result, "", frozenset()))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def silent(message):
    pass
