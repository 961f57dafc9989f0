"""Small results that the reports render, and how they look where nothing is a terminal."""

import io

import pytest

from splitter.commands.output import show
from splitter.graph.build import build_graph
from splitter.model.check import CheckResult, Finding, Outcome, Verdict
from splitter.model.outcome import ModuleFigures, ModuleStatus, PhaseResult, PhaseStatus, Preview, RunResult, Status
from splitter.model.plan import Module, Phase, Plan
from splitter.source.parse import parse

SOURCE = """\
use std::ffi::c_int;

static NEXT: c_int = 1;

#[no_mangle]
pub extern "C" fn rt_alloc() -> c_int { NEXT }

#[no_mangle]
pub extern "C" fn rt_sha1() -> c_int { round(rt_alloc()) }

fn round(x: c_int) -> c_int { x }

fn left() -> c_int { round(1) }
"""


@pytest.fixture
def plan():
    why = {"fn:rt_sha1": "named `sha1`", "fn:round": "only `rt_sha1` uses it"}
    memory = Module("memory", "Allocating memory.", ("static:NEXT", "fn:rt_alloc"))
    sha1 = Module("hash/sha1", "SHA-1 <of> anything.", ("fn:rt_sha1", "fn:round"), (), why)
    phases = (
        Phase(1, "core values", "nothing has to move first", (memory,)),
        Phase(2, "hash", "uses memory", (sha1,)),
    )
    return Plan("src/ffi.rs", "0" * 64, phases)


@pytest.fixture
def graph():
    return build_graph(parse("src/ffi.rs", SOURCE.encode()))


@pytest.fixture
def preview(plan):
    shared = ("fn:rt_alloc", "macro:ensure", "impl:Read for [u8]", "struct:Arena")
    return Preview(
        plan=plan,
        lines=1300,
        items=6,
        functions=4,
        exported=2,
        modules=(
            ModuleFigures(1, "memory", "Allocating memory.", 4, 1, 2, "named `alloc`"),
            ModuleFigures(2, "hash/sha1", "SHA-1.", 5, 2, 2, "named `sha1` like 2 of 2", shared, 3),
        ),
        residue=("use:c_int", "fn:left"),
        residue_lines=1291,
        stays={"use:c_int": "imports stay", "fn:left": "no module asks for it"},
        metrics={"cohesion": 0.5},
        mentions=("Cargo.toml:12",),
        notes=("src/ffi.rs:3: `fn:x` stays",),
    )


@pytest.fixture
def checks():
    """One check of each outcome; the failed one has findings with and without a place."""
    findings = (
        Finding("fn:rt_sha1", "src/ffi/hash/sha1.rs", 7, "the body is another one | really"),
        Finding("", "", 0, "<one> body is missing"),
    )
    return (
        CheckResult("tokens", Outcome.PASSED, 1210, 1210, seconds=0.25),
        CheckResult("mir", Outcome.FAILED, 210, 208, "two differ", findings, ("fn:rt_alloc: panic location",), 12.4),
        CheckResult("tests", Outcome.NOT_APPLICABLE, reason="no tests"),
        CheckResult("format", Outcome.SKIPPED, reason="rustfmt is missing"),
    )


@pytest.fixture
def passed():
    """Two phases that passed, with figures before and after."""
    checks = (CheckResult("mir", Outcome.PASSED, 10, 10, seconds=1.0),)
    more = (CheckResult("mir", Outcome.PASSED, 20, 20, seconds=2.0),)
    one = PhaseResult(1, "core values", Verdict.PASSED, checks, files={"src/ffi/memory.rs": 4}, applied=True)
    two = PhaseResult(2, "hash", Verdict.PASSED, more, moved=2, visibility_edits=1, applied=True, commit="a" * 40)
    after = {"src/ffi.rs": 900, "src/ffi/memory.rs": 4}
    return RunResult(Verdict.PASSED, (one, two), before={"src/ffi.rs": 1300}, after=after)


@pytest.fixture
def failed(checks):
    """A phase that failed, beside files that people edited."""
    phase = PhaseResult(2, "hash", Verdict.FAILED, checks)
    return RunResult(Verdict.FAILED, (phase,), edited=("src/ffi/memory.rs",), notes=("a note",))


@pytest.fixture
def status():
    phases = (
        PhaseStatus(1, "core values", True, ("memory",), 2, 1, 4, "passed", "standard"),
        PhaseStatus(2, "hash", False, ("hash/sha1",), 2, 2, 5),
        PhaseStatus(3, "io", False, ("print",), 1, 1, 2),
    )
    before, now = {"src/ffi.rs": 1300}, {"src/ffi.rs": 1296, "src/ffi/memory.rs": 9}
    modules = (
        ModuleStatus(1, "memory", "src/ffi/memory.rs", 1, 9, stands=True),
        ModuleStatus(2, "hash/sha1", "", 2, 5, stands=False),
        ModuleStatus(3, "print", "", 1, 2, stands=False),
    )
    figures = (4, 1, 1300, 4, before, now)
    return Status("src/ffi.rs", phases, *figures, ("src/ffi/memory.rs",), (155, 155), ("a place",), modules)


@pytest.fixture
def printed():
    """What a log gets of a table."""

    def render(renderable):
        stream = io.StringIO()
        show(renderable, stream)
        return stream.getvalue()

    return render
