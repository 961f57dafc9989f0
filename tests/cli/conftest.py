"""The command line as a person runs it, with a world of our own where the real one is not what is tested."""

import json
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from splitter.cli import cli
from splitter.commands import wiring
from splitter.model.check import CheckResult, Finding, Outcome, Verdict
from splitter.model.outcome import ModuleFigures, PhaseResult, PhaseStatus, Preview, RunResult, Status
from splitter.model.plan import Module, Phase, Plan

PLAN = Plan("src/ffi.rs", "0" * 64, (Phase(1, "core", "first", (Module("memory", "Memory.", ("fn:rt_alloc",)),)),))


@dataclass(frozen=True)
class Said:
    """What a run of the command line came to."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def splitter(monkeypatch, tmp_path):
    """Runs the command line in an empty folder: `splitter("plan", "x.rs")`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def run(*arguments, **environment):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], env=environment)
        assert isinstance(result.exception, SystemExit | None), result.exception
        return Said(result.exit_code, result.stdout, result.stderr, result.stdout_bytes)

    return run


@pytest.fixture
def world(monkeypatch):
    """A world in memory: every call is noted, results can be replaced (`world.result = …`)."""
    return World(monkeypatch)


class World:
    """Stands in for `wiring`; raises `failure`, if there is one, wherever a command does its work."""

    def __init__(self, monkeypatch):
        check = CheckResult("mir", Outcome.PASSED, 10, 10)
        phase = PhaseResult(1, "core", Verdict.PASSED, (check,), applied=True)
        self.preview = Preview(PLAN, 10, 2, 1, 1, (ModuleFigures(1, "memory", "", 5, 1, 1, "why"),), ("use:x",), 5)
        self.result = RunResult(Verdict.PASSED, (phase,))
        self.status = Status("src/ffi.rs", (PhaseStatus(1, "core", False, ("memory",), 1, 1, 5),), 1, 0, 10, 0, {}, {})
        self.problems = ()
        self.failure = None
        self.calls = []
        self.saved = {}
        for name in ("apply_plan", "verify_plan", "undo_plan"):
            monkeypatch.setattr(wiring, name, self._noting(name, lambda: self.result))
        for name in ("make_preview", "preview_plan"):
            monkeypatch.setattr(wiring, name, self._noting(name, lambda: self.preview))
        monkeypatch.setattr(wiring, "status_of", self._noting("status_of", lambda: self.status))
        monkeypatch.setattr(wiring, "check_plan", self._noting("check_plan", lambda: self.problems))
        monkeypatch.setattr(wiring, "refresh_plan", self._noting("refresh_plan", lambda: (PLAN, ("fn:new is new",))))
        monkeypatch.setattr(wiring, "move_items", self._noting("move_items", lambda: PLAN))
        monkeypatch.setattr(wiring, "explain_item", self._noting("explain_item", lambda: "because"))
        monkeypatch.setattr(wiring, "open_plan", self._open)
        monkeypatch.setattr(wiring, "save", self._save)

    @contextmanager
    def _open(self, path, *, writes=""):
        self.calls.append(("open_plan", (path,), {"writes": writes}))
        yield wiring.PlanFile(None, "", str(path))

    def _save(self, path, text):
        self.saved[path] = text

    def _noting(self, name, result):
        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            if self.failure is not None:
                raise self.failure
            return result()

        return call

    def options(self, name):
        """Options of the one call of that name."""
        (found,) = [options for called, _, options in self.calls if called == name]
        return found

    def fail_a_check(self):
        """Let every run end with a failed check."""
        finding = Finding("fn:rt_alloc", "src/ffi/memory.rs", 7, "another body")
        check = CheckResult("mir", Outcome.FAILED, 10, 9, findings=(finding,))
        phase = PhaseResult(1, "core", Verdict.FAILED, (check,))
        self.result = RunResult(Verdict.FAILED, (phase,))


@pytest.fixture
def small_crate(tmp_path):
    """A crate with a little of everything, outside git."""
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n')
    (tmp_path / "src/lib.rs").write_text("pub mod ffi;\n")
    functions = "".join(
        f'/// {word} {n}.\n#[no_mangle]\npub extern "C" fn rt_{word}_{n}(x: i32) -> i32 {{\n    x + {n}\n}}\n\n'
        for word in ("hash", "queue", "text")
        for n in range(4)
    )
    (tmp_path / "src/ffi.rs").write_text("//! Everything.\n\n" + functions)
    return tmp_path
