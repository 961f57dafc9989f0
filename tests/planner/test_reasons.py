"""The words that say why a function stands where it does."""

from splitter.graph.build import build_graph
from splitter.planner.features import find_features
from splitter.planner.reasons import count_words, tally, why_together
from splitter.planner.units import find_units
from splitter.source.parse import parse


def reasons(text, module=""):
    """Why each function stands in a module of those whose names contain `module`."""
    graph = build_graph(parse("src/ffi.rs", text.encode()))
    units = find_units(graph)
    features = find_features(graph, units)
    members = [pair for pair in zip(units, features, strict=True) if module in pair[0].name]
    counts = tally(graph, members, frozenset(), count_words(features, frozenset()))
    return {unit.key: why_together(graph, unit, one, counts) for unit, one in members}


def test_a_reason_counts_the_others_and_never_the_function_itself():
    found = reasons("fn birch_grow() {}\nfn birch_fell() {}\nfn lonely() {}\n")
    assert found["fn:birch_grow"] == "named `birch` like 1 of 2; stands beside them in the file"
    assert found["fn:lonely"] == "stands beside them in the file"


def test_a_word_that_other_modules_have_as_well_tells_less():
    rows = "fn birch_root_grow() {}\nfn birch_root_rot() {}\nfn birch_leaf_grow() {}\nfn birch_twig_grow() {}\n"
    assert reasons(rows, "root")["fn:birch_root_rot"].startswith("named `root` like 1 of 1")


def test_what_is_used_together_is_a_reason():
    found = reasons("static POOL: u8 = 0;\nfn grow() { let _ = POOL; }\nfn fell() { let _ = POOL; }\n")
    assert found["fn:grow"].startswith("uses `POOL` like 1 of them")


def test_one_alone_stands_by_itself():
    assert reasons("fn alone() {}\n") == {"fn:alone": "stands by itself: nothing else in the file is like it"}
