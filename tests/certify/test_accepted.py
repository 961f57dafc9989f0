"""Honest receipts are accepted: of every layout and line ending, from git, from the tree as it stands, from copies."""

import shutil

import pytest
from forge import receipts_of
from trial import PLAN, make_trial


def crlf(data):
    return data.replace(b"\n", b"\r\n")


def with_bom(data):
    return b"\xef\xbb\xbf" + data


def without_last_newline(data):
    return data.rstrip(b"\n")


def certified(trial, *arguments, receipts=None):
    return trial.done("certify", *(receipts or receipts_of(trial)), *arguments, "--format", "json").json


@pytest.mark.parametrize("layout", ["inline", "legacy"])
@pytest.mark.parametrize("change", [bytes, crlf, with_bom, without_last_newline], ids=lambda change: change.__name__)
def test_each_phase_of_a_split_is_accepted(tmp_path, layout, change):
    trial = make_trial(tmp_path / "tiny", layout=layout, change=change)
    trial.apply("--all", "--commit")
    shape = certified(trial)
    assert shape["verdict"] == "accepted"
    assert len(shape["receipts"]) == 3
    for row in shape["receipts"]:
        assert row["reasons"] == []
        assert row["items"] > row["moved"] > 0
        assert row["before"].startswith("commit ")
        assert row["after"].startswith("commit ")


def test_it_says_what_it_looked_at(split):
    said = split.done("certify", receipts_of(split)[0])
    assert "01.json: accepted, phase 1 values: " in said.out
    assert "12 of them moved" in said.out
    head, first = split.git("log", "--format=%h", "--abbrev=12", "--reverse").split()[:2]
    assert f"before: commit {head}; after: commit {first}" in said.out


def test_revisions_can_be_named(split):
    last = receipts_of(split)[2]
    assert certified(split, "--before", "HEAD~1", "--after", "HEAD", receipts=[last])["verdict"] == "accepted"
    said = split.run("certify", last, "--before", "HEAD~2")
    assert said.code == 1
    assert "src/ffi.rs:1: has other bytes" in said.out


def test_a_tree_that_is_not_committed_counts_as_it_stands(trial_with_git):
    trial_with_git.apply()
    (row,) = certified(trial_with_git)["receipts"]
    assert row["after"] == "the tree as it stands"


def test_later_phases_that_are_not_committed_are_checked_by_copies(trial_with_git):
    trial_with_git.apply("--all")
    rows = certified(trial_with_git)["receipts"]
    assert [row["after"] for row in rows] == ["base copies", "base copies", "the tree as it stands"]


def test_git_is_not_needed(tmp_path):
    trial = make_trial(tmp_path / "tiny", git=False, layout="legacy")
    trial.apply("--all")
    assert {row["before"] for row in certified(trial)["receipts"]} == {"base copies"}


def test_a_receipt_may_lie_elsewhere(split, tmp_path):
    shutil.copy(receipts_of(split)[1], tmp_path / "mine.json")
    assert certified(split, receipts=[tmp_path / "mine.json"])["verdict"] == "accepted"


def test_phases_that_were_undone_and_applied_again_follow_one_another(split):
    split.done("undo", PLAN)
    split.apply()
    assert certified(split)["verdict"] == "accepted"


def test_what_people_edited_since_is_not_held_against_the_split(split):
    split.edit("fn ", "fn  ", "src/ffi/table.rs")
    assert certified(split)["verdict"] == "accepted"


def test_a_file_that_no_commit_has_and_that_was_edited_is_rejected(trial_with_git):
    trial_with_git.apply()
    trial_with_git.edit("fn ", "fn  ", "src/ffi/memory.rs")
    said = trial_with_git.run("certify", *receipts_of(trial_with_git))
    assert said.code == 1
    assert "src/ffi/memory.rs:1: has other bytes" in said.out


def test_what_is_not_at_hand_cannot_be_checked(split, tmp_path):
    said = split.run("certify", "nowhere.json")
    assert said.code == 3
    assert "no such receipt" in said.err
    (tmp_path / "bare").mkdir()
    shutil.copytree(split.root / ".splitter/receipts", tmp_path / "bare/.splitter/receipts")
    said = split.run("certify", *(tmp_path / "bare").rglob("01.json"))
    assert said.code == 3
    assert "bring back the base copies" in said.err


def test_wrong_arguments(split):
    assert split.run("certify").code == 2
    said = split.run("certify", *receipts_of(split), "--before", "HEAD")
    assert said.code == 2
    assert "one receipt at a time" in said.err
    said = split.run("certify", receipts_of(split)[0], "--before", "nowhere")
    assert said.code == 3
    assert "no revision `nowhere`" in said.err


def test_receipts_of_the_first_format_are_told_as_such(split):
    path = receipts_of(split)[0]
    path.write_text(path.read_text().replace('"format": 2', '"format": 1', 1))
    said = split.run("certify", path)
    assert said.code == 1
    assert "01.json:1: has another format than 2" in said.out


@pytest.fixture
def trial_with_git(tmp_path):
    return make_trial(tmp_path / "tiny")
