"""What the words of a file say to the planner: banners, and names that the lexicon knows."""

import pytest

from splitter.graph.build import build_graph
from splitter.planner.features import banner_title, find_features, usual_words
from splitter.planner.lexicon import load_lexicon
from splitter.planner.units import find_units
from splitter.source.parse import parse


@pytest.mark.parametrize("text", ["// ---- Hash ----", "// =====\n// Hash\n// =====", "/* *** hash *** */"])
def test_a_banner_gives_its_title(text):
    assert banner_title(text) == "hash"


@pytest.mark.parametrize(
    "text", ["// Hash", "// ---> read the hash", "// a --> b ---> c", "/// ---- Hash ----", "// -----"]
)
def test_other_comments_are_no_banners(text):
    assert banner_title(text) == ""


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("map_new", "concurrent/map"),
        ("shared_concurrent_map", "concurrent/map"),
        ("opcode_map", None),
        ("push_on_stack", None),
        ("take_sha1", "hash/sha1"),
    ],
)
def test_a_prefix_tells_where_a_name_begins_a_word_anywhere(name, path):
    told = [domain.path for domain in load_lexicon().telling(tuple(name.split("_")))]
    assert (path in told) if path else not any(one.startswith("concurrent") for one in told), told


def features_of(*functions, head='#[no_mangle]\npub extern "C" '):
    text = "".join(f"{head}fn {name}() {{}}\n" for name in functions)
    graph = build_graph(parse("ffi.rs", text.encode()))
    return find_features(graph, find_units(graph, frozenset()))


def names_of(*functions):
    return ["_".join(one.name) for one in features_of(*functions)]


@pytest.mark.parametrize("head", ["", "pub "])
def test_a_word_that_most_functions_begin_with_names_nothing(head):
    assert usual_words(features_of("write_enum", "write_type", "close", head=head)) == {"write"}
    assert usual_words(features_of("write_enum", "read_type", "close", head=head)) == set()


def test_where_there_are_entry_points_their_words_count():
    made = (*features_of("rt_map", "rt_list"), *features_of("write_a", "write_b", "write_c", head=""))
    assert usual_words(made) == {"rt"}


WORDS = ("map", "array", "text", "doc", "input", "output", "undo", "weak")


def test_a_letter_that_is_one_with_all_first_words_is_a_word_of_its_own():
    assert names_of(*(f"y{word}_len" for word in WORDS)) == [f"y_{word}_len" for word in WORDS]


def test_a_letter_that_some_first_words_have_is_part_of_them():
    some = [*(f"y{word}_len" for word in WORDS), "branch_len"]
    assert names_of(*some) == some


def test_a_prefix_alone_tells_a_member_of_a_family_only_in_company(plan):
    def paths(*groups):
        functions = [(group, verb) for group in groups for verb in ("new", "len", "get", "put", "find", "free")]
        text = "".join(
            f'#[no_mangle]\npub extern "C" fn rt_{group}_{verb}() {{ {group}_step() }}\n' for group, verb in functions
        )
        return set(plan(text + "".join(f"fn {group}_step() {{}}\n" for group in groups)).placed.values())

    assert "map" in paths("map", "colour")
    assert "concurrent/map" in paths("map", "queue")


def test_a_member_of_a_family_is_told_only_where_the_family_is_spoken_of():
    autograd = load_lexicon().domain("pytorch/autograd")
    assert autograd.tells(("backward", "references"))
    assert not autograd.is_spoken({"backward", "references"})
    assert autograd.is_spoken({"rt", "torch", "backward"})
