"""Receipts and base copies: what a phase leaves behind, and what its undoing leaves, which is nothing."""

import dataclasses
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitter.errors import DiskError
from splitter.model.change import Added, Dropped, Kept, Why
from splitter.model.check import CheckResult, Finding, Level, Outcome, Verdict
from splitter.model.receipt import Gone, Moved, Receipt
from splitter.model.source import Span
from splitter.system.receipt_json import read_receipt, write_receipt
from splitter.system.records import find_receipts, forget, read_base, receipt_path, record
from splitter.system.transaction import commit

SOURCE = "src/value/ffi.rs"
BEFORE = b"fn a() {}\nfn b() {}\n"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def make_receipt(phase=1, source=SOURCE, content=BEFORE, **changes):
    receipt = Receipt(
        source=source,
        phase=phase,
        name="core values",
        tool="0.1.0",
        rustc="1.95.0",
        time="2026-01-01T00:00:00Z",
        level=Level.STANDARD,
        verdict=Verdict.PASSED,
        checks=(
            CheckResult("tokens", Outcome.PASSED, 2, 2, lawful=("line",), seconds=0.25),
            CheckResult("mir", Outcome.FAILED, 2, 1, findings=(Finding("fn:a", "a.rs", 3, "differs"),)),
        ),
        before={source: sha(content)},
        after={source: None, "src/value/ffi/a.rs": sha(b"fn a() {}\n")},
        pieces={"src/value/ffi/a.rs": (Added(b"use \xff;\n", Why.IMPORT), Kept(source, Span(0, 10)))},
        dropped=(Dropped(source, Span(10, 20), Why.BLANK),),
        items={"fn:a": Moved(source, Span(0, 10), sha(b"fn a() {}\n"), "src/value/ffi/a.rs", Span(7, 17))},
        modes={source: 0o644},
        stayed={"fn:b": Moved(source, Span(10, 20), sha(b"fn b() {}\n"), source, Span(0, 10))},
        gone={"use:x": Gone(source, Span(0, 0), sha(b""))},
        plan=sha(b"a plan"),
        previous=sha(b"a receipt"),
        accepted=("tests",),
    )
    return dataclasses.replace(receipt, **changes)


def test_a_receipt_comes_back_as_it_went():
    assert read_receipt(write_receipt(make_receipt()), "01.json") == make_receipt()
    assert read_receipt(write_receipt(make_receipt(rustc=None)), "01.json").rustc is None


@given(st.text(), st.binary(), st.dictionaries(st.text(), st.text()))
def test_whatever_its_texts_are(name, text, digests):
    receipt = make_receipt(name=name, before=digests, pieces={name: (Added(text, Why.CFG),)})
    assert read_receipt(write_receipt(receipt), "01.json") == receipt


def test_each_item_is_one_line_of_its_text():
    lines = write_receipt(make_receipt()).decode().splitlines()
    assert sum('"fn:a": {"from"' in line for line in lines) == 1
    assert all(len(line) < 250 for line in lines)


@pytest.mark.parametrize("spoil", ["", "[]", "{}", "null", '{"format": 1}', "\0", '{"format": 1, "source": []'])
def test_a_damaged_receipt_is_named(spoil):
    with pytest.raises(DiskError, match=r"01\.json is no receipt, or a damaged one"):
        read_receipt(spoil.encode(), "01.json")


def test_receipts_of_the_first_format_are_still_read():
    old = make_receipt(format=1, stayed={}, gone={}, plan="", previous=None)
    raw = json.loads(write_receipt(old))
    assert not {"stayed", "gone", "plan", "previous", "sha256"} & raw.keys()
    assert read_receipt(write_receipt(old), "01.json") == old


def test_an_edited_receipt_is_known_by_its_digest():
    text = write_receipt(make_receipt()).replace(b'"core values"', b'"better values"')
    with pytest.raises(DiskError, match=r"01\.json was edited"):
        read_receipt(text, "01.json")


def test_a_receipt_that_claims_to_have_passed_without_comparing_is_damaged():
    text = write_receipt(make_receipt(format=1)).replace(b'"compared": 2, "equal": 2', b'"compared": 0, "equal": 0')
    with pytest.raises(DiskError, match="damaged"):
        read_receipt(text, "01.json")


def test_a_later_format_is_told_as_such():
    with pytest.raises(DiskError, match="has format 3, this version reads up to 2"):
        read_receipt(write_receipt(make_receipt(format=3)), "01.json")


def file_phase(root, receipt, data=BEFORE):
    commit(root, record(root, receipt, dict.fromkeys(receipt.before, data)))


def test_what_is_filed_is_found_by_its_source(tmp_path):
    file_phase(tmp_path, make_receipt(2))
    file_phase(tmp_path, make_receipt(1))
    file_phase(tmp_path, make_receipt(1, source="lib/ffi.rs"))
    assert [receipt.phase for receipt in find_receipts(tmp_path, SOURCE)] == [1, 2]
    assert [receipt.source for receipt in find_receipts(tmp_path, "lib/ffi.rs")] == ["lib/ffi.rs"]
    assert find_receipts(tmp_path, "ffi.rs") == ()
    assert read_base(tmp_path, sha(BEFORE)) == BEFORE
    assert "splitter undo" in (tmp_path / ".splitter/README.md").read_text()


def test_filing_twice_changes_nothing(tmp_path):
    file_phase(tmp_path, make_receipt())
    commit(tmp_path, record(tmp_path, make_receipt(), {SOURCE: BEFORE}), pytest.fail)


def test_a_damaged_base_copy_is_refused_and_mended_by_filing_again(tmp_path):
    file_phase(tmp_path, make_receipt())
    (tmp_path / ".splitter/base" / sha(BEFORE)).write_bytes(b"edited")
    with pytest.raises(DiskError, match="is damaged"):
        read_base(tmp_path, sha(BEFORE))
    file_phase(tmp_path, make_receipt())
    assert read_base(tmp_path, sha(BEFORE)) == BEFORE


def test_a_lost_base_copy_is_named(tmp_path):
    with pytest.raises(DiskError, match="cannot be read"):
        read_base(tmp_path, sha(BEFORE))


def test_forgetting_keeps_what_others_need_and_at_last_leaves_nothing(tmp_path):
    first, second, other = make_receipt(1), make_receipt(2, content=b"later"), make_receipt(1, source="b.rs")
    file_phase(tmp_path, first)
    file_phase(tmp_path, second, b"later")
    file_phase(tmp_path, other)
    commit(tmp_path, forget(tmp_path, (first, second)))
    assert read_base(tmp_path, sha(BEFORE)) == BEFORE
    assert not (tmp_path / ".splitter/base" / sha(b"later")).exists()
    assert find_receipts(tmp_path, SOURCE) == ()
    commit(tmp_path, forget(tmp_path, (other,)))
    assert list(tmp_path.iterdir()) == []


def test_the_path_says_which_source_and_phase_it_is():
    assert receipt_path(SOURCE, 3).startswith(".splitter/receipts/ffi-")
    assert receipt_path(SOURCE, 3).endswith("/03.json")
    assert receipt_path("a/ffi.rs", 1) != receipt_path("b/ffi.rs", 1)


def test_the_text_is_json_that_others_can_read():
    raw = json.loads(write_receipt(make_receipt()))
    assert raw["level"] == "standard"
    assert raw["modes"] == {SOURCE: "644"}
    assert raw["items"]["fn:a"]["to"] == ["src/value/ffi/a.rs", 7, 17]
