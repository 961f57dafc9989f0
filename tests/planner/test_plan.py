"""What a plan places where, on sources that a reader can hold in mind."""

import subprocess
import sys
from itertools import pairwise

import pytest

from splitter.model.plan import Layout


def test_families_of_the_lexicon_become_nested_modules(plan, runtime):
    made = plan(runtime)
    assert {"value_ops", "hash/sha1", "hash/sha256", "concurrent/map", "concurrent/queue", "strings"} == set(
        made.placed.values()
    )
    assert made.placed["fn:rt_sha1_new"] == "hash/sha1"


def test_what_one_module_uses_goes_along_and_what_all_use_stays(plan, runtime):
    placed = plan(runtime).placed
    assert placed["static:SHA1S"] == placed["fn:sha1_step"] == placed["struct:Sha1State"] == "hash/sha1"
    assert "fn:fail" not in placed


def test_impls_follow_their_type(plan, runtime):
    placed = plan(runtime).placed
    assert placed["impl:Drop for MapState"] == placed["struct:MapState"]


def test_tests_and_imports_never_move(plan, runtime):
    assert not any(key.startswith(("use:", "mod:", "inner")) for key in plan(runtime).placed)


def test_a_banner_goes_with_its_section(plan, runtime):
    made = plan(runtime)
    assert made.placed["note:sha1"] == "hash/sha1"


def test_core_values_are_the_first_phase_and_every_number_is_in_order(plan, runtime):
    phases = plan(runtime).phases
    assert phases[0].name == "core values"
    assert [phase.number for phase in phases] == list(range(1, len(phases) + 1))
    assert all(phase.reason for phase in phases)


def test_every_placed_item_has_a_reason_and_every_module_a_sentence(plan, runtime):
    for phase in plan(runtime).phases:
        for module in phase.modules:
            assert set(module.why) == set(module.items)
            assert all(module.why.values())
            assert module.doc.endswith(".")


def test_items_stand_in_file_order(plan, graph, runtime):
    order = {item.key: at for at, item in enumerate(graph(runtime).source.items)}
    for phase in plan(runtime).phases:
        for module in phase.modules:
            assert all(order[left] < order[right] for left, right in pairwise(module.items))


def test_options_reach_the_plan(plan, runtime):
    made = plan(runtime, layout=Layout.LEGACY, source_path="native/src/ffi.rs")
    assert (made.layout, made.source) == (Layout.LEGACY, "native/src/ffi.rs")


def test_smaller_wishes_give_no_fewer_modules(plan):
    text = "".join(
        f"pub fn {a}_{b}() {{ {a}_{(b + 1) % 9}(); }}\n" for a in ("apple", "pear", "plum") for b in range(9)
    )
    assert len(set(plan(text, target_lines=60).placed.values())) >= len(
        set(plan(text, target_lines=1000).placed.values())
    )


def test_reserved_names_are_not_taken(plan, runtime):
    made = plan(runtime, reserved=frozenset(("hash", "strings", "value_ops")))
    tops = {path.split("/")[0] for path in made.placed.values()}
    assert not tops & {"hash", "strings", "value_ops"}


def test_a_module_does_not_shadow_what_an_import_brings(plan):
    text = "use std::env;\n\n" + "".join(
        f"pub fn env_{verb}() {{ env::args(); }}\n" for verb in ("read", "list", "drop")
    )
    assert "env" not in plan(text).placed.values()


def test_cfg_twins_stay_together(plan):
    text = "".join(
        f"#[cfg({cfg})]\npub fn {name}() {{ {name.split('_')[0]}_all(); }}\n\n"
        for cfg in ("unix", "not(unix)")
        for name in ("disk_read", "disk_write", "clock_now", "clock_tick", "lamp_on", "lamp_off")
    )
    placed = plan(text).placed
    for name in ("disk_read", "clock_now", "lamp_on"):
        assert placed[f"fn:{name}"] == placed[f"fn:{name}#2"]


def test_gated_families_come_last(plan, runtime):
    gated = "".join(
        f'#[cfg(feature = "pytorch")]\n#[no_mangle]\npub extern "C" fn rt_torch_tensor_{verb}() {{}}\n\n'
        for verb in ("zeros", "ones", "shape", "free")
    )
    made = plan(gated + runtime)
    assert made.phases[-1].name == "pytorch"
    assert "feature" in made.phases[-1].reason


@pytest.mark.parametrize(
    "text",
    [
        "use std::fmt;\n",
        "struct Alone;\n",
        "fn only() {}\n",
        "#[test]\nfn checks() {}\n",
        "thread_local! { static X: u8 = 0; }\n",
        "const _: () = ();\n",
        "macro_rules! m { () => {}; }\n",
        'extern "C" { fn puts(); }\n',
    ],
)
def test_the_smallest_sources_have_a_plan(plan, text):
    made = plan(text)
    assert set(made.placed) <= {"fn:only"}


def test_exported_redefined_and_imported_macros_stay(plan):
    text = """
#[macro_export]
macro_rules! open { () => {}; }
macro_rules! twice { () => { 1 }; }
pub fn early_first() { twice!(); open!(); }
macro_rules! twice { () => { 2 }; }
macro_rules! named { () => {}; }
pub(crate) use named;
macro_rules! local { () => {}; }
pub fn late_first() { local!(); named!(); }
pub fn late_second() { local!(); late_first(); }
"""
    placed = plan(text).placed
    assert homes_of(placed, "macro:open", "macro:twice", "macro:twice#2", "macro:named") == {None}
    assert "fn:early_first" not in placed, "it would see the last definition"
    assert placed["macro:local"] == placed["fn:late_first"]


def homes_of(placed, *keys):
    return {placed.get(key) for key in keys}


def test_a_plan_does_not_depend_on_the_order_of_sets(tmp_path, runtime, root):
    source = tmp_path / "ffi.rs"
    source.write_text(runtime, encoding="utf-8")
    script = (
        "import sys; from pathlib import Path; from splitter.source.parse import parse;"
        "from splitter.graph.build import build_graph; from splitter.planner.plan import make_plan, PlanOptions;"
        "print(repr(make_plan(build_graph(parse('ffi.rs', Path(sys.argv[1]).read_bytes())), PlanOptions())))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script, str(source)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_two_calls_of_one_macro_are_no_twins(plan, runtime):
    cells = "".join(
        f"thread_local! {{ static {name.upper()}_SEEN: u8 = 0; }}\n"
        f'#[no_mangle]\npub extern "C" fn rt_{name}_seen() {{ {name.upper()}_SEEN.with(|one| *one); }}\n'
        for name in ("sha1", "map")
    )
    placed = plan(cells + runtime).placed
    assert placed["call:thread_local"] == "hash/sha1"
    assert placed["call:thread_local#2"] == "concurrent/map"


def test_what_only_tests_use_stays_with_them(plan, runtime):
    assert "const:ONLY" not in plan("const ONLY: u8 = 0;\n" + runtime.replace("{ fail(); } }", "{ ONLY; } }")).placed


def test_foreign_blocks_stay_unless_one_module_uses_them(plan, runtime):
    block = 'extern "C" { fn puts(); }\n'
    assert "extern:C" not in plan(block + runtime).placed
    used = runtime.replace("fn rt_sha1_new() {", "fn rt_sha1_new() { puts();")
    assert plan(block + used).placed["extern:C"] == "hash/sha1"


def test_helpers_that_call_each_other_go_to_those_who_call_them(plan, runtime):
    circle = "fn odd() { even(); }\nfn even() { odd(); probe(); }\nfn probe() {}\n"
    used = runtime.replace("fn rt_sha1_new() {", "fn rt_sha1_new() { odd();")
    placed = plan(circle + used).placed
    assert homes_of(placed, "fn:odd", "fn:even", "fn:probe") == {"hash/sha1"}


def test_what_only_a_family_shares_is_a_module_of_the_family(plan, runtime):
    block = "".join(f"struct Block{name} {{ at: i64 }}\n" for name in ("Head", "Body", "Tail"))
    body = "let _ = (BlockHead { at: 0 }, BlockBody { at: 0 }, BlockTail { at: 0 });"
    used = runtime.replace("fn rt_sha1_new() {", f"fn rt_sha1_new() {{ {body}")
    placed = plan(block + used.replace("fn rt_sha256_new() {", f"fn rt_sha256_new() {{ {body}")).placed
    assert homes_of(placed, "struct:BlockHead", "struct:BlockBody", "struct:BlockTail") == {"hash/shared"}
    more = used.replace("fn rt_map_new() {", f"fn rt_map_new() {{ {body}")
    assert "struct:BlockHead" not in plan(block + more).placed, "another family uses it too"


def test_a_type_that_several_use_goes_to_the_module_that_it_is_named_after(plan, runtime):
    used = runtime.replace("fn rt_map_new() {", "fn rt_map_new() { let _ = Sha256State { at: 0 };")
    assert plan(used).placed["struct:Sha256State"] == "hash/sha256"


def test_what_several_use_goes_to_the_module_in_whose_section_it_stands(plan, runtime):
    pad = runtime.replace("// ---- sha1 ----\n\n", "// ---- sha1 ----\n\nstruct Pad { at: i64 }\n")
    used = pad.replace("fn rt_sha1_new() {", "fn rt_sha1_new() { let _ = Pad { at: 0 };")
    placed = plan(used.replace("fn rt_map_new() {", "fn rt_map_new() { let _ = Pad { at: 0 };")).placed
    assert placed["struct:Pad"] == "hash/sha1"


def test_what_stands_in_for_a_gated_family_comes_with_it(plan, runtime):
    gated = "".join(
        f'#[cfg({gate})]\n#[no_mangle]\npub extern "C" fn rt_torch_{name}_{verb}() {{}}\n\n'
        for name, gate in (("tensor", 'feature = "pytorch"'), ("dataset", 'not(feature = "pytorch")'))
        for verb in ("zeros", "ones", "shape", "free")
    )
    made = plan(gated + runtime)
    assert {module.path for module in made.phases[-1].modules} == {"pytorch/tensor", "pytorch/dataset"}


def test_many_modules_that_share_a_word_become_families(plan):
    topics = ("apple_cake", "apple_juice", "pear_cake", "pear_juice", "plum_cake", "plum_juice")
    text = "".join(
        f"// ---- {topic} ----\n\n"
        + "".join(f"pub fn {verb}_{topic}_{at}() {{ {verb}_{topic}_{(at + 1) % 9}(); }}\n" for at in range(9))
        for verb, topic in zip(("bake", "press", "cut", "mash", "slice", "boil"), topics, strict=True)
    )
    paths = set(plan(text).placed.values())
    families = {path.split("/")[0] for path in paths if "/" in path}
    assert families & {"apple", "pear", "plum", "cake", "juice"}
    assert all(sum(path.startswith(f"{one}/") for path in paths) > 1 for one in families)


def test_a_name_is_no_word_cut_in_half(plan):
    words = ("matches", "entries", "alias", "status")
    text = "".join(
        f"// ---- {word} ----\n\n"
        + "".join(f"pub fn {word}_{verb}() {{}}\n" for verb in ("ready", "done", "lost", "old"))
        for word in words
    )
    stems = {part for path in plan(text).placed.values() for part in path.replace("/", "_").split("_")}
    assert stems & {"match", "entry", "alias", "status"}
    assert not stems & {"matche", "entrie", "alia", "statu"}


def test_a_macro_of_two_modules_stays_whatever_its_name(plan, runtime):
    used = "macro_rules! sha1_step_quick { () => {}; }\n" + runtime.replace(
        "fn rt_sha1_new() {", "fn rt_sha1_new() { sha1_step_quick!();"
    )
    assert plan(used).placed["macro:sha1_step_quick"] == "hash/sha1"
    more = used.replace("fn rt_map_new() {", "fn rt_map_new() { sha1_step_quick!();")
    assert "macro:sha1_step_quick" not in plan(more).placed


def test_a_macro_that_tests_use_as_well_stays(plan, runtime):
    used = "macro_rules! sha1_step_quick { () => {}; }\n" + runtime.replace(
        "fn rt_sha1_new() {", "fn rt_sha1_new() { sha1_step_quick!();"
    )
    tested = used.replace("fn it_works() {", "fn it_works() { sha1_step_quick!();")
    assert "macro:sha1_step_quick" in plan(used).placed
    assert "macro:sha1_step_quick" not in plan(tested).placed


def test_what_a_macro_makes_private_stays_within_reach_of_all_that_use_it(plan, runtime):
    made = "macro_rules! state { ($name:ident) => { struct $name(i64); }; }\nstate!(Shared);\n" + runtime
    used = made.replace("fn rt_sha1_new() {", "fn rt_sha1_new() { let _ = Shared(1);")
    assert plan(used).placed["call:state"] == "hash/sha1"
    more = used.replace("fn rt_map_new() {", "fn rt_map_new() { let _ = Shared(2);")
    assert "call:state" not in plan(more).placed


def test_modules_that_a_condition_chooses_stay_beside_their_files(plan, runtime):
    placed = plan(runtime + "cfg_if! { if #[cfg(unix)] { mod sha1_unix; } else { mod sha1_other; } }\n").placed
    assert not [key for key in placed if key.startswith("call:")]


def test_a_helper_of_many_modules_stands_with_what_it_is_like(plan):
    trees = ("birch", "cedar", "maple", "rowan", "alder")
    text = "".join(
        "".join(f"pub fn {tree}_{verb}() {{ {tree}_step(); maple_grade(); }}\n" for verb in ("grow", "fell", "saw"))
        + f"fn {tree}_step() {{}}\n"
        + "fn maple_grade() { maple_step(); }\n" * (tree == "maple")
        for tree in trees
    )
    placed = plan(text).placed
    assert len(homes_of(placed, *(f"fn:{tree}_grow" for tree in trees))) > 2
    assert len(homes_of(placed, "fn:maple_grade", "fn:maple_grow", "fn:maple_saw")) == 1
