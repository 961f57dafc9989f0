"""Findings of `verify` for code scanning services.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", sections 3.13 to 3.28.
Invariant: a check that failed has at least one result, one that could not be made a notification;
nothing else makes noise.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from splitter.model.check import CheckResult, Finding, Outcome
from splitter.model.outcome import RunResult
from splitter.report.figures import joined_checks

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_shape(run: RunResult, summaries: Mapping[str, str], version: str) -> dict[str, Any]:
    """A SARIF log as JSON values; `summaries` say in a sentence what each check looks at."""
    checks = joined_checks(run)
    index = {check.name: at for at, check in enumerate(checks)}
    driver = {
        "name": "splitter",
        "version": version,
        "rules": [_rule(check.name, summaries.get(check.name, "")) for check in checks],
    }
    results = [_result(check, finding, index) for check in checks for finding in _findings(check)]
    skipped = [check for check in checks if check.outcome is Outcome.SKIPPED]
    notices = [_notice("warning", f"{check.name} could not be made: {check.reason}") for check in skipped]
    notices += [_notice("note", f"{path} was edited after its phase: not proven") for path in run.edited]
    invocation = {"executionSuccessful": not skipped, "toolExecutionNotifications": notices}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [invocation],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(name: str, summary: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name, "defaultConfiguration": {"level": "error"}}
    if summary:
        rule["shortDescription"] = {"text": summary}
    return rule


def _findings(check: CheckResult) -> tuple[Finding, ...]:
    if check.outcome is not Outcome.FAILED or check.findings:
        return check.findings
    different = check.compared - check.equal
    reason = check.reason or f"{different} of {check.compared} differ"
    return (Finding("", "", 0, reason),)


def _result(check: CheckResult, finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    text = f"{finding.message} ({finding.item})" if finding.item else finding.message
    result: dict[str, Any] = {
        "ruleId": check.name,
        "ruleIndex": index[check.name],
        "level": "error",
        "message": {"text": text},
    }
    if finding.path:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path, safe="/"), "uriBaseId": "%SRCROOT%"}}
        if finding.line > 0:
            place["region"] = {"startLine": finding.line}
        location: dict[str, Any] = {"physicalLocation": place}
        if finding.item:
            location["logicalLocations"] = [{"name": finding.item}]
        result["locations"] = [location]
    return result


def _notice(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text}}
