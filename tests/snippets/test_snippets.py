"""Every case in `fixtures/snippets` runs through every net: it is found by listing the folder."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from snippet_case import as_text, load_cases
from snippet_run import MemoryTree
from snippet_tokens import item_tokens

from splitter.certify import certify
from splitter.errors import PlanError
from splitter.graph.build import build_graph
from splitter.graph.symbols import find_symbols
from splitter.model.change import Added
from splitter.model.check import CheckResult, Outcome
from splitter.model.source import is_partition
from splitter.plan_check import check
from splitter.planfile import dump, load
from splitter.planner.plan import PlanOptions, make_plan
from splitter.source.parse import parse
from splitter.source.tokens import TokenKind, tokenize
from splitter.system.receipt_json import digest_of_receipt, write_receipt
from splitter.workflow.session import open_session, require_sound

#: One process builds the cases: two would write the same packages at once.
pytestmark = pytest.mark.xdist_group("snippets")
CASES = load_cases(Path(__file__).parents[2] / "fixtures" / "snippets")
CHECKED = (CheckResult("tokens", Outcome.PASSED, 1, 1),)
REFUSED = [case for case in CASES if case.refused]
CASES = [case for case in CASES if not case.refused]


def each(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@pytest.fixture
def result(case, built):
    found = built[case.name]
    assert not found.error, found.error
    return found


@each(CASES + REFUSED)
def test_every_file_is_partitioned_into_items_with_unique_keys(case):
    for path, data in case.expected.items():
        if path.endswith(".rs") and data.strip():
            source = parse(path, data)
            assert is_partition([item.span for item in source.items], len(data))
            assert len(source.by_key) == len(source.items)


@each(CASES + REFUSED)
def test_the_plan_survives_its_file(case):
    assert load(dump(case.plan), "plan.toml") == case.plan


@each(CASES + REFUSED)
def test_a_fresh_plan_passes_its_own_check(case):
    graph = build_graph(parse(case.plan.source, case.before[case.plan.source]))
    plan = make_plan(graph, PlanOptions())
    assert check(plan, dump(plan), "plan.toml", graph, frozenset()) == ()


@each(REFUSED)
def test_a_plan_that_cannot_work_is_refused(case):
    tree = MemoryTree(case)
    with pytest.raises(PlanError, match=case.refused):
        require_sound(open_session(tree, dump(case.plan), "plan.toml"), tree, frozenset())
    assert tree.files == case.before


@each(CASES)
def test_the_result_compiles_and_warns_of_nothing_new(case, result):
    assert result.before.succeeded, told(result.before.diagnostics)
    assert not result.errors, told(result.errors)
    assert result.build.succeeded, told(result.build.diagnostics)
    news = warnings(result.build) - warnings(result.before)
    assert not news, told(result.build.diagnostics)


@each(CASES)
def test_nothing_is_imported_that_is_not_used(case, result):
    """In none of the builds: that of the tests is one of its own."""
    before = Counter((d.message, one) for d in result.before.unused_imports for one in d.targets)
    found = (d for d in result.build.unused_imports if not is_allowed(result, d))
    after = Counter((d.message, one) for d in found for one in d.targets)
    assert not after - before, told(result.build.unused_imports)


@each(CASES)
def test_the_tree_is_as_expected(case, result):
    for path in sorted(result.settled.keys() | case.expected.keys()):
        assert as_text(result.settled.get(path, b"")) == as_text(case.expected.get(path, b"")), path
        assert result.settled.get(path, b"") == case.expected.get(path, b""), path


@each(CASES)
def test_names_alone_are_enough_to_compile_but_where_the_case_says_so(case, result):
    assert result.names_build.succeeded is not case.needs_compiler, told(result.names_build.diagnostics)


@each(CASES)
def test_each_item_stands_once_with_its_tokens(case, result):
    for files in (result.settled, result.names_alone):
        assert item_tokens(files, case.plan) == item_tokens(case.before, case.plan)


@each(CASES)
def test_the_same_symbols_are_exported(case, result):
    assert symbols(result.settled) == symbols(case.before)


@each(CASES)
def test_what_was_written_parses(case, result):
    for change in result.changes:
        for path, data in change.after().items():
            assert is_partition([item.span for item in parse(path, data).items], len(data))


@each(CASES)
def test_undo_restores_every_byte(case, result):
    files = dict(result.settled)
    for change in reversed(result.changes):
        files = undone(change, files)
    assert files == case.before


@each(CASES)
def test_an_independent_check_believes_every_receipt(case, result):
    for tree in result.trees:
        previous = None
        for receipt in tree.made:
            made = replace(receipt, checks=CHECKED, previous=previous, modes=dict.fromkeys(receipt.before, 0o644))
            previous = digest_of_receipt(made)
            assert not certify(write_receipt(made), "01.json", made.previous, *sides(receipt, tree.kept))


def sides(receipt, kept):
    """Files before and after, among all that were ever there."""
    return [{path: kept[d] for path, d in side.items() if d} for side in (receipt.before, receipt.after)]


@each(CASES)
def test_a_second_apply_finds_nothing_to_do(case, result):
    residue = result.worlds[-1].residue_file
    source = parse(residue, result.settled[residue])
    text = dump(case.plan)
    done = frozenset(phase.number for phase in case.plan.phases)
    assert not check(case.plan, text, "plan.toml", build_graph(source), frozenset(), done)
    again = check(case.plan, text, "plan.toml", build_graph(source), frozenset())
    moved = [key for key in case.plan.placed if key not in source.by_key]
    assert len([p for p in again if "is not in" in p.message]) == len(moved) > 0


def is_allowed(result, unused):
    """Say whether the import is kept though nobody takes it.

    That is so for a path that worked before, one with docs of its own, and one that the build without tests needs.
    """
    items = parse(unused.path, result.settled[unused.path]).items
    found = next(item for item in items if item.core.start <= unused.start < item.core.end)
    documented = any(token.kind is TokenKind.DOC for token in tokenize(found_text(result, unused.path, found)))
    allowed = any(text.startswith("#[allow(") and "unused_imports" in text for text in found.attributes)
    return (found.visibility or documented or unused.targets == ("lib(test)",)) and allowed


def found_text(result, path, item):
    return result.settled[path][item.span.start : item.span.end]


def told(diagnostics):
    return "\n".join(d.rendered for d in diagnostics) or "no message"


def warnings(build):
    """Unused imports aside: these are forced out, and have a test of their own."""
    return Counter((d.code, d.message) for d in build.diagnostics if d.code != "unused_imports")


def symbols(files):
    """Those of macro calls aside: what they export stands in the macro, maybe in another file."""
    found = [find_symbols(parse(path, data)) for path, data in files.items() if path.endswith(".rs")]
    return Counter((s.name, s.signature, s.cfgs) for row in found for s in row if s.item[:5] != "call:")


def undone(change, files):
    """Put the kept bytes of the files as they stand, and the dropped ones, back to where they came from."""
    parts = {path: {} for path in change.before}
    for path, row in change.files.items():
        at = 0
        for piece in row:
            if isinstance(piece, Added):
                at += len(piece.text)
            else:
                parts[piece.path][piece.span.start] = files[path][at : at + len(piece.span)]
                at += len(piece.span)
    for piece in change.dropped:
        parts[piece.path][piece.span.start] = change.before[piece.path][piece.span.start : piece.span.end]
    old = {path: b"".join(row[start] for start in sorted(row)) for path, row in parts.items()}
    return {path: data for path, data in files.items() if path not in change.files} | old
