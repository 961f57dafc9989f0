"""What a terminal or a log shows."""

from dataclasses import replace

import pytest

from splitter.model.check import Finding, Outcome, Verdict
from splitter.model.outcome import RunResult
from splitter.report.demo_table import demo_table
from splitter.report.diff_text import diff_text
from splitter.report.parts import finding_line, line
from splitter.report.preview_table import preview_table
from splitter.report.run_table import run_table, undo_table
from splitter.report.status_table import status_table

DIFF = """\
--- a/x.rs
+++ b/x.rs
@@ -1,3 +1,2 @@
 one
--- two
-three
+++ four
"""


def row(text, start):
    """Words of the one line that begins so."""
    (found,) = [line.split() for line in text.splitlines() if line.strip().startswith(start)]
    return found


def test_a_preview_groups_modules_by_phase_with_sums(preview, printed):
    text = printed(preview_table(preview))
    assert text.startswith("src/ffi.rs: 1,300 lines, 4 functions (2 exported) → 2 modules in 2 phases\n")
    assert row(text, "module") == ["module", "lines", "functions", "edits", "why", "shared", "items"]
    assert "\nphase 2 hash: 5 lines, 2 functions (uses memory)\n" in text
    assert row(text, "hash/sha1")[:4] == ["hash/sha1", "5", "2", "3"]
    assert "\nstays: 1,291 lines, 1 function (mostly: " in text


def test_a_preview_takes_brackets_in_keys_for_what_they_are(preview, printed):
    short = replace(preview.modules[1], shared=("impl:Read for [u8]",))
    assert "impl Read for [u8]" in printed(preview_table(replace(preview, modules=(preview.modules[0], short))))


def test_a_preview_tells_where_else_the_source_is_named(preview, printed):
    text = printed(preview_table(preview))
    assert "\n  Cargo.toml:12\n" in text
    assert "note: src/ffi.rs:3: `fn:x` stays" in text


def test_tables_fit_a_log_and_have_no_colour_there(preview, status, failed, printed):
    long = replace(preview.modules[1], why="because " * 40, shared=("fn:" + "x" * 150,))
    wide = replace(preview, modules=(preview.modules[0], long))
    for table in (preview_table(wide), status_table(status), run_table(failed)):
        text = printed(table)
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= 100


def test_a_place_is_first_on_its_line_and_never_broken(printed):
    finding = Finding("fn:rt_x", "src/" + "deep/" * 40 + "x.rs", 7, "another\nbody")
    assert printed(finding_line(finding)) == f"{finding.path}:7: another body (fn:rt_x)\n"


def test_what_a_compiler_says_cannot_steer_the_terminal(printed):
    assert printed(line("\x1b[2Jgone\x07")) == "�[2Jgone�\n"


def test_a_run_shows_compared_beside_equal(failed, printed):
    text = printed(run_table(failed))
    assert row(text, "tokens") == ["tokens", "passed", "1,210", "=", "1,210", "0.2", "s"]
    assert row(text, "mir ")[:5] == ["mir", "failed", "208", "of", "210"]
    assert row(text, "tests")[:5] == ["tests", "not", "applicable", "no", "tests"]
    assert "src/ffi/hash/sha1.rs:7: the body is another one | really (fn:rt_sha1)" in text.splitlines()
    assert "nothing was written: the tree is as it was" in text
    assert "edited since, not proven:\n  src/ffi/memory.rs\n" in text
    assert text.endswith("verdict: failed\n")


def test_a_run_ends_with_figures_and_verdict(passed, printed):
    text = printed(run_table(passed))
    assert row(text, "files") == ["files", "1", "2"]
    assert row(text, "lines of the largest file")[-2:] == ["1,300", "900"]
    assert "phase 2 hash: passed at level standard, 2 items moved, 1 visibility edit, commit aaaaaaaaaaaa" in text
    assert text.endswith("verdict: passed\n")


def test_long_lists_of_findings_are_cut_short_and_say_so(checks, printed):
    many = tuple(Finding("", "a.rs", number, "differs") for number in range(1, 31))
    check = replace(checks[1], findings=many)
    text = printed(run_table(RunResult(Verdict.FAILED, (), (check,))))
    assert text.count("a.rs:") == 20
    assert "… and 10 more" in text


def test_a_dry_run_claims_no_verdict(passed, printed):
    phase = replace(passed.phases[0], checks=(), applied=False, diff=DIFF)
    text = printed(run_table(RunResult(Verdict.PASSED, (phase,), before={"a": 1}, after={"a": 2})))
    assert "phase 1 core values: dry run, not checked\nwould write:" in text
    assert "verdict" not in text
    assert "before" not in text


def test_an_undo_says_what_was_restored(passed, printed):
    assert printed(undo_table(passed.phases[:1])) == (
        "phase 1 core values undone\nrestored:\n  src/ffi/memory.rs (4 lines)\n"
    )


def test_a_status_reads_as_a_progress_report(status, printed):
    text = printed(status_table(status))
    assert text.splitlines()[1] == "█" * 10 + "░" * 30 + " 25 % of the functions (1 of 4), 4 of 1,300 lines"
    assert row(text, "1 ")[-3:] == ["done,", "passed", "(standard)"]
    assert row(text, "2 ")[-1] == "next"
    assert row(text, "3 ")[-2:] == ["to", "come"]
    assert "tests: 155 compared, 155 the same" in text


@pytest.mark.parametrize(("moved", "share"), [(0, "0 %"), (998, "99 %"), (999, "100 %")])
def test_a_split_is_at_100_percent_only_when_it_is_done(status, printed, moved, share):
    text = printed(status_table(replace(status, functions=999, functions_moved=moved)))
    assert f" {share} of the functions" in text


def test_a_status_of_a_file_without_functions_divides_by_nothing(status, printed):
    assert " – of the functions (0 of 0)" in printed(status_table(replace(status, functions=0, functions_moved=0)))


def test_a_demo_ends_with_what_was_proved_over_all_phases(preview, passed, status, printed):
    last = printed(demo_table(preview, passed, status)).splitlines()[-3:]
    assert last == ["over all phases", "  30 = 30 functions MIR-equal", "verdict: passed"]


def test_a_demo_hides_no_check_that_did_not_pass(preview, failed, status, printed):
    last = printed(demo_table(preview, failed, status)).splitlines()[-5:]
    assert last[1:4] == [
        "  1,210 = 1,210 items whole",
        "  mir failed: two differ",
        "  format skipped: rustfmt is missing",
    ]


def test_a_diff_is_coloured_by_what_a_line_is_and_not_by_how_it_looks():
    text = diff_text(DIFF)
    assert text.plain == DIFF
    styles = [str(span.style) for span in text.spans]
    assert styles == ["bold", "bold", "cyan", "red", "red", "green"]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_colour(checks, printed, outcome):
    (check,) = [check for check in checks if check.outcome is outcome]
    assert outcome.value.replace("_", " ") in printed(run_table(RunResult(Verdict.INCOMPLETE, (), (check,))))
