"""`splitter apply`, `verify`, `undo` and `status`: arguments in, exit codes and shapes out."""

from dataclasses import replace

import pytest

from splitter.model.check import CheckResult, Level, Outcome, Verdict


@pytest.mark.parametrize(
    ("arguments", "phases"),
    [((), "next"), (("--next",), "next"), (("--all",), "all"), (("--phase", "3"), 3)],
)
def test_phases_are_chosen(splitter, world, arguments, phases):
    assert splitter("apply", "split.toml", *arguments).code == 0
    assert world.options("apply_plan")["phases"] == phases
    assert world.options("open_plan") == {"writes": "apply"}


def test_options_reach_the_workflow(splitter, world):
    cargo = ("-p", "core", "--manifest-path", "c/Cargo.toml", "--features", "a,b", "--features", "c d")
    more = ("--target", "wasm32-wasip1", "--test-command", "cargo nextest run")
    splitter("apply", "s.toml", "--level", "quick", "--accept-missing", "tests", "--commit", *cargo, *more)
    options = world.options("apply_plan")
    assert options["level"] is Level.QUICK
    assert options["accept"] == {"tests"}
    assert options["commit"] is True
    assert options["dry_run"] is False
    (build,) = [arguments[1] for name, arguments, _ in world.calls if name == "apply_plan"]
    assert (build.package, str(build.manifest_path), build.features) == ("core", "c/Cargo.toml", ("a", "b", "c", "d"))
    assert (build.target, build.test_command) == ("wasm32-wasip1", "cargo nextest run")


def test_the_level_is_standard_unless_told_otherwise(splitter, world):
    splitter("verify", "split.toml")
    assert world.options("verify_plan")["level"] is Level.STANDARD


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "s.toml", "--phase", "1", "--all"),
        ("apply", "s.toml", "--next", "--all"),
        ("apply", "s.toml", "--dry-run", "--commit"),
        ("apply", "s.toml", "--phase", "0"),
        ("apply", "s.toml", "--accept-missing", "mirr"),
        ("apply", "src/ffi.rs"),
        ("verify", "src/ffi.rs"),
        ("status", "src/ffi.rs"),
        ("undo", "src/ffi.rs"),
        ("undo", "s.toml", "--and-later"),
        ("verify", "s.toml", "--level", "most"),
        ("status", "s.toml", "--format", "sarif"),
        ("verify",),
    ],
)
def test_combinations_that_make_no_sense_are_refused(splitter, world, arguments):
    said = splitter(*arguments)
    assert said.code == 2
    assert said.err
    assert world.calls == []


def test_a_plan_is_asked_for_where_a_source_was_given(splitter, world):
    assert "splitter plan src/ffi.rs -o ffi.toml" in splitter("apply", "src/ffi.rs").err


def test_a_wrong_check_gets_the_nearest_name(splitter, world):
    assert "Did you mean `mir`?" in splitter("apply", "s.toml", "--accept-missing", "mirr").err


@pytest.mark.parametrize("command", ["apply", "verify"])
def test_a_failed_check_is_exit_code_1_with_a_place_to_click(splitter, world, command):
    world.fail_a_check()
    said = splitter(command, "split.toml")
    assert said.code == 1
    assert "src/ffi/memory.rs:7: another body (fn:rt_alloc)" in said.out.splitlines()


@pytest.mark.parametrize("command", ["apply", "verify"])
def test_an_incomplete_verdict_is_exit_code_1(splitter, world, command):
    skipped = (CheckResult("mir", Outcome.SKIPPED, reason="no cargo"),)
    world.result = replace(world.result, verdict=Verdict.INCOMPLETE, checks=skipped)
    assert splitter(command, "split.toml").code == 1


def test_json_is_alone_on_stdout(splitter, world):
    apply, verify = (splitter(name, "s.toml", "--format", "json") for name in ("apply", "verify"))
    assert apply.json == {"verdict": "passed", "phases": [{"number": 1, "verdict": "passed", "checks": [MIR]}]}
    assert verify.json == {"verdict": "passed", "checks": [MIR]}


MIR = {"name": "mir", "outcome": "passed", "compared": 10, "equal": 10, "seconds": 0.0, "reason": "", "findings": []}


def test_a_dry_run_prints_the_diff_alone_so_that_it_can_be_piped(splitter, world):
    diff = "--- a/x.rs\n+++ b/x.rs\n@@ -1 +1 @@\n-\told\r\n+new\r\n"
    phase = replace(world.result.phases[0], checks=(), diff=diff, applied=False)
    world.result = replace(world.result, phases=(phase,))
    said = splitter("apply", "s.toml", "--dry-run")
    assert said.raw == diff.encode()
    assert "dry run, not checked" in said.err
    assert world.options("apply_plan")["dry_run"] is True


def test_verify_speaks_to_code_scanning_and_pull_requests(splitter, world):
    world.fail_a_check()
    sarif = splitter("verify", "s.toml", "--format", "sarif")
    assert sarif.code == 1
    assert sarif.json["runs"][0]["results"][0]["ruleId"] == "mir"
    assert sarif.json["runs"][0]["tool"]["driver"]["rules"][0]["shortDescription"]["text"]
    assert splitter("verify", "s.toml", "--format", "markdown").out.startswith("## Verdict: failed")


def test_undo_says_what_it_took_back(splitter, world):
    said = splitter("undo", "s.toml", "--phase", "1", "--and-later")
    assert said.code == 0
    assert said.out.startswith("phase 1 core undone")
    assert world.options("undo_plan") == {"phase": 1, "and_later": True}
    assert splitter("undo", "s.toml", "--format", "json").json == {
        "undone": [{"number": 1, "name": "core", "files": {}}]
    }


def test_status_changes_nothing_and_locks_nothing(splitter, world):
    said = splitter("status", "s.toml")
    assert said.code == 0
    assert "0 % of the functions (0 of 1)" in said.out
    assert world.options("open_plan") == {"writes": ""}
    assert splitter("status", "s.toml", "--format", "json").json["functions"] == 1
    assert splitter("status", "s.toml", "--format", "markdown").out.startswith("## Split of `src/ffi.rs`")
