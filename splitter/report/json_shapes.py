"""Results as JSON, in the shapes that scripts rely on.

Invariant: a key that the contract names is always there; what goes beyond it (`notes`, `edited`, `lawful`, …)
only where it holds something. ASCII only, so that any terminal, file or pipe can take it.
"""

import json
from dataclasses import asdict
from typing import Any

from splitter.model.check import CheckResult, Finding
from splitter.model.outcome import PhaseResult, PhaseStatus, Preview, RunResult, Status
from splitter.report.figures import joined_checks, own_checks

Shape = dict[str, Any]


def dump(shape: Shape) -> str:
    """Text of a shape; the same shape gives the same text."""
    return json.dumps(shape, indent=2)


def preview_shape(preview: Preview) -> Shape:
    """A plan with its figures."""
    figures = {module.path: module for module in preview.modules}
    phases = [
        {
            "number": phase.number,
            "name": phase.name,
            "reason": phase.reason,
            "modules": [
                {
                    "path": module.path,
                    "doc": module.doc,
                    "lines": figures[module.path].lines if module.path in figures else 0,
                    "items": list(module.items),
                    "why": {key: module.why[key] for key in module.items if key in module.why},
                }
                for module in phase.modules
            ],
        }
        for phase in preview.plan.phases
    ]
    return {
        "source": preview.plan.source,
        "lines": preview.lines,
        "items": preview.items,
        "functions": preview.functions,
        "exported": preview.exported,
        "phases": phases,
        "residue": list(preview.residue),
        "metrics": dict(preview.metrics),
        **_beyond(stays=dict(preview.stays), mentions=list(preview.mentions), notes=list(preview.notes)),
    }


def run_shape(run: RunResult) -> Shape:
    """What `apply` or `demo` came to, phase by phase."""
    return {
        "verdict": run.verdict.value,
        "phases": [_phase(phase) for phase in run.phases],
        **_beyond(
            checks=[_check(check) for check in own_checks(run)],
            edited=list(run.edited),
            notes=list(run.notes),
            before=dict(run.before),
            after=dict(run.after),
        ),
    }


def verify_shape(run: RunResult) -> Shape:
    """What `verify` came to: one entry a check, over all phases."""
    return {
        "verdict": run.verdict.value,
        "checks": [_check(check) for check in joined_checks(run)],
        **_beyond(edited=list(run.edited), notes=list(run.notes)),
    }


def undo_shape(phases: tuple[PhaseResult, ...]) -> Shape:
    """Which phases were taken back, and the files that were written for it."""
    return {
        "undone": [
            {
                "number": phase.number,
                "name": phase.name,
                "files": dict(phase.files),
                **_beyond(notes=list(phase.notes)),
            }
            for phase in phases
        ]
    }


def status_shape(status: Status) -> Shape:
    """How far a split has come."""
    return {
        "source": status.source,
        "functions": status.functions,
        "functions_moved": status.functions_moved,
        "lines": status.lines,
        "lines_moved": status.lines_moved,
        "phases": [_phase_status(phase) for phase in status.phases],
        "before": dict(status.before),
        "now": dict(status.now),
        "edited": list(status.edited),
        "tests": None if status.tests is None else {"compared": status.tests[0], "equal": status.tests[1]},
        "lawful": list(status.lawful),
        "accepted": list(status.accepted),
        "modules": [asdict(module) for module in status.modules],
    }


def _phase(phase: PhaseResult) -> Shape:
    return {
        "number": phase.number,
        "verdict": phase.verdict.value,
        "checks": [_check(check) for check in phase.checks],
        **_beyond(notes=list(phase.notes), diff=phase.diff, commit=phase.commit),
    }


def _check(check: CheckResult) -> Shape:
    return {
        "name": check.name,
        "outcome": check.outcome.value,
        "compared": check.compared,
        "equal": check.equal,
        "seconds": round(check.seconds, 3),
        "reason": check.reason,
        "findings": [_finding(finding) for finding in check.findings],
        **_beyond(lawful=list(check.lawful), accepted=list(check.accepted)),
    }


def _finding(finding: Finding) -> Shape:
    return {"item": finding.item, "path": finding.path, "line": finding.line, "message": finding.message}


def _phase_status(phase: PhaseStatus) -> Shape:
    return {
        "number": phase.number,
        "name": phase.name,
        "done": phase.done,
        "modules": list(phase.modules),
        "items": phase.items,
        "functions": phase.functions,
        "lines": phase.lines,
        "verdict": phase.verdict,
        "level": phase.level,
    }


def _beyond(**values: object) -> Shape:
    return {name: value for name, value in values.items() if value}
