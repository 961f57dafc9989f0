"""Check `format`: no byte differs without a listed reason, and what rustfmt liked before it likes after.

Invariant: rustfmt's opinion of the tree before is never held against the tree after.
"""

from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.verify.missing import absent


def check_format(before: Evidence, after: Evidence, scope: Scope, change: ChangeSet | None) -> CheckResult:
    """Compare the bytes of every file with what the change set accounts for, and rustfmt's lists."""
    unclean = before.unformatted
    dirty = after.unformatted
    absent_tool = any(isinstance(one, Missing) and not one.applicable for one in (unclean, dirty))
    if not absent_tool and (isinstance(unclean, Missing) or isinstance(dirty, Missing)):
        return absent("format", unclean, dirty)
    findings = list(_unaccounted(before, after, change)) if change is not None else []
    reason = ""
    if isinstance(unclean, Missing) or isinstance(dirty, Missing):
        reason = "rustfmt is not installed: bytes alone were compared"
    else:
        origin = scope.residue_file if scope.residue_file in before.files else scope.monolith
        for path, line in sorted(dirty.items()):
            source = path if path in before.files else origin
            if source not in unclean:
                findings.append(
                    Finding(
                        "", path, line, f"rustfmt would change this line; it would change nothing in {source} before"
                    )
                )
        if unclean:
            reason = f"not clean under rustfmt beforehand: {', '.join(sorted(unclean))}"
        if change is None and unclean.keys() >= before.files.keys():
            return CheckResult("format", Outcome.NOT_APPLICABLE, reason=reason)
    if change is None and reason.startswith("rustfmt"):
        return CheckResult("format", Outcome.NOT_APPLICABLE, reason="rustfmt is not installed")
    wrong = {finding.path for finding in findings}
    compared = len(after.files.keys() | before.files.keys())
    return judge("format", compared, compared - len(wrong), tuple(findings), reason=reason)


def _unaccounted(before: Evidence, after: Evidence, change: ChangeSet) -> list[Finding]:
    findings = []
    for path in sorted(before.files.keys() | after.files.keys()):
        known = path in change.before or path in change.files
        wanted = change.render(path) if path in change.files else None if known else before.files.get(path)
        data = after.files.get(path)
        if data == wanted:
            continue
        line = _first_difference(data or b"", wanted or b"")
        findings.append(Finding("", path, line, "these bytes are not accounted for"))
    return findings


def _first_difference(data: bytes, wanted: bytes) -> int:
    end = min(len(data), len(wanted))
    at = next((index for index in range(end) if data[index] != wanted[index]), end)
    return data.count(b"\n", 0, at) + 1
