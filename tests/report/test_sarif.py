"""SARIF as code scanning services read it."""

import json
from dataclasses import replace

from splitter.model.check import CheckResult, Outcome, Verdict
from splitter.model.outcome import RunResult
from splitter.report.sarif import sarif_shape


def run_of(result, summaries=None):
    shape = json.loads(json.dumps(sarif_shape(result, summaries or {}, "0.1.0")))
    assert (shape["version"], len(shape["runs"])) == ("2.1.0", 1)
    return shape["runs"][0]


def test_a_finding_is_a_result_with_its_place(failed):
    run = run_of(failed, {"mir": "every function compiles to the same MIR"})
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("mir", "error")
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]] == {
        "id": "mir",
        "defaultConfiguration": {"level": "error"},
        "shortDescription": {"text": "every function compiles to the same MIR"},
    }
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "src/ffi/hash/sha1.rs", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 7}


def test_a_finding_without_a_place_has_no_location(failed):
    assert "locations" not in run_of(failed)["results"][1]


def test_a_failed_check_without_findings_is_still_a_result():
    check = CheckResult("symbols", Outcome.FAILED, 3, 2)
    (result,) = run_of(RunResult(Verdict.FAILED, (), (check,)))["results"]
    assert result["message"]["text"] == "1 of 3 differ"


def test_a_skipped_check_is_a_warning_of_the_run(failed, passed):
    invocation = run_of(failed)["invocations"][0]
    assert invocation["executionSuccessful"] is False
    texts = [notice["message"]["text"] for notice in invocation["toolExecutionNotifications"]]
    assert texts[0] == "format could not be made: rustfmt is missing"
    assert texts[1].startswith("src/ffi/memory.rs was edited")
    assert run_of(passed)["invocations"][0]["executionSuccessful"] is True
    assert run_of(passed)["results"] == []


def test_paths_are_written_as_addresses(failed, checks):
    finding = replace(checks[1].findings[0], path="src/größe x.rs")
    phase = replace(failed.phases[0], checks=(replace(checks[1], findings=(finding,)),))
    (result,) = run_of(replace(failed, phases=(phase,)))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "src/gr%C3%B6%C3%9Fe%20x.rs"
