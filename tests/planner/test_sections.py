"""A module that is far too large, and the banners that divide it."""

import pytest

from splitter.planner.plan import PlanOptions, make_plan
from splitter.planner.rules import parse_rules

_SECTIONS = ("types", "json", "code")


def section(title, count, lines):
    body = "\n".join("    at + 1;" for _ in range(lines))
    functions = "".join(f"fn {title}_step_{at}(at: i64) {{\n{body}\n}}\n\n" for at in range(count))
    calls = " ".join(f"{title}_step_{at}(0);" for at in range(count))
    return f'// ---- {title} ----\n\n{functions}#[no_mangle]\npub extern "C" fn rt_compiler_{title}() {{ {calls} }}\n\n'


@pytest.fixture
def large(runtime):
    """The runtime with a compiler of three sections, each of 200 lines, and its limits before them."""
    limits = "// ---- compiler limits ----\n\nconst COMPILER_MOST: i64 = 1;\n\n"
    text = runtime + limits + "".join(section(title, 4, 50) for title in _SECTIONS)
    return text.replace("fn rt_compiler_types() {", "fn rt_compiler_types() { let _ = COMPILER_MOST;")


def test_the_sections_of_a_module_that_is_too_large_become_modules(plan, large):
    placed = plan(large, target_lines=100).placed
    assert "compiler" not in placed.values()
    for title in _SECTIONS:
        assert placed[f"fn:rt_compiler_{title}"] == placed[f"fn:{title}_step_2"] == f"compiler/{title}"


def test_what_stands_in_no_such_section_is_shared(plan, large):
    assert plan(large, target_lines=100).placed["const:COMPILER_MOST"] == "compiler/shared"


def test_a_module_that_is_not_too_large_stays_whole(plan, large):
    placed = plan(large, target_lines=1000).placed
    assert {placed[f"fn:rt_compiler_{title}"] for title in _SECTIONS} == {"compiler"}


def test_a_module_that_a_rule_is_about_stays_whole(graph, large):
    rules = parse_rules('[modules]\n"compiler" = ["rt_compiler_json"]\n', "rules.toml")
    placed = make_plan(graph(large), PlanOptions(target_lines=100, rules=rules)).placed
    assert {placed[f"fn:rt_compiler_{title}"] for title in _SECTIONS} == {"compiler"}


def test_a_macro_goes_with_the_one_section_that_uses_it_and_stays_where_several_do(plan, large):
    macro = "macro_rules! quick { () => {}; }\n\n// ---- compiler limits ----\n\n"
    used = large.replace("// ---- compiler limits ----\n\n", macro)
    one = used.replace("fn rt_compiler_json() {", "fn rt_compiler_json() { quick!();")
    assert plan(one, target_lines=100).placed["macro:quick"] == "compiler/json"
    two = one.replace("fn rt_compiler_code() {", "fn rt_compiler_code() { quick!();")
    assert "macro:quick" not in plan(two, target_lines=100).placed
