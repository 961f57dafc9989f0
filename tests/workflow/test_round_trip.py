"""Phases go in and come out again, and every byte is what it was."""

import json

import pytest
from trial import PHASES, PLAN, SOURCE, make_trial


def crlf(data):
    return data.replace(b"\n", b"\r\n")


def with_bom(data):
    return b"\xef\xbb\xbf" + data


def without_last_newline(data):
    return data.rstrip(b"\n")


def all_of_it(data):
    return with_bom(crlf(without_last_newline(data)))


CHANGES = [None, crlf, with_bom, without_last_newline, all_of_it]


def in_place(trial):
    """Files of the crate that a split may touch."""
    return {name for name, found in trial.files().items() if found[0] != "folder"}


@pytest.mark.parametrize("layout", ["inline", "legacy"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__ if change else "as it is")
def test_three_phases_and_all_the_way_back(tmp_path, layout, change):
    trial = make_trial(tmp_path / "tiny", layout=layout, change=change or bytes)
    trial.path().chmod(0o600)
    states = [trial.snapshot()]
    for _ in PHASES:
        trial.apply()
        states.append(trial.snapshot())
    assert json.dumps(sorted(in_place(trial)))
    for state in reversed(states[:-1]):
        trial.done("undo", PLAN)
        assert trial.snapshot() == state


@pytest.mark.parametrize("layout", ["inline", "legacy"])
def test_all_at_once_is_one_after_the_other(tmp_path, layout):
    at_once, stepwise = (make_trial(tmp_path / name / "tiny", layout=layout) for name in "ab")
    before = at_once.snapshot()
    at_once.apply("--all")
    for number in (1, 2, 3):
        stepwise.apply("--phase", number)
    assert at_once.files() == stepwise.files()
    at_once.done("undo", PLAN, "--phase", 1, "--and-later")
    assert at_once.snapshot() == before


def test_each_phase_touches_its_own_files(trial):
    for wanted in PHASES:
        before = trial.files()
        trial.apply("--next")
        after = trial.files()
        assert {n for n, found in after.items() if before.get(n) != found and found[0] != "folder"} == wanted


def test_the_legacy_layout_keeps_the_rest_in_a_file_of_its_own(tmp_path):
    trial = make_trial(tmp_path / "tiny", layout="legacy")
    trial.apply()
    assert not trial.path().exists()
    assert {"src/ffi/mod.rs", "src/ffi_legacy.rs", "src/ffi/memory.rs"} <= in_place(trial)
    trial.apply("--all")
    trial.done("verify", PLAN, "--level", "source")


@pytest.mark.parametrize("arguments", [("--all",), ("--next",), (), ("--phase", 1), ("--phase", 3)])
def test_a_second_run_changes_nothing(trial, arguments):
    trial.apply("--all")
    before = trial.snapshot()
    said = trial.apply(*arguments)
    assert "every phase of the plan is applied" in said.out or "already" in said.out
    assert trial.snapshot() == before


def test_a_finished_phase_is_not_applied_again(trial):
    trial.apply()
    before = trial.snapshot()
    said = trial.apply("--phase", 1)
    assert "phase 1 is applied already" in said.out
    assert trial.snapshot() == before


def test_phases_come_in_order(trial):
    said = trial.refused(2, "apply", PLAN, "--phase", 2, "--level", "source")
    assert "phase 2 comes after phase 1, which is not applied yet" in said.err
    assert "--next" in said.err


def test_a_phase_that_the_plan_has_not(trial):
    said = trial.refused(2, "apply", PLAN, "--phase", 9, "--level", "source")
    assert "no phase 9" in said.err
    assert "1 to 3" in said.err


@pytest.mark.parametrize("layout", ["inline", "legacy"])
def test_modules_may_be_read_by_whom_the_source_may_be_read(tmp_path, layout):
    trial = make_trial(tmp_path / "tiny", layout=layout)
    trial.path().chmod(0o640)
    trial.apply("--all")
    modes = {name: trial.path(name).stat().st_mode & 0o777 for name in in_place(trial) if "ffi" in name}
    assert modes == dict.fromkeys(modes, 0o640)


def test_lines_end_as_they_did(tmp_path):
    trial = make_trial(tmp_path / "tiny", change=crlf)
    trial.apply("--all")
    for name in in_place(trial) - {"src/lib.rs", "src/loud.rs"}:
        data = trial.path(name).read_bytes()
        assert data.count(b"\n") == data.count(b"\r\n") > 0, name


def test_a_dry_run_prints_the_diff_and_writes_nothing(trial):
    said = trial.refused(0, "apply", PLAN, "--dry-run", "--level", "source")
    assert said.out.startswith(f"--- a/{SOURCE}\n+++ b/{SOURCE}\n")
    assert not trial.path(".splitter").exists()


def test_the_diff_of_a_dry_run_can_be_applied_by_git(tmp_path):
    trial, other = (make_trial(tmp_path / name / "tiny") for name in "ab")
    other.path("patch").write_text(trial.apply("--dry-run").out)
    other.git("apply", "patch")
    trial.apply()
    assert trial.files() == other.files()


def test_odd_bytes_do_not_break_the_diff(tmp_path):
    """A form feed, a line separator of Unicode: ends of lines for Python, not for git."""

    def odd(data):
        return data.replace(b"// ---- memory ----", "// ---- memory ----\x0c \u2028 \x85 odd\n".encode())

    trial, other = (make_trial(tmp_path / name / "tiny", change=odd) for name in "ab")
    other.path("patch").write_bytes(trial.apply("--dry-run").out.encode())
    other.git("apply", "patch")
    trial.apply()
    assert trial.files() == other.files()


def test_a_plan_without_phases_has_nothing_to_apply(trial):
    text = trial.path(PLAN).read_text()
    trial.path(PLAN).write_text(text.split("[[phase]]")[0])
    before = trial.snapshot()
    assert "nothing to apply" in trial.apply("--all").out
    assert trial.snapshot() == before


def test_the_split_needs_no_git(tmp_path):
    trial = make_trial(tmp_path / "tiny", git=False)
    before = trial.snapshot()
    trial.apply("--all")
    trial.done("verify", PLAN, "--level", "source")
    trial.done("undo", PLAN, "--phase", 1, "--and-later")
    assert trial.snapshot() == before


def test_status_tells_how_far_it_is(trial):
    seen = []
    for _ in range(4):
        status = trial.done("status", PLAN, "--format", "json").json
        seen.append(([phase["done"] for phase in status["phases"]], status["functions_moved"]))
        trial.apply()
    assert [done for done, _ in seen] == [[False] * 3, [True, False, False], [True, True, False], [True] * 3]
    moved = [count for _, count in seen]
    assert moved[0] == 0
    assert moved == sorted(set(moved))


def test_status_is_the_same_in_every_form(trial):
    trial.apply()
    shape = trial.done("status", PLAN, "--format", "json").json
    text = trial.done("status", PLAN).out
    assert f"({shape['functions_moved']} of {shape['functions']})" in text
    assert "done, passed (source)" in text
    assert trial.done("status", PLAN, "--format", "markdown").out.startswith("## Split of `src/ffi.rs`")
    assert shape["before"] == {SOURCE: shape["lines"]}
    assert shape["now"].keys() == PHASES[0]
