"""What the words of a file say to the planner: banners, and names that the lexicon knows."""

import pytest

from splitter.planner.features import banner_title
from splitter.planner.lexicon import load_lexicon


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
