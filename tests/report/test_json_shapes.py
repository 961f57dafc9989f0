"""The shapes that scripts rely on: no contract key is ever missing or renamed."""

import json
from dataclasses import replace

from splitter.model.check import CheckResult, Outcome, Verdict
from splitter.model.outcome import Preview, RunResult
from splitter.report.figures import joined_checks
from splitter.report.json_shapes import dump, preview_shape, run_shape, status_shape, undo_shape, verify_shape

CHECK = ["name", "outcome", "compared", "equal", "seconds", "reason", "findings"]


def test_a_preview_has_the_keys_of_the_contract(preview):
    shape = json.loads(dump(preview_shape(preview)))
    contract = ["source", "lines", "items", "functions", "exported", "phases", "residue", "metrics"]
    assert list(shape) == [*contract, "stays", "mentions", "notes"]
    assert list(shape["phases"][1]) == ["number", "name", "reason", "modules"]
    assert shape["phases"][1]["modules"] == [
        {
            "path": "hash/sha1",
            "doc": "SHA-1 <of> anything.",
            "lines": 5,
            "items": ["fn:rt_sha1", "fn:round"],
            "why": {"fn:rt_sha1": "named `sha1`", "fn:round": "only `rt_sha1` uses it"},
        }
    ]


def test_what_goes_beyond_the_contract_is_there_only_when_it_holds_something(plan):
    bare = Preview(plan, 1, 1, 1, 1, (), (), 0)
    contract = {"source", "lines", "items", "functions", "exported", "phases", "residue", "metrics"}
    assert preview_shape(bare).keys() == contract


def test_verify_has_one_entry_a_check(failed):
    shape = json.loads(dump(verify_shape(failed)))
    assert list(shape) == ["verdict", "checks", "edited", "notes"]
    assert shape["verdict"] == "failed"
    assert [list(check)[:7] for check in shape["checks"]] == [CHECK] * 4
    assert [check["outcome"] for check in shape["checks"]] == ["passed", "failed", "not_applicable", "skipped"]
    assert shape["checks"][1]["findings"][0] == {
        "item": "fn:rt_sha1",
        "path": "src/ffi/hash/sha1.rs",
        "line": 7,
        "message": "the body is another one | really",
    }


def test_apply_has_its_checks_by_phase(passed):
    shape = run_shape(passed)
    assert list(shape)[:2] == ["verdict", "phases"]
    assert [list(phase)[:3] for phase in shape["phases"]] == [["number", "verdict", "checks"]] * 2
    assert shape["phases"][0]["checks"] == [
        {"name": "mir", "outcome": "passed", "compared": 10, "equal": 10, "seconds": 1.0, "reason": "", "findings": []}
    ]


def test_a_dry_run_has_its_diff(passed):
    phase = replace(passed.phases[0], diff="--- a\n")
    assert run_shape(RunResult(Verdict.PASSED, (phase,)))["phases"][0]["diff"] == "--- a\n"


def test_checks_of_several_phases_are_added_up(passed):
    (check,) = joined_checks(passed)
    assert (check.outcome, check.compared, check.equal, check.seconds) == (Outcome.PASSED, 30, 30, 3.0)


def test_one_failed_phase_fails_the_check(passed, checks):
    run = replace(passed, checks=(checks[1],))
    (check,) = joined_checks(run)
    assert check.outcome is Outcome.FAILED
    assert check.findings == checks[1].findings


def test_a_skipped_check_is_not_hidden_by_one_that_passed(passed):
    run = replace(passed, checks=(CheckResult("mir", Outcome.SKIPPED, reason="no cargo"),))
    (check,) = joined_checks(run)
    assert (check.outcome, check.reason) == (Outcome.SKIPPED, "no cargo")


def test_a_check_that_a_phase_has_already_is_not_counted_twice(passed):
    (check,) = joined_checks(replace(passed, checks=passed.phases[1].checks))
    assert check.compared == 30


def test_status_and_undo_tell_all_that_they_know(status, passed):
    shape = status_shape(status)
    assert shape["phases"][0]["done"] is True
    assert (shape["functions_moved"], shape["tests"]) == (1, {"compared": 155, "equal": 155})
    assert undo_shape(passed.phases[:1]) == {
        "undone": [{"number": 1, "name": "core values", "files": {"src/ffi/memory.rs": 4}}]
    }


def test_json_is_ascii_so_that_any_pipe_takes_it(status):
    assert dump(status_shape(replace(status, source="src/größe.rs"))).isascii()
