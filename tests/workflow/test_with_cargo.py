"""The whole path with cargo: a sound split passes every check, and each check stops the bad split that it is for."""

import sys
from pathlib import Path

import pytest
from trial import PLAN, SOURCE

sys.path.insert(0, str(Path(__file__).parent))

from faults import replaced, swapped

from splitter.workflow import attempt

# All of them build at one place.
pytestmark = pytest.mark.xdist_group("trial")

CHECKS = {
    "source": ["tokens"],
    "quick": ["tokens", "build", "symbols", "state"],
    "standard": ["tokens", "build", "symbols", "state", "api", "mir", "tests", "format"],
}
VALUES, MEMORY = "src/ffi/value_ops.rs", "src/ffi/memory.rs"
TEXT, FNV = "src/ffi/text.rs", "src/ffi/hash/fnv.rs"


def outcomes(said):
    return {check["name"]: check["outcome"] for phase in said.json["phases"] for check in phase["checks"]}


def lawful(said):
    return [text for check in said.json["checks"] for text in check.get("lawful", ())]


@pytest.mark.parametrize("level", ["quick", "standard"])
def test_a_sound_split_passes_every_check(built, level):
    before = built.snapshot()
    said = built.apply("--all", "--format", "json", level=level)
    for phase in said.json["phases"]:
        assert [check["name"] for check in phase["checks"]] == CHECKS[level]
        for check in phase["checks"]:
            assert check["outcome"] == "passed", check
            assert check["compared"] == check["equal"] > 0
    said = built.done("verify", PLAN, "--level", level, "--format", "json")
    assert said.json["verdict"] == "passed"
    assert {check["outcome"] for check in said.json["checks"]} == {"passed"}
    assert not any("no configuration that was built" in text for text in lawful(said))
    assert not built.path("Cargo.lock").exists()
    assert not built.path("target").exists()
    built.done("undo", PLAN, "--phase", 1, "--and-later")
    assert built.snapshot() == before


def test_what_sees_its_own_place_is_listed_unless_the_plan_accepts_it(built):
    built.edit("fetch_add(size as u64", "fetch_add(size as u64 + u64::from(line!() * 0)")
    built.done("plan", PLAN, "--refresh")
    built.commit()
    told = "fn:rt_alloc: asks for its own position (line!)"
    said = built.apply("--format", "json", level="standard")
    assert told in [text for check in said.json["phases"][0]["checks"] for text in check.get("lawful", ())]
    built.done("undo", PLAN)
    text = built.path(PLAN).read_text()
    built.path(PLAN).write_text(text.replace("\n[[phase]]", '\n[lawful]\naccepted = ["line!"]\n\n[[phase]]', 1))
    built.apply("--all", level="standard")
    said = built.done("verify", PLAN, "--format", "json")
    assert told not in lawful(said)
    assert [told] in [check["accepted"] for check in said.json["checks"] if "accepted" in check]
    assert "1 accepted by the plan" in built.done("status", PLAN).out
    assert "Differs lawfully: " in built.done("status", PLAN, "--format", "markdown").out


def test_the_legacy_layout_passes_too(built):
    text = built.path(PLAN).read_text()
    built.path(PLAN).write_text(text.replace('layout = "inline"', 'layout = "legacy"'))
    before = built.files()
    built.apply("--all", level="standard")
    built.done("verify", PLAN)
    built.done("undo", PLAN, "--phase", 1, "--and-later")
    assert built.files() == before


def test_what_people_edited_is_not_blamed_on_the_split(built):
    built.apply("--all", level="quick")
    built.edit("(OFFSET", "(PRIME", FNV)
    said = built.run("verify", PLAN, "--format", "json")
    assert said.code == 1
    assert said.json["verdict"] == "incomplete"
    assert said.json["edited"] == [FNV]
    assert {check["outcome"] for check in said.json["checks"]} == {"passed"}


def test_an_edit_between_phases_is_not_blamed_on_the_split(built):
    built.apply("--commit", level="quick")
    built.edit("LIMIT: usize = 16", "LIMIT: usize = 17")
    built.commit()
    built.done("plan", PLAN, "--refresh")
    built.apply("--all", level="quick")
    said = built.done("verify", PLAN, "--format", "json")
    assert said.json["verdict"] == "passed"
    assert "files were edited after phase 1: up to there the receipts alone are checked" in said.json["notes"]


def test_a_fault_that_comes_later_is_found_by_verify(built):
    built.apply("--all", level="quick")
    receipts = built.snapshot()
    built.edit("mod loud;", "mod loud;\npub static LOST: u8 = 0;", "src/lib.rs")
    built.edit("self * 2", "self * 3", "src/loud.rs")  # not a file of the split: the same before and after
    built.done("verify", PLAN)
    assert {n: f for n, f in built.snapshot().items() if n.startswith(".splitter")} == {
        n: f for n, f in receipts.items() if n.startswith(".splitter")
    }


def copied_static(change):
    copy = "use std::sync::Mutex;\n#[allow(dead_code)]\nstatic LIVE: u8 = 0;\n"
    return replaced(change, SOURCE, "use std::sync::Mutex;\n", copy)


def dropped_no_mangle(change):
    return replaced(change, VALUES, "/// No value.\n#[no_mangle]\n", "/// No value.\n")


def dropped_cfg(change):
    return replaced(change, FNV, '#[cfg(feature = "extra")]\n', "")


def swapped_helpers(change):
    return swapped(change, VALUES, "left.wrapping_add(right)", "left.wrapping_sub(right)")


def swapped_by_an_alias(change):
    return swapped(change, VALUES, "fn plus(", "fn minus(")


def lost_trait_import(change):
    text = change.render(TEXT).decode()
    line = next(line for line in text.splitlines() if "Loud" in line)
    return replaced(change, TEXT, line, "use crate::loud::Soft;")


def cut_attribute(change):
    change = replaced(change, MEMORY, "#[inline(never)]\n", "")
    return replaced(change, SOURCE, "/// A value with its kind.\n", "/// A value with its kind.\n#[must_use]\n")


def changed_macro_order(change):
    return swapped(change, SOURCE, "$number + 1", "$number + 2")


def altered_constant(change):
    return replaced(change, FNV, "0x0000_0100_0000_01b3", "0x0000_0100_0000_01b5")


def altered_constant_of_memory(change):
    return replaced(change, MEMORY, "size as u64, Ordering", "size as u64 + 1, Ordering")


def lost_test(change):
    return replaced(
        change, SOURCE, "    #[test]\n    fn volumes_differ", "    #[allow(dead_code)]\n    fn volumes_differ"
    )


def new_warning(change):
    return replaced(change, MEMORY, "/// Bytes that are out.\n", "fn nobody_calls_it() {}\n\n/// Bytes that are out.\n")


def no_rust(change):
    return replaced(change, MEMORY, "fetch_add(size as u64", "fetch_add(size as Nothing")


def hidden_path(change):
    text = change.render(SOURCE).decode()
    line = next(line for line in text.splitlines() if line.startswith("pub use self::memory::"))
    return replaced(change, SOURCE, line, line.replace("pub use", "#[allow(unused_imports)]\npub(crate) use"))


def untidy(change):
    return replaced(change, MEMORY, "vec![0_u8; size.max(1)]", "vec![0_u8;   size.max(1)]")


FAULTS = [
    (copied_static, 1, {"state", "tokens"}),
    (dropped_no_mangle, 1, {"symbols", "tokens"}),
    (dropped_cfg, 2, {"symbols", "tokens"}),
    (swapped_helpers, 1, {"mir", "tokens", "tests"}),
    (swapped_by_an_alias, 1, {"mir", "tests"}),
    (lost_trait_import, 2, {"mir", "tests"}),
    (cut_attribute, 1, {"tokens"}),
    (changed_macro_order, 1, {"mir"}),
    (altered_constant, 2, {"tokens", "mir"}),
    (lost_test, 1, {"tests", "tokens"}),
    (new_warning, 1, {"build"}),
    (no_rust, 1, {"build"}),
    (hidden_path, 1, {"api"}),
    (untidy, 1, {"format"}),
]


@pytest.mark.parametrize(("fault", "phase", "catching"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_fault_is_caught_and_nothing_is_written(built, monkeypatch, fault, phase, catching):
    for _ in range(phase - 1):
        built.apply()
    plant(monkeypatch, fault)
    said = built.refused(1, "apply", PLAN, "--format", "json")
    assert said.json["verdict"] == "failed"
    failed = {name for name, outcome in outcomes(said).items() if outcome == "failed"}
    assert catching <= failed, said.out


def plant(monkeypatch, fault):
    """Let the rewriter write a bad split: after it has settled what it can, where the compiler would repair it."""
    right = attempt.move_items
    if fault is untidy:
        monkeypatch.setattr(attempt, "rewrap", lambda change, wanted: fault(change))
    else:
        monkeypatch.setattr(attempt, "move_items", lambda world: fault(right(world)))


def test_after_a_fault_the_copy_for_building_is_sound_again(built, monkeypatch):
    with monkeypatch.context() as patched:
        plant(patched, altered_constant_of_memory)
        built.refused(1, "apply", PLAN)
    built.apply(level="standard")


def test_the_faults_leave_no_check_untried():
    caught = set().union(*(catching for *_, catching in FAULTS))
    assert caught == set(CHECKS["standard"])


def test_a_check_that_cannot_be_made_has_to_be_accepted_by_name(built):
    arguments = ("apply", PLAN, "--test-command", "echo no tests here", "--format", "json")
    said = built.refused(1, *arguments)
    assert said.json["verdict"] == "incomplete"
    assert outcomes(said)["tests"] == "skipped"
    said = built.refused(1, *arguments, "--accept-missing", "mir")
    assert said.json["verdict"] == "incomplete"
    said = built.done(*arguments, "--accept-missing", "tests")
    assert said.json["verdict"] == "passed"
    assert outcomes(said)["tests"] == "skipped"
    assert built.done("status", PLAN, "--format", "json").json["phases"][0]["done"]


def test_accepting_does_not_help_against_a_failure(built, monkeypatch):
    plant(monkeypatch, untidy)
    said = built.refused(1, "apply", PLAN, "--accept-missing", "format", "--format", "json")
    assert said.json["verdict"] == "failed"


def test_a_dry_run_with_cargo_shows_what_will_be_written(built, tmp_path):
    patch = tmp_path / "patch"
    patch.write_text(built.refused(0, "apply", PLAN, "--dry-run").out)
    before = built.files()
    built.git("apply", str(patch))
    previewed = built.files()
    assert previewed != before
    built.git("reset", "--quiet", "--hard")
    built.git("clean", "--quiet", "--force", "-d")
    built.apply(level="standard")
    assert built.files() == previewed
