"""Every bad split is found at level source, without cargo, and the finding names item, file and line."""

import pytest
from bad_splits import FAULTS

NO_CARGO = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_where_it_is_to_be_mended(history, monkeypatch, name):
    fault = FAULTS[name]
    made = history(*fault.edits)
    said = made.verify("--format", "json")
    assert said.code == 1, said.out
    findings = said.json["checks"][0]["findings"]
    found = [f for f in findings if f["item"] == fault.item and f["path"] == fault.path and fault.says in f["message"]]
    assert found, findings
    revision = "before" if fault.path == "src/ffi.rs" else "after"
    lines = made.git("show", f"{revision}:{fault.path}").splitlines() if fault.at else []
    named = [lines[f["line"] - 1] for f in found if f["line"] <= len(lines)]
    assert not fault.at or any(fault.at in line for line in named), (found, named)
