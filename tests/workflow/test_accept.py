"""Lawful differences that the plan accepts by name are counted; what is left is for review."""

from trial import PLAN

from splitter.model.check import CheckResult, Outcome
from splitter.workflow.accept import set_apart, without_accepted

LAWFUL = (
    "fn:rt_a: asks for its own position (line!)",
    "fn:rt_b: asks for its own position (warn!)",
    "impl:Read for Text<'_>: its panics name the new place (panic!)",
    "order of declarations in ffi.h",
)


def test_by_key_and_by_macro():
    assert set_apart(LAWFUL, ("fn:rt_a",)) == (LAWFUL[1:], LAWFUL[:1])
    assert set_apart(LAWFUL, ("warn!", "panic!", "fn:rt_a")) == (LAWFUL[3:], LAWFUL[:3])


def test_what_nobody_accepts_stays_as_it_is():
    assert set_apart(LAWFUL, ()) == (LAWFUL, ())
    assert set_apart(LAWFUL, ("fn:rt_c", "dbg!")) == (LAWFUL, ())


def test_nothing_else_of_a_check_changes():
    check = CheckResult("mir", Outcome.PASSED, 3, 3, lawful=LAWFUL)
    (after,) = without_accepted([check], ("line!",))
    assert (after.outcome, after.compared, after.equal) == (check.outcome, 3, 3)
    assert (after.lawful, after.accepted) == (LAWFUL[1:], LAWFUL[:1])


def accept(trial, *names):
    text = trial.path(PLAN).read_text()
    row = ", ".join(f'"{name}"' for name in names)
    trial.path(PLAN).write_text(text.replace("\n[[phase]]", f"\n[lawful]\naccepted = [{row}]\n\n[[phase]]", 1))


def test_a_name_that_nothing_has_is_named_with_its_line(trial):
    accept(trial, "fn:rt_aloc", "lines!", "fn:rt_live_bytes")
    said = trial.refused(2, "plan", PLAN, "--check")
    line = trial.path(PLAN).read_text().split("accepted")[0].count("\n") + 1
    assert f"{PLAN}:{line}: `fn:rt_aloc` is no item of src/ffi.rs" in said.err
    assert "did you mean `fn:rt_alloc`?" in said.err
    assert "did you mean `line!`?" in said.err
    assert "fn:rt_live_bytes" not in said.err


def test_a_refresh_keeps_what_was_accepted(trial):
    accept(trial, "line!")
    trial.edit("LIMIT: usize = 16", "LIMIT: usize = 17")
    trial.done("plan", PLAN, "--refresh")
    assert '[lawful]\naccepted = ["line!"]\n' in trial.path(PLAN).read_text()


def test_an_accepted_item_may_have_moved_already(trial):
    accept(trial, "fn:rt_alloc")
    trial.apply()
    trial.done("plan", PLAN, "--check")
