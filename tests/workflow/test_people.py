"""People go on working: what they edited is never lost, never taken for the split's work, and never blamed on it."""

import pytest
from trial import PHASES, PLAN, SOURCE, make_trial

from splitter.workflow import apply

FRESH = '#[no_mangle]\npub extern "C" fn rt_value_negate(value: Value) -> Value {\n    rt_value_int(-1)\n}\n\n'
MEMORY = "src/ffi/memory.rs"


def test_a_dirty_source_is_not_split(trial):
    trial.edit("LIMIT: usize = 16", "LIMIT: usize = 32")
    said = trial.refused(3, "apply", PLAN, "--level", "source")
    assert "--refresh" in said.err
    trial.done("plan", PLAN, "--refresh")
    said = trial.refused(3, "apply", PLAN, "--level", "source")
    assert f"{SOURCE} has changes that are not committed" in said.err
    trial.commit()
    trial.apply()


def test_a_file_that_git_does_not_know_is_dirty(tmp_path):
    trial = make_trial(tmp_path / "tiny", git=False)
    trial.git("init", "--quiet")
    said = trial.refused(3, "apply", PLAN, "--level", "source")
    assert "not committed" in said.err


def test_a_stale_plan_is_refused_with_the_way_out(trial):
    trial.edit("LIMIT: usize = 16", "LIMIT: usize = 32")
    trial.commit()
    for command in (("apply", PLAN, "--level", "source"), ("apply", PLAN, "--dry-run", "--level", "source")):
        said = trial.refused(3, *command)
        assert "splitter plan --refresh split.toml" in said.err
    said = trial.refused(2, "plan", PLAN, "--check")
    assert "--refresh" in said.err


def test_refresh_keeps_what_people_decided_and_places_what_is_new(trial):
    trial.done("plan", PLAN, "--move", "fn:rt_table_limit=table")
    trial.edit('#[no_mangle]\npub extern "C" fn rt_value_add', FRESH + '#[no_mangle]\npub extern "C" fn rt_value_add')
    trial.edit('#[no_mangle]\npub extern "C" fn rt_fnv_start() -> u64 {\n    OFFSET\n}\n\n', "")
    trial.edit("rt_fnv_start()", "OFFSET")
    trial.commit()
    said = trial.done("plan", PLAN, "--refresh", "--format", "json")
    notes = said.json["notes"]
    assert any("fn:rt_value_negate: new, goes to " in note for note in notes)
    assert "fn:rt_fnv_start: gone from the source, taken out of the plan" in notes
    text = trial.path(PLAN).read_text()
    assert 'locked = ["fn:rt_table_limit"]' in text
    homes = {key: m["path"] for phase in said.json["phases"] for m in phase["modules"] for key in m["items"]}
    assert homes["fn:rt_table_limit"] == "table"
    assert homes["fn:rt_alloc"] == "memory"
    assert "fn:rt_step" not in homes  # it stayed in the source by decision
    trial.done("plan", PLAN, "--check")
    trial.commit()
    trial.apply("--all")


def test_a_refresh_with_nothing_new_changes_nothing(trial):
    trial.done("plan", PLAN, "--refresh")
    first = trial.path(PLAN).read_bytes()
    trial.done("plan", PLAN, "--refresh")
    assert trial.path(PLAN).read_bytes() == first


def test_the_source_is_edited_between_phases(trial):
    trial.apply("--commit")
    trial.edit("// ---- steps ----", FRESH.replace("rt_value_int(-1)", "value") + "// ---- steps ----")
    trial.commit()
    assert "--refresh" in trial.refused(3, "apply", PLAN, "--level", "source").err
    before = trial.path().read_bytes()
    trial.done("plan", PLAN, "--refresh")
    trial.done("plan", PLAN, "--check")
    trial.apply("--all")
    assert b"rt_value_negate" in b"".join(found[1] for found in trial.files().values() if found[0] != "folder")
    status = trial.done("status", PLAN, "--format", "json").json
    assert all(phase["done"] for phase in status["phases"])
    assert status["edited"] == []
    said = trial.refused(3, "undo", PLAN, "--phase", 1, "--and-later")
    assert f"{SOURCE} was edited before phase 2 was applied" in said.err
    trial.done("undo", PLAN, "--phase", 2, "--and-later")
    assert trial.path().read_bytes() == before
    said = trial.refused(3, "undo", PLAN)
    assert "changed since phase 1" in said.err


def test_an_edited_module_is_edited_and_not_proven(trial):
    trial.apply("--all")
    trial.edit("size.max(1)", "size.max(2)", MEMORY)
    said = trial.run("verify", PLAN, "--level", "source", "--format", "json")
    assert said.code == 1
    assert said.json["verdict"] == "incomplete"
    assert said.json["edited"] == [MEMORY]
    assert {check["outcome"] for check in said.json["checks"]} == {"passed"}
    assert f"{MEMORY}: edited since it was split, not proven" in trial.run("verify", PLAN, "--level", "source").out
    assert trial.done("status", PLAN, "--format", "json").json["edited"] == [MEMORY]


def test_undo_never_loses_an_edit(trial):
    trial.apply("--all")
    trial.edit("size.max(1)", "size.max(2)", MEMORY)
    said = trial.refused(3, "undo", PLAN, "--phase", 1, "--and-later")  # all of it, or none
    assert f"{MEMORY} changed since" in said.err
    assert "git stash" in said.err
    trial.done("undo", PLAN)  # phase 3 has not touched that file
    trial.edit("size.max(2)", "size.max(1)", MEMORY)
    trial.done("undo", PLAN, "--phase", 1, "--and-later")


def test_an_earlier_phase_goes_with_those_after_it(trial):
    before = trial.snapshot()
    trial.apply("--all")
    said = trial.refused(2, "undo", PLAN, "--phase", 1)
    assert "--phase 1 --and-later" in said.err
    assert trial.done("undo", PLAN, "--phase", 2, "--and-later", "--format", "json").json["undone"][0]["number"] == 3
    assert {f for f in trial.files() if f.startswith("src/ffi/")} == PHASES[0] - {SOURCE}
    trial.done("undo", PLAN, "--phase", 1)
    assert trial.snapshot() == before


@pytest.mark.parametrize("arguments", [(), ("--phase", 1), ("--phase", 7)])
def test_nothing_can_be_taken_back_before_anything_is_applied(trial, arguments):
    assert "no phase of this plan is applied" in trial.refused(2, "undo", PLAN, *arguments).err


def test_a_phase_to_come_cannot_be_taken_back(trial):
    trial.apply()
    assert "Applied phases: 1." in trial.refused(2, "undo", PLAN, "--phase", 2).err


def test_verify_before_anything_is_applied(trial):
    assert "nothing to verify" in trial.refused(2, "verify", PLAN, "--level", "source").err


def test_a_module_is_edited_and_the_next_phase_goes_on(trial):
    trial.apply("--commit")
    trial.edit("size.max(1)", "size.max(2)", MEMORY)
    trial.apply("--all")
    assert b"size.max(2)" in trial.path(MEMORY).read_bytes()


def test_the_source_was_put_back_by_git_but_not_the_modules(trial):
    before = trial.snapshot()
    trial.apply()
    trial.git("checkout", "--", SOURCE)
    for command in (("apply", PLAN, "--level", "source"), ("plan", PLAN, "--refresh")):
        said = trial.refused(3, *command)
        assert f"{SOURCE} is what it was before phase 1" in said.err
        assert "splitter undo split.toml --phase 1" in said.err
    trial.done("undo", PLAN, "--phase", 1)
    assert trial.snapshot() == before


@pytest.mark.parametrize("layout", ["inline", "legacy"])
def test_everything_was_put_back_by_git_but_our_records(tmp_path, layout):
    trial = make_trial(tmp_path / "tiny", layout=layout)
    trial.path(".git/info/exclude").write_text(".splitter/\n")
    before = trial.snapshot()
    trial.apply("--all", "--commit")
    trial.git("reset", "--quiet", "--hard", "HEAD~3")
    assert "is gone, though phase 1 is applied" in trial.refused(3, "apply", PLAN, "--level", "source").err
    trial.done("undo", PLAN, "--phase", 1, "--and-later")
    assert trial.snapshot() == before


def test_a_module_was_deleted(trial):
    trial.apply("--commit")
    trial.path(MEMORY).unlink()
    said = trial.refused(3, "apply", PLAN, "--level", "source")
    assert f"{MEMORY} is gone, though phase 1 is applied" in said.err
    assert trial.done("status", PLAN, "--format", "json").json["edited"] == [MEMORY]
    trial.git("checkout", "--", MEMORY)
    trial.apply()


def test_a_finished_phase_is_changed_in_the_plan(trial):
    trial.apply()
    text = trial.path(PLAN).read_text()
    for old, new, told in (
        ('path  = "memory"', 'path  = "heap"', "module `heap` is new in phase 1, which is applied already"),
        ('"fn:plus"', '"fn:plus", "fn:rt_step"', "`fn:rt_step` came into phase 1 after it was applied"),
        ('layout = "inline"', 'layout = "legacy"', "phase 1 was applied with another layout"),
    ):
        trial.path(PLAN).write_text(text.replace(old, new))
        for command in (("plan", PLAN, "--check"), ("apply", PLAN, "--level", "source"), ("status", PLAN)):
            assert told in trial.refused(2, *command).err
    trial.path(PLAN).write_text(text)
    trial.apply("--all")


def test_an_edit_while_the_checks_run_is_not_overwritten(trial, monkeypatch):
    judge = apply.judge_phase

    def slowly(*arguments):
        trial.edit("LIMIT: usize = 16", "LIMIT: usize = 18")
        return judge(*arguments)

    monkeypatch.setattr(apply, "judge_phase", slowly)
    said = trial.run("apply", PLAN, "--level", "source")
    assert said.code == 3
    assert f"{SOURCE} is not the file that was read" in said.err
    assert b"LIMIT: usize = 18" in trial.path().read_bytes()
    assert not trial.path(MEMORY).exists()
    assert not trial.path(".splitter").exists()


def test_a_plan_may_be_renamed(trial):
    trial.apply()
    trial.path(PLAN).rename(trial.path("other.toml"))
    trial.done("apply", "other.toml", "--level", "source")
    trial.done("undo", "other.toml", "--phase", 1, "--and-later")


def test_records_that_are_lost_or_damaged_are_named(trial):
    trial.apply()
    base = next(trial.path(".splitter/base").iterdir())
    data = base.read_bytes()
    base.write_bytes(b"other")
    assert "is damaged" in trial.refused(3, "undo", PLAN).err
    base.unlink()
    for command in ("undo", "verify", "status"):
        assert "cannot be read" in trial.refused(3, command, PLAN).err
    base.write_bytes(data)
    receipt = next(trial.path(".splitter/receipts").rglob("*.json"))
    receipt.write_text("{")
    for command in ("undo", "verify", "status", "apply"):
        assert str(receipt.name) in trial.refused(3, command, PLAN).err


def test_a_nested_module_may_be_called_like_one_of_an_earlier_phase(trial):
    trial.path(PLAN).write_text(trial.path(PLAN).read_text().replace('"hash/fnv"', '"hash/memory"'))
    trial.commit()
    for phase in PHASES:
        assert phase - {"src/ffi/hash/fnv.rs"} <= trial.apply("--format", "json").json["after"].keys()
    assert trial.path("src/ffi/hash/memory.rs").exists()
