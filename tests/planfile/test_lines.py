"""Lines of a TOML text agree with what `tomllib` reads from it."""

import tomllib

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from splitter.plan_lines import find_lines, line_of

TEXT = '''\
a = 1  # [x]
"b c".d = """
[no.table]
"""
e = [ "]", \'#\',  # one
  [2, 3], { f = 1, g.h = [
  4] } ]
i = """a"""""
j = \'\'\'
=\'\'\'

[k]
l = 1979-05-27 07:32:00
[[k.m]]
n = -0.5e3
[[k.m]]
[k.m.o]
p = ""
'''


def test_every_kind_of_value():
    tomllib.loads(TEXT)
    assert find_lines(TEXT) == {
        ("a",): 1,
        ("b c",): 2,
        ("b c", "d"): 2,
        ("e",): 5,
        ("e", 0): 5,
        ("e", 1): 5,
        ("e", 2): 6,
        ("e", 2, 0): 6,
        ("e", 2, 1): 6,
        ("e", 3): 6,
        ("e", 3, "f"): 6,
        ("e", 3, "g"): 6,
        ("e", 3, "g", "h"): 6,
        ("e", 3, "g", "h", 0): 7,
        ("i",): 8,
        ("j",): 9,
        ("k",): 12,
        ("k", "l"): 13,
        ("k", "m"): 14,
        ("k", "m", 0): 14,
        ("k", "m", 0, "n"): 15,
        ("k", "m", 1): 16,
        ("k", "m", 1, "o"): 17,
        ("k", "m", 1, "o", "p"): 18,
    }


def test_what_does_not_stand_there_is_where_it_should_be():
    assert line_of({("k",): 4}, ("k", "x", 3)) == 4
    assert line_of({("k",): 4}, ("z",)) == 1


KEYS = st.text(st.characters(codec="utf-8"), max_size=5)
VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans())
def test_every_value_has_a_line(tree, multiline):
    text = tomli_w.dumps(tree, multiline_strings=multiline)
    lines = find_lines(text)
    assert set(lines) == set(places(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


def places(value, place=()):
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*place, key)
        yield from places(child, (*place, key))
