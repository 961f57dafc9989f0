"""`splitter demo` splits the reference runtime, start to end, and proves it equal."""

import json
import re
import subprocess
import sys
import tomllib

import pytest

from splitter.model.source import ItemKind
from splitter.source.parse import parse

STANDARD = ["tokens", "build", "symbols", "state", "api", "mir", "tests", "format"]


def exported(folder):
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.rs")))
    return re.findall(r"#\[(?:unsafe\()?no_mangle\)?\]", text)


def sound(shape, checks):
    """Every phase is applied, and every check compared something and found it equal."""
    assert shape["verdict"] == "passed"
    assert [phase["number"] for phase in shape["phases"]] == list(range(1, len(shape["phases"]) + 1))
    for phase in shape["phases"]:
        assert phase["verdict"] == "passed"
        assert [check["name"] for check in phase["checks"]] == checks
        for check in phase["checks"]:
            assert check["outcome"] == "passed", check
            assert check["compared"] == check["equal"] > 0, check


def certified(root, work):
    """Have every receipt checked again, by itself."""
    receipts = sorted(map(str, work.glob(".splitter/receipts/*/*.json")))
    command = [sys.executable, "-m", "splitter", "certify", *receipts, "--format", "json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shape = json.loads(done.stdout)
    assert [row["verdict"] for row in shape["receipts"]] == ["accepted"] * len(receipts)
    return shape["receipts"]


def phases_of(path):
    return tomllib.loads(path.read_text(encoding="utf-8"))["phase"]


def test_at_level_source_it_takes_no_time(demo, root):
    shape, work = demo("--level", "source")
    sound(shape, ["tokens"])
    assert len(shape["phases"]) == len(phases_of(work / "split.toml"))
    assert {path.name for path in (work / "src/value/ffi").iterdir()} > {"memory.rs", "hash", "concurrent"}
    assert len(exported(work / "src")) == len(exported(root / "native_ref/src")) >= 150


@pytest.mark.xdist_group("demo with the reviewed plan")
def test_the_reviewed_plan_is_applied_to_the_letter(demo, root):
    plan = root / "plans/native_ref.toml"
    shape, work = demo("--plan", str(plan), "--all-features", "--level", "quick")
    sound(shape, STANDARD[:4])
    assert len(shape["phases"]) == len(phases_of(plan))
    for phase in phases_of(plan):
        for module in phase["module"]:
            path = work / "src/value/ffi" / module["path"]
            assert path.with_suffix(".rs").is_file() or (path / "mod.rs").is_file(), module["path"]
    rows = certified(root, work)
    assert len(rows) == len(shape["phases"])
    assert any('"rewrap"' in path.read_text() for path in work.glob(".splitter/receipts/*/*.json"))


def test_the_reviewed_plan_leaves_an_index_of_re_exports(demo, root):
    """What stays are imports, `mod` lines, re-exports, macros of several modules, and the tests."""
    _, work = demo("--plan", str(root / "plans/native_ref.toml"), "--level", "source")
    left = parse("ffi.rs", (work / "src/value/ffi.rs").read_bytes())
    kinds = {item.kind for item in left.items if not item.test_only}
    assert kinds <= {ItemKind.USE, ItemKind.MOD, ItemKind.INNER, ItemKind.MACRO, ItemKind.EXTERN}
    assert sum(item.kind is ItemKind.USE and item.visibility == "pub" for item in left.items) > 50
