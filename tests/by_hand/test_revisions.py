"""Which revisions and sources can be compared, what is said where they cannot, and how the result is written."""

import shutil

import pytest
from history import FRAME, MEMORY, SOURCE
from trial import PLAN, ROOT, make_trial

LIVE = '#[no_mangle]\npub extern "C" fn rt_live'
FAULT = (LIVE, 'pub extern "C" fn rt_live', MEMORY)


def line_of(made, text, path=MEMORY):
    return made.git("show", f"after:{path}").splitlines().index(text) + 1


def test_a_lost_export_is_named_with_function_and_line(history):
    made = history(FAULT)
    said = made.verify()
    line = line_of(made, 'pub extern "C" fn rt_live() -> u64 {')
    assert said.code == 1
    assert f"{MEMORY}:{line}: lost `#[no_mangle]`: `rt_live` is exported no more (fn:rt_live)" in said.out


def test_the_readme_shows_what_is_printed(history):
    shown = (ROOT / "README.md").read_text().split("$ splitter verify --before before --after after", 1)[1]
    assert history(FAULT).verify().out.strip() == shown.split("\n", 1)[1].split("```")[0].strip()


def test_sarif_has_the_place(history):
    made = history(FAULT)
    (result,) = made.verify("--format", "sarif").json["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert result["ruleId"] == "tokens"
    assert place["artifactLocation"]["uri"] == MEMORY
    assert place["region"]["startLine"] == line_of(made, 'pub extern "C" fn rt_live() -> u64 {')


def test_markdown_is_a_summary_for_a_pull_request(history):
    text = history(FAULT).verify("--format", "markdown").out
    assert text.startswith("## Verdict: failed\n")
    assert "| `tokens` | ❌ failed | 44 | 43 |" in text
    assert f"- `{MEMORY}:" in text


def test_two_equal_revisions_compare_everything_and_say_that_nothing_was_split(history):
    made = history()
    made.git("tag", "--force", "after", "before")
    said = made.verify("--format", "json")
    (check,) = said.json["checks"]
    assert (said.code, check["outcome"], check["findings"]) == (0, "passed", [])
    assert check["compared"] == check["equal"] > 30
    assert "nothing was split between before and after" in said.json["notes"][0]


def test_a_source_that_did_not_change_is_told(history):
    made = history()
    made.git("checkout", "--quiet", "before")
    made.edit("self * 10", "self * 11", "src/volume.rs")
    made.record("after")
    said = made.verify("--format", "json")
    assert said.code == 1
    assert "nothing of it was split" in said.json["notes"][0]
    assert [f["path"] for f in said.json["checks"][0]["findings"]] == ["src/volume.rs"]


def test_the_checkout_may_be_dirty_and_is_left_alone(history):
    made = history(FAULT)
    made.path(FRAME).write_text("not Rust {")
    made.path("src/new.rs").write_text("staged")
    made.git("add", "src/new.rs")
    before, status = made.snapshot(), made.git("status", "--short")
    assert made.verify().code == 1
    assert made.snapshot() == before
    assert made.git("status", "--short") == status
    assert made.git("worktree", "list").count("\n") == 1


def test_a_bare_repository_will_do(history, tmp_path):
    made = history(FAULT)
    made.git("clone", "--quiet", "--bare", str(made.root), str(tmp_path / "bare.git"))
    bare = type(made)(tmp_path / "bare.git")
    assert bare.verify().code == 1
    assert bare.verify(source="src/none.rs").code == 3


def test_without_a_manifest_declarations_are_followed_all_the_same(history):
    made = history(FAULT)
    for tag in ("before", "after"):
        made.git("checkout", "--quiet", tag)
        made.path("Cargo.toml").unlink()
        made.record(tag)
    (finding,) = made.findings()
    assert (finding["item"], finding["path"]) == ("fn:rt_live", MEMORY)


def test_a_crate_below_the_root_and_a_run_from_inside_it(history, tmp_path):
    made = history(FAULT)
    for tag in ("before", "after"):
        made.git("checkout", "--quiet", tag)
        made.path("deep").mkdir()
        for name in ("src", "Cargo.toml"):
            shutil.move(made.path(name), made.path("deep"))
        made.record(tag)
    inside = type(made)(made.path("deep"))
    (finding,) = inside.findings()
    assert finding["path"] == f"deep/{MEMORY}"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--before", "nowhere", "--after", "after", SOURCE), 2, "--before: git knows no revision `nowhere`"),
        (("--before", "before", "--after", "HEAD~9", SOURCE), 2, "fetch-depth: 0"),
        (("--before", "after", "--after", "before", SOURCE), 3, f"{SOURCE} is not in after"),
        (("--before", "before", "--after", "after", "src/none.rs"), 3, "src/none.rs is not in before"),
        (("--before", "before", "--after", "after", "../x.rs"), 3, "is in no git repository"),
        (("--before", "before", SOURCE), 2, "--after is missing"),
        (("--after", "after", SOURCE), 2, "--before is missing"),
        (("--after", "after", PLAN), 2, "--before is missing"),
        (("--before", "before", "--after", "after", PLAN), 2, "is a plan"),
        (("--before", "before", "--after", "after"), 2, "Missing argument"),
        (("--before", "before", "--after", "after", PLAN, SOURCE), 2, "unexpected extra argument"),
        ((SOURCE,), 2, "`splitter verify --before REV --after REV src/ffi.rs` verifies"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_compared_is_said_with_advice(history, arguments, code, words):
    made = history()
    said = made.refused(code, "verify", "--level", "source", *arguments)
    assert words in said.err


def test_outside_git_there_are_no_revisions(tmp_path):
    trial = make_trial(tmp_path / "tiny", git=False)
    said = trial.refused(3, "verify", "--before", "a", "--after", "b", SOURCE)
    assert "is in no git repository" in said.err


def test_without_cargo_the_files_are_compared_and_the_verdict_is_incomplete(history, tmp_path, monkeypatch):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(str(shutil.which("git")))
    made = history()
    monkeypatch.setenv("PATH", str(tools))
    said = made.verify("--format", "json", level="standard")
    outcomes = {check["name"]: check["outcome"] for check in said.json["checks"]}
    assert (said.code, said.json["verdict"]) == (1, "incomplete")
    assert outcomes | {"state": "passed", "api": "passed", "tokens": "passed"} == outcomes
    assert {name for name, outcome in outcomes.items() if outcome == "skipped"} == {
        "build", "symbols", "mir", "tests", "format",
    }  # fmt: skip
    assert "not built, so only the files were compared" in said.json["notes"][0]
    assert made.verify().code == 0
