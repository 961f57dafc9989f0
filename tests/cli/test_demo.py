"""`splitter demo`: what it asks of the world, and what it shows of it. The real one has tests of its own."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from splitter.commands import wiring
from splitter.model.check import Level


@pytest.fixture
def demo(world, monkeypatch):
    """Options of the calls; the demonstration itself is made up."""
    calls = []

    def run_demo(folder, plan, build, steps, **options):
        calls.append((folder, plan, build, options))
        steps("planning")
        return Path("work"), SimpleNamespace(preview=world.preview, result=world.result, status=world.status)

    monkeypatch.setattr(wiring, "run_demo", run_demo)
    return calls


def test_the_demo_shows_plan_checks_and_verdict(splitter, demo):
    said = splitter("demo")
    assert said.code == 0
    assert "1 module in 1 phase" in said.out
    assert said.out.endswith("over all phases\n  10 = 10 functions MIR-equal\nverdict: passed\n")
    where, how = said.err.removeprefix("planning\n").splitlines()
    assert where == "the split runtime is in work"
    assert how.endswith("splitter certify work/.splitter/receipts/*/*.json")


def test_the_demo_gives_json(splitter, demo):
    shape = splitter("demo", "--format", "json").json
    assert (shape["verdict"], shape["phases"][0]["checks"][0]["name"]) == ("passed", "mir")


def test_a_demo_that_fails_is_exit_code_1(splitter, demo, world):
    world.fail_a_check()
    assert splitter("demo").code == 1


def test_options_reach_the_demo(splitter, demo):
    splitter("demo", "dir", "--plan", "p.toml", "--all-features", "--level", "quick", "--test-command", "true")
    ((folder, plan, build, options),) = demo
    assert (folder, plan, build.test_command) == (Path("dir"), Path("p.toml"), "true")
    assert options == {"level": Level.QUICK, "all_features": True}


def test_a_folder_with_something_in_it_is_left_alone(splitter, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("mine")
    assert splitter("demo", "mine").code == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_a_plan_that_is_not_there_stops_the_demo_before_it_begins(splitter, tmp_path):
    said = splitter("demo", "work", "--plan", "nowhere.toml")
    assert said.code == 3
    assert "there is no such plan file" in said.err
    assert not (tmp_path / "work").exists()
