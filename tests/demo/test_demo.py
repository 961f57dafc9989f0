"""`splitter demo` splits the reference runtime, start to end, and proves it equal."""

import re
import shutil
import tomllib

import pytest

from splitter.model.source import ItemKind
from splitter.source.parse import parse

reviewed_plan = pytest.mark.xdist_group("demo with the reviewed plan")

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


def certified(splitter, work):
    """Have every receipt checked again, by itself."""
    receipts = sorted(work.glob(".splitter/receipts/*/*.json"))
    shape = splitter("certify", *receipts)
    assert [row["verdict"] for row in shape["receipts"]] == ["accepted"] * len(receipts)
    return shape["receipts"]


def phases_of(path):
    return tomllib.loads(path.read_text(encoding="utf-8"))["phase"]


def test_at_level_source_it_takes_no_time(splitter, folder, root):
    work = folder("fresh")
    shape = splitter("demo", work, "--level", "source")
    sound(shape, ["tokens"])
    assert len(shape["phases"]) == len(phases_of(work / "split.toml"))
    assert {path.name for path in (work / "src/value/ffi").iterdir()} > {"memory.rs", "hash", "concurrent"}
    assert len(exported(work / "src")) == len(exported(root / "native_ref/src")) >= 150


@reviewed_plan
def test_the_reviewed_plan_is_applied_to_the_letter(reviewed, splitter, root):
    shape, work = reviewed
    sound(shape, ["tokens"])
    phases = phases_of(root / "plans/native_ref.toml")
    assert len(shape["phases"]) == len(phases)
    for phase in phases:
        for module in phase["module"]:
            path = work / "src/value/ffi" / module["path"]
            assert path.with_suffix(".rs").is_file() or (path / "mod.rs").is_file(), module["path"]
    assert len(certified(splitter, work)) == len(phases)


@reviewed_plan
def test_the_reviewed_plan_leaves_an_index_of_re_exports(reviewed):
    """What stays are imports, `mod` lines, re-exports, macros of several modules, and the tests."""
    _, work = reviewed
    left = parse("ffi.rs", (work / "src/value/ffi.rs").read_bytes())
    kinds = {item.kind for item in left.items if not item.test_only}
    assert kinds <= {ItemKind.USE, ItemKind.MOD, ItemKind.INNER, ItemKind.MACRO, ItemKind.EXTERN}
    assert sum(item.kind is ItemKind.USE and item.visibility == "pub" for item in left.items) > 50


@reviewed_plan
@pytest.mark.usefixtures("cargo")
def test_what_names_alone_gave_builds_and_exports_the_same(reviewed, splitter):
    """With features and without; imports that are unused are what names cannot tell."""
    _, work = reviewed
    shape = splitter("verify", work / "split.toml", "--level", "quick", exit_code=1)
    outcomes = {check["name"]: check for check in shape["checks"]}
    assert {name for name, check in outcomes.items() if check["outcome"] == "passed"} == {"tokens", "symbols", "state"}
    said = {finding["message"].split(":")[0] for finding in outcomes["build"]["findings"]}
    assert said == {"new warning"}


@reviewed_plan
@pytest.mark.usefixtures("cargo")
def test_cargo_settles_its_first_phases(splitter, folder, root):
    """Two of them stand for all: `make demo` takes minutes."""
    work = folder("settled")
    shutil.copytree(root / "native_ref", work / "native_ref", ignore=shutil.ignore_patterns("target"))
    plan = shutil.copy(root / "plans/native_ref.toml", work / "native_ref.toml")
    for number in (1, 2):
        shape = splitter("apply", plan, "--next", "--level", "quick", "--features", "compiler,pytorch")
        assert [phase["number"] for phase in shape["phases"]] == [number]
        sound(shape | {"phases": [phase | {"number": 1} for phase in shape["phases"]]}, STANDARD[:4])
    assert len(certified(splitter, work)) == 2
    assert any('"rewrap"' in path.read_text() for path in work.glob(".splitter/receipts/*/*.json"))
