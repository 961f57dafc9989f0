"""`splitter plan` and what it can do with a plan that is there."""

from pathlib import Path

import pytest

from splitter.errors import Problem
from splitter.model.plan import Layout, Module, Phase, Plan
from splitter.planfile import dump, load


def test_a_source_is_planned_and_shown(splitter, world):
    said = splitter("plan", "src/ffi.rs")
    assert said.code == 0
    assert "10 lines, 1 function (1 exported) → 1 module in 1 phase" in said.out
    assert world.saved == {}


def test_the_plan_is_written_where_that_is_asked_for(splitter, world):
    said = splitter("plan", "src/ffi.rs", "-o", "split.toml", "--format", "json")
    assert said.code == 0
    assert said.json["phases"][0]["modules"][0]["path"] == "memory"
    assert said.err == "wrote split.toml\n"
    assert load(world.saved[Path("split.toml")], "split.toml") == world.preview.plan


def test_wishes_reach_the_planner(splitter, world):
    splitter("plan", "a.rs", "--target-lines", 400, "--layout", "legacy", "--rules", "rules.toml")
    wishes = world.options("make_preview")
    assert wishes == {"target_lines": 400, "layout": Layout.LEGACY, "rules": Path("rules.toml")}


def test_markdown_is_for_pull_requests(splitter, world):
    assert splitter("plan", "a.rs", "--format", "markdown").out.startswith("## Plan to split `src/ffi.rs`")


@pytest.mark.parametrize(
    "arguments",
    [
        ("split.toml",),
        ("a.rs", "--check"),
        ("a.rs", "--refresh"),
        ("a.rs", "--explain", "fn:x", "-o", "other.toml"),
        ("a.rs", "--move", "fn:x=y"),
        ("split.toml", "--check", "--refresh"),
        ("split.toml", "--move", "fn:x"),
        ("split.toml", "--move", "=y"),
        ("split.toml", "--move", "fn:x="),
        ("split.toml", "--check", "--target-lines", "9"),
        ("split.toml", "--refresh", "--layout", "legacy"),
        ("split.toml", "--check", "-o", "other.toml"),
        ("a.rs", "-o", "plan.txt"),
        ("a.rs", "-o", "a.rs"),
        ("a.rs", "--target-lines", "0"),
        ("a.rs", "--layout", "odd"),
        ("a.rs", "--format", "sarif"),
        (),
    ],
)
def test_combinations_that_make_no_sense_are_refused(splitter, world, arguments):
    said = splitter("plan", *arguments)
    assert said.code == 2
    assert said.err
    assert said.out == ""
    assert world.calls == []
    assert world.saved == {}


def test_every_problem_of_a_plan_is_told_with_its_place(splitter, world):
    world.problems = (
        Problem("split.toml", 7, "`fn:rt_alocc` is not in src/ffi.rs", "did you mean `fn:rt_alloc`?"),
        Problem("split.toml", 9, "module `std` shadows `std`"),
    )
    said = splitter("plan", "--check", "split.toml")
    assert said.code == 2
    assert said.err.splitlines() == [
        "split.toml:7: `fn:rt_alocc` is not in src/ffi.rs (did you mean `fn:rt_alloc`?)",
        "split.toml:9: module `std` shadows `std`",
        "splitter: 2 problems; nothing was changed",
    ]


def test_problems_come_as_json_too(splitter, world):
    world.problems = (Problem("split.toml", 7, "wrong", "right"),)
    said = splitter("plan", "split.toml", "--check", "--format", "json")
    assert said.code == 2
    assert said.json["problems"] == [{"path": "split.toml", "line": 7, "message": "wrong", "suggestion": "right"}]


def test_a_sound_plan_has_no_problem(splitter, world):
    assert splitter("plan", "--check", "split.toml").out == "split.toml: no problem\n"
    assert splitter("plan", "--check", "split.toml", "--format", "json").json == {"problems": []}


def test_a_refreshed_plan_is_saved_and_says_what_became_of_items(splitter, world):
    said = splitter("plan", "--refresh", "split.toml")
    assert said.code == 0
    assert "note: fn:new is new" in said.out
    assert list(world.saved) == [Path("split.toml")]


def test_items_are_moved_by_the_last_equals_sign_for_keys_may_hold_some(splitter, world):
    splitter("plan", "split.toml", "--move", "impl:Iterator<Item = u8> for X=hash/sha1", "--move", "fn:a=b")
    (moves,) = [arguments[1] for name, arguments, _ in world.calls if name == "move_items"]
    assert moves == (("impl:Iterator<Item = u8> for X", "hash/sha1"), ("fn:a", "b"))
    assert list(world.saved) == [Path("split.toml")]


def test_an_edit_that_cannot_be_shown_is_not_saved(splitter, world, monkeypatch):
    world.failure = ValueError("no preview")
    assert splitter("plan", "split.toml", "--move", "fn:a=b").code == 70
    assert world.saved == {}


def test_an_item_is_explained(splitter, world):
    assert splitter("plan", "split.toml", "--explain", "fn:x").out == "because\n"
    said = splitter("plan", "split.toml", "--explain", "fn:x", "--format", "json")
    assert said.json == {"item": "fn:x", "text": "because"}


def test_a_plan_with_decisions_of_people_is_not_overwritten(splitter, world, tmp_path):
    module = Module("memory", "", ("fn:a",), ("fn:a",))
    decided = dump(Plan("src/ffi.rs", "0" * 64, (Phase(1, "one", "", (module,)),)))
    (tmp_path / "split.toml").write_text(decided)
    said = splitter("plan", "src/ffi.rs", "-o", "split.toml")
    assert said.code == 2
    assert "--refresh split.toml" in said.err
    assert world.saved == {}


def test_a_fresh_plan_may_be_made_again(splitter, world, tmp_path):
    (tmp_path / "split.toml").write_text(dump(world.preview.plan))
    assert splitter("plan", "src/ffi.rs", "-o", "split.toml").code == 0


def test_what_is_no_plan_is_not_overwritten(splitter, world, tmp_path):
    (tmp_path / "Cargo.toml").write_text("[package]\n")
    assert splitter("plan", "src/ffi.rs", "-o", "Cargo.toml").code == 2
    assert world.saved == {}
