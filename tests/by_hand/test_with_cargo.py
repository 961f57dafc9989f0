"""The same with cargo: both revisions are built in turn, and every check of the level is made."""

import shutil

import pytest
from history import MEMORY, SOURCE, TEXT, make_history
from trial import built_trial

# All of them build at one place.
pytestmark = pytest.mark.xdist_group("trial")

STANDARD = ["tokens", "build", "symbols", "state", "api", "mir", "tests", "format"]


@pytest.fixture
def built(monkeypatch, root):
    """Makes a history where cargo's work is kept between runs."""
    cache = root / ".cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "trial" / "cache"))
    monkeypatch.setenv("SPLITTER_TARGET_DIR", str(cache / "target" / "trial"))
    monkeypatch.setenv("CARGO_NET_OFFLINE", "true")
    place = cache / "trial" / "by_hand"
    shutil.rmtree(place, ignore_errors=True)
    return lambda *edits, **options: make_history(place, *edits, **options)


def test_a_sound_split_passes_every_check(built):
    made = built()
    before = made.snapshot()
    checks = made.checks(level="standard")
    assert list(checks) == STANDARD
    for check in checks.values():
        assert check["outcome"] == "passed", check
        assert check["compared"] == check["equal"] > 0
    assert made.snapshot() == before


def test_a_lost_export_is_lost_in_the_library_too(built):
    made = built(('#[no_mangle]\npub extern "C" fn rt_live', 'pub extern "C" fn rt_live', MEMORY))
    checks = made.checks(level="quick")
    assert [f["item"] for f in checks["tokens"]["findings"]] == ["fn:rt_live"]
    assert "`rt_live` is exported no more (default)" in [f["message"] for f in checks["symbols"]["findings"]]
    assert {f["path"] for f in checks["symbols"]["findings"]} == {MEMORY}


def test_a_trait_import_that_changes_which_method_is_called_is_seen_by_mir(built):
    made = built(("use crate::volume::Loud;", "use crate::volume::Soft;", TEXT))
    checks = made.checks(level="standard")
    assert [f["item"] for f in checks["mir"]["findings"]] == ["fn:text_volume"]


def test_a_split_that_does_not_build_fails(built):
    made = built(("use crate::volume::Loud;\n", "", TEXT))
    said = made.verify("--format", "json", level="quick")
    build = next(check for check in said.json["checks"] if check["name"] == "build")
    assert said.code == 1
    assert build["findings"][0]["path"] == TEXT


def test_what_does_not_build_beforehand_is_compared_by_its_files(built):
    made = built(before=(("fn larger(left: u32", "fn larger(left: Gone", SOURCE),))
    said = made.verify("--format", "json", level="quick")
    assert said.code == 1
    assert "the crate does not build as it is" in said.json["notes"][0]
    outcomes = {check["name"]: check["outcome"] for check in said.json["checks"]}
    assert (outcomes["tokens"], outcomes["build"], outcomes["symbols"]) == ("failed", "skipped", "skipped")


def test_our_own_splits_pass_as_well(monkeypatch, root):
    trial = built_trial(monkeypatch, root / ".cache")
    trial.apply("--all", "--commit", level="quick")
    for level in ("source", "standard"):
        arguments = ("--before", "HEAD~3", "--after", "HEAD", SOURCE, "--level", level, "--format", "json")
        said = trial.done("verify", *arguments)
        assert {check["outcome"] for check in said.json["checks"]} == {"passed"}
        assert all(check["compared"] == check["equal"] > 0 for check in said.json["checks"])
