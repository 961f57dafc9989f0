"""Every planted fault is caught, by the check that is said to see it first, and the sound split by none.

What is written in `fixtures/faults` is judged here by the checks that need no build, and by those up to the one that
has to see it; `tests/bench/planted_faults.py` prints what every check says of every fault, in other crates as well.
"""

from pathlib import Path

import pytest
from bed import caught
from fault import LONGEST, Fault, plant, read_recipe
from table import WIDTH, render

from splitter.model.check import CheckResult, Level, Outcome
from splitter.verify.checks import CHECKS

FIXTURES = Path(__file__).parents[2] / "fixtures" / "faults"
RECIPE = read_recipe((FIXTURES / "faults.toml").read_text(encoding="utf-8"))
ELSEWHERE = [path for path in sorted((FIXTURES / "elsewhere").glob("*.toml")) if ".plan" not in path.name]
LEVELS = {check.name: check.level for check in CHECKS}
ORDER = list(LEVELS)
#: Seen from the files alone, whatever level asks for it.
BY_TEXT = ("tokens", "state", "api")

in_cargo = pytest.mark.xdist_group("planted")


def by_text(bed, files):
    """What the checks that look at nothing but the files say of them."""
    before, after = type(bed.before)(bed.before.files), type(bed.before)(files)
    return {c.name: c.judge(before, after, bed.scope, None) for c in CHECKS if c.name in BY_TEXT}


@in_cargo
def test_the_sound_split_is_blamed_by_no_check(bed):
    checks = bed.judge(bed.sound)
    assert {
        n: (c.outcome, c.findings[:3], c.reason) for n, c in checks.items() if c.outcome is not Outcome.PASSED
    } == {}
    assert not [finding for check in checks.values() for finding in check.findings]


@in_cargo
@pytest.mark.parametrize("level", [Level.SOURCE, Level.QUICK, Level.STANDARD])
def test_two_equal_trees_are_blamed_at_no_level(bed, level):
    checks = bed.judge_equal(level)
    assert set(checks) == {name for name, asked in LEVELS.items() if asked <= level}
    assert not caught(checks)
    assert {check.outcome for check in checks.values()} <= {Outcome.PASSED, Outcome.NOT_APPLICABLE}


@in_cargo
@pytest.mark.parametrize("fault", RECIPE.faults, ids=lambda fault: fault.name)
def test_a_planted_fault_is_caught(bed, fault):
    files = plant(bed.sound, fault)
    checks = by_text(bed, files) if fault.first in BY_TEXT else bed.judge(files, LEVELS[fault.first])
    assert fault.first in caught(checks), {name: check.outcome for name, check in checks.items()}
    place = checks[fault.first].findings[0]
    assert place.message
    assert place.path
    earlier = ORDER[: ORDER.index(fault.first)]
    assert not caught(checks) & set(earlier), "an earlier check sees it as well"


def test_every_check_is_the_first_to_see_some_fault():
    assert {fault.first for fault in RECIPE.faults} == set(ORDER)


def test_there_are_many_kinds_of_faults():
    assert len(RECIPE.faults) >= 50
    assert len({fault.name for fault in RECIPE.faults}) == len(RECIPE.faults)


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: path.stem)
def test_other_crates_are_broken_in_many_ways(path, root):
    recipe = read_recipe(path.read_text(encoding="utf-8"))
    assert len(recipe.faults) >= 12
    assert (root / recipe.plan).is_file()


@pytest.mark.parametrize("path", [FIXTURES / "faults.toml", *ELSEWHERE], ids=lambda path: path.stem)
def test_the_readme_shows_a_check_that_sees_each_fault(path, root):
    recipe = read_recipe(path.read_text(encoding="utf-8"))
    text = (root / "README.md").read_text(encoding="utf-8")
    table = text[text.index(f"\n{recipe.name} ".ljust(20)) :].split("\n\n")[0]
    assert {fault.name for fault in recipe.faults if f"\n{fault.name} " in table} == {f.name for f in recipe.faults}
    assert all("yes" in row for row in table.splitlines() if row and not row.startswith((recipe.name, "none (")))


def test_a_fault_that_has_no_place_is_refused():
    files = {"a.rs": b"one two two"}
    for was in ("three", "two"):
        with pytest.raises(ValueError, match=r"a\.rs holds"):
            plant(files, Fault("lost", (("a.rs", was, ""),)))
    with pytest.raises(ValueError, match="changes nothing"):
        plant(files, Fault("lost", (("a.rs", "one", "one"),)))
    assert plant(files, Fault("new", (("b.rs", "", "more"),)))["b.rs"] == b"more"


def test_a_table_has_a_column_for_every_check_and_fits_a_page():
    rows = [("x" * LONGEST, {name: CheckResult(name, Outcome.FAILED) for name in (*ORDER, "one", "more")})]
    head, row = render("crate", rows)
    assert row.count("yes") == len(rows[0][1])
    assert head.startswith("crate ")
    assert max(len(head), len(row)) <= WIDTH
