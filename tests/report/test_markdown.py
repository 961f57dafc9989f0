"""Markdown for a pull request."""

from splitter.report.markdown import preview_text, run_text
from splitter.report.status_markdown import status_text


def cells(text, start):
    """Cells of the one table row that begins so."""
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in found.replace("\\|", "¦").strip("|").split("|")]


def test_a_preview_has_a_table_a_phase(preview):
    text = preview_text(preview)
    assert text.startswith("## Plan to split `src/ffi.rs`\n\n1,300 lines with 4 functions (2 exported) go to 2 modules")
    assert "### Phase 2: hash\n\nuses memory\n\n| module | lines |" in text
    shared = "`rt_alloc`, `ensure!`, `impl Read for [u8]`, `Arena`"
    assert cells(text, "`hash/sha1`") == ["`hash/sha1`", "5", "2", "named `sha1` like 2 of 2", shared, "3"]
    assert "**Named elsewhere**\n\n- Cargo.toml:12" in text


def test_a_verdict_lists_checks_and_findings(failed):
    text = run_text(failed)
    assert text.startswith("## Verdict: failed\n\nPhases: 2 hash (failed).")
    assert cells(text, "`mir`") == ["`mir`", "❌ failed", "210", "208", "12 s", "two differ"]
    assert "- `src/ffi/hash/sha1.rs:7`: the body is another one \\| really (`fn:rt_sha1`)" in text
    assert "<details><summary>Differs lawfully: 1 place</summary>" in text
    assert "**Edited since, not proven**\n\n- `src/ffi/memory.rs`" in text


def test_a_message_cannot_open_a_tag(failed):
    assert "- &lt;one&gt; body is missing" in run_text(failed)


def test_a_status_has_phases_and_figures(status):
    text = status_text(status)
    assert text.startswith("## Split of `src/ffi.rs`: 1 of 3 phases done\n")
    assert cells(text, "functions extracted") == ["functions extracted", "0 of 4", "1 (25 %)"]
    assert cells(text, "largest file, lines") == ["largest file, lines", "1,300", "1,296 (`src/ffi.rs`)"]
    assert cells(text, "tests") == ["tests", "155", "the same, with the same outcomes"]
    assert cells(text, "1 core values") == ["1 core values", "`memory`", "1", "9", "passed at standard"]
    assert "### To come: 2 phases" in text
    assert cells(text, "2 hash") == ["2 hash", "`hash/sha1` (5)", "2", "5"]
    assert text.rstrip().endswith("- a place\n\n</details>")
