"""The commands on a real file, at level source, which needs no cargo."""

import json

import pytest

FORMATS = {".svg": "<svg ", ".html": "<!doctype html>", ".dot": "digraph ", ".json": "{"}


def test_a_file_is_planned_split_verified_and_put_back(splitter, small_crate):
    source = small_crate / "src/ffi.rs"
    before = source.read_bytes()
    assert splitter("plan", "src/ffi.rs", "-o", "split.toml").code == 0
    assert splitter("plan", "--check", "split.toml").code == 0
    assert splitter("status", "split.toml", "--format", "json").json["functions_moved"] == 0

    dry = splitter("apply", "split.toml", "--dry-run", "--level", "source")
    assert dry.code == 0
    assert dry.out.startswith("--- a/src/ffi.rs\n")
    assert source.read_bytes() == before

    applied = splitter("apply", "split.toml", "--all", "--level", "source", "--format", "json")
    assert applied.code == 0, applied.err
    assert {check["name"] for phase in applied.json["phases"] for check in phase["checks"]} == {"tokens"}
    assert source.read_bytes() != before
    status = splitter("status", "split.toml", "--format", "json").json
    assert all(phase["done"] for phase in status["phases"])
    assert status["functions_moved"] > 0

    verified = splitter("verify", "split.toml", "--level", "source", "--format", "json")
    assert verified.code == 0, verified.err
    assert verified.json["verdict"] == "passed"

    assert splitter("undo", "split.toml", "--phase", 1, "--and-later").code == 0
    assert source.read_bytes() == before


def test_an_item_is_moved_by_hand_and_explained(splitter, small_crate):
    splitter("plan", "src/ffi.rs", "-o", "split.toml")
    assert splitter("plan", "split.toml", "--move", "fn:rt_hash_1=odd/place").code == 0
    text = (small_crate / "split.toml").read_text()
    assert 'locked = ["fn:rt_hash_1"]' in text
    assert "rt_hash_1" in splitter("plan", "split.toml", "--explain", "fn:rt_hash_1").out
    said = splitter("plan", "src/ffi.rs", "-o", "split.toml")
    assert said.code == 2
    assert (small_crate / "split.toml").read_text() == text


def test_an_item_of_a_fresh_plan_is_explained_before_the_plan_is_written(splitter, small_crate):
    asked = ("--explain", "fn:rt_hash_1", "--target-lines", 60)
    said = splitter("plan", "src/ffi.rs", *asked)
    assert said.out.startswith("fn:rt_hash_1: hash")
    assert [path.name for path in small_crate.glob("*.toml")] == ["Cargo.toml"]
    splitter("plan", "src/ffi.rs", "-o", "split.toml", "--target-lines", 60)
    assert splitter("plan", "split.toml", *asked[:2]).out == said.out

    splitter("apply", "split.toml", "--level", "source")
    said = splitter("plan", "src/ffi.rs", *asked)
    assert said.code == 2
    assert "splitter plan PLAN --explain" in said.err


def test_a_source_outside_the_plan_s_tree_is_refused(splitter, small_crate):
    (small_crate / "plans").mkdir()
    said = splitter("plan", "src/ffi.rs", "-o", "plans/split.toml")
    assert said.code == 2
    assert "put the plan there" in said.err
    assert list((small_crate / "plans").iterdir()) == []


def test_a_plan_is_not_written_into_a_folder_that_is_not_there(splitter, small_crate):
    assert splitter("plan", "src/ffi.rs", "-o", "nowhere/split.toml").code == 2
    assert not (small_crate / "nowhere").exists()


@pytest.mark.parametrize("ending", FORMATS)
def test_the_graph_is_drawn(splitter, small_crate, ending):
    said = splitter("graph", "src/ffi.rs", "-o", f"graph{ending}")
    assert (said.code, said.out, said.err) == (0, "", f"wrote graph{ending}\n")
    text = (small_crate / f"graph{ending}").read_text()
    assert text.startswith(FORMATS[ending])
    assert "rt_hash_1" in text
    assert not (small_crate / ".splitter").exists()


def test_the_graph_as_json_has_every_item(splitter, small_crate):
    splitter("graph", "src/ffi.rs", "-o", "graph.json")
    nodes = json.loads((small_crate / "graph.json").read_text())["nodes"]
    assert {f"fn:rt_{word}_{n}" for word in ("hash", "queue", "text") for n in range(4)} <= {n["id"] for n in nodes}


def test_an_ending_that_says_nothing_is_refused(splitter, small_crate):
    said = splitter("graph", "src/ffi.rs", "-o", "graph.png")
    assert said.code == 2
    assert ".svg, .html, .dot, .json" in said.err


def test_many_items_that_stay_for_one_reason_are_one_note(splitter, tmp_path):
    text = "#[proc_macro]\npub fn {}(input: TokenStream) -> TokenStream {{\n    input\n}}\n"
    (tmp_path / "lib.rs").write_text("".join(text.format(name) for name in ("one", "two", "three", "four")))
    told = "a procedural macro has to stand in the root of its crate"
    assert f"note: lib.rs:2: `fn:one` and 3 more stay: {told}\n" in splitter("plan", "lib.rs").out
    (tmp_path / "lib.rs").write_text(text.format("one"))
    assert f"note: lib.rs:2: `fn:one` stays: {told}\n" in splitter("plan", "lib.rs").out
