"""A plan that outlives an edit of its source, and what can be asked of it."""

from dataclasses import replace

from splitter.errors import Problem
from splitter.planner.explain import Explanation, explain_item
from splitter.planner.plan import PlanOptions
from splitter.planner.refresh import refresh_plan


def moved(plan, key, path):
    """The plan after a person moved one item."""
    phases = []
    for phase in plan.phases:
        modules = []
        for module in phase.modules:
            items = tuple(item for item in module.items if item != key) + ((key,) if module.path == path else ())
            modules.append(replace(module, items=items, locked=(key,) if module.path == path else ()))
        phases.append(replace(phase, modules=tuple(modules)))
    return replace(plan, phases=tuple(phases))


def test_an_unchanged_source_changes_nothing(plan, graph, runtime):
    old = plan(runtime)
    made = refresh_plan(graph(runtime), old, PlanOptions())
    assert (made.plan, made.added, made.gone) == (old, (), ())


def test_what_a_person_decided_stays_and_stays_locked(plan, graph, runtime):
    old = moved(plan(runtime), "fn:rt_map_new", "hash/sha1")
    made = refresh_plan(graph(runtime + "pub fn more() {}\n"), old, PlanOptions())
    assert made.plan.placed["fn:rt_map_new"] == "hash/sha1"
    assert [m.locked for p in made.plan.phases for m in p.modules if m.path == "hash/sha1"] == [("fn:rt_map_new",)]


def test_new_items_join_their_kin_and_gone_ones_are_reported(plan, graph, runtime):
    later = runtime.replace("fn rt_sha1_free()", "fn rt_sha1_reset()")
    made = refresh_plan(graph(later), plan(runtime), PlanOptions())
    assert made.added == ("fn:rt_sha1_reset",)
    assert made.gone == ("fn:rt_sha1_free",)
    assert made.plan.placed["fn:rt_sha1_reset"] == "hash/sha1"


def test_a_new_domain_gets_a_phase_of_its_own(plan, graph, runtime):
    late = "".join(f'#[no_mangle]\npub extern "C" fn rt_base64_{verb}() {{}}\n' for verb in ("encode", "decode", "len"))
    made = refresh_plan(graph(runtime + late), plan(runtime), PlanOptions())
    last = made.plan.phases[-1]
    assert [module.path for module in last.modules] == ["base64"]
    assert last.number == len(made.plan.phases)


def test_what_was_left_in_the_residue_stays_there(plan, graph, runtime):
    old = moved(plan(runtime), "fn:rt_map_new", "")
    made = refresh_plan(graph(runtime), old, PlanOptions(), residue=frozenset(("fn:rt_map_new",)))
    assert "fn:rt_map_new" not in made.plan.placed


def test_an_explanation_names_kin_users_and_alternatives(plan, graph, runtime):
    made = explain_item(graph(runtime), plan(runtime), "fn:rt_sha1_new")
    assert isinstance(made, Explanation)
    assert made.module == made.nearest[0].module == made.alternatives[0][0] == "hash/sha1"
    assert ("fn:sha1_step", "hash/sha1") in made.uses
    assert ("fn:fail", None) in made.uses
    assert all(likeness.terms for likeness in made.nearest)


def test_an_unknown_item_is_answered_with_the_nearest(plan, graph, runtime):
    made = explain_item(graph(runtime), plan(runtime), "fn:rt_sha1_nwe")
    assert isinstance(made, Problem)
    assert "fn:rt_sha1_new" in made.suggestion
