"""A wrong plan is refused with all its problems at once, each on its line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitter.errors import PlanError
from splitter.planfile import load

SHA = "0" * 64
GOOD = f"""\
format = 1

[source]
path   = "src/ffi.rs"
sha256 = "{SHA}"
layout = "legacy"

[[phase]]
number = 1
name   = "one"
reason = "first"

  [[phase.module]]
  path   = "value_ops"
  doc    = "Values."
  items  = ["fn:a", "fn:b"]
  locked = ["fn:a"]

  [[phase.module]]
  path   = "hash/sha1"
  items  = [
    "fn:c",
    "fn:d",  # stays near c
  ]

[[phase]]
number = 2
name   = "two"

  [[phase.module]]
  path   = "arrays"
  items  = ["fn:e"]
"""


def problems(text):
    with pytest.raises(PlanError) as caught:
        load(text, "plan.toml")
    return [str(problem) for problem in caught.value.problems]


def test_the_plan_that_the_others_spoil_is_good():
    assert load(GOOD, "plan.toml").placed["fn:d"] == "hash/sha1"


CASES = {
    "syntax": ('name   = "two"', 'name   = "two', "28: this is no TOML: illegal character '\\n' (column 14)"),
    "a table twice": ("[[phase]]\nnumber = 2", "[source]\n[[phase]]\nnumber = 2", "26: this is no TOML: "),
    "end of the file": (GOOD[GOOD.rindex("items") :], 'items  = ["fn:e"', "32: this is no TOML: "),
    "format": ("format = 1", "format = 2", "1: format 2 is not known (this version reads format 1)"),
    "format as text": ("format = 1", 'format = "1"', "1: `format` has to be a whole number, not a string"),
    "format as truth": (
        "format = 1",
        "format = true",
        "1: `format` has to be a whole number, not true or false",
    ),
    "unknown key above": (
        "format = 1",
        "format = 1\nfromat = 1",
        "2: unknown key `fromat` in the plan (did you mean `format`?)",
    ),
    "unknown key in source": (
        "layout =",
        "layuot =",
        "6: unknown key `layuot` in `[source]` (did you mean `layout`?)",
    ),
    "unknown key in phase": (
        'name   = "two"',
        'name = "two"\ntitle = "x"',
        "29: unknown key `title` in a `[[phase]]` (known here: number, name, reason, module)",
    ),
    "unknown key in module": (
        "  doc    =",
        '  "docs" =',
        "15: unknown key `docs` in a `[[phase.module]]` (did you mean `doc`?)",
    ),
    "no format": ("format = 1\n", "", "1: the plan lacks `format`"),
    "no digest": (f'sha256 = "{SHA}"\n', "", "3: `[source]` lacks `sha256`"),
    "no phase number": ("number = 2\n", "", "26: a `[[phase]]` lacks `number`"),
    "no module path": ('  path   = "arrays"\n', "", "30: a `[[phase.module]]` lacks `path`"),
    "no items": ('  items  = ["fn:e"]\n', "", "30: a `[[phase.module]]` lacks `items`"),
    "digest": (SHA, "abc", "5: `sha256` has to be 64 hexadecimal digits in lower case"),
    "layout": ('"legacy"', '"inlined"', "6: unknown layout `inlined` (did you mean `inline`?)"),
    "phase is a table": (
        GOOD[GOOD.index("[[phase]]") :],
        "[phase]\nnumber = 1",
        "8: `phase` has to be an array, not a table",
    ),
    "module is a text": (
        '[[phase.module]]\n  path   = "arrays"\n  items  = ["fn:e"]',
        'module = ["arrays"]',
        "30: each `module` has to be a table (write `[[phase.module]]`)",
    ),
    "item is a number": ('    "fn:c",', "    12,", "22: `items` has to hold strings, not a whole number"),
    "item twice": (
        '["fn:e"]',
        '["fn:e", "fn:b"]',
        "32: `fn:b` is placed twice: it stands in `value_ops` already (line 16)",
    ),
    "item twice in one module": (
        '    "fn:c",',
        '    "fn:c",\n    "fn:c",',
        "23: `fn:c` is placed twice: it stands in `hash/sha1` already (line 22)",
    ),
    "keyword": (
        "hash/sha1",
        "hash/impl",
        "20: module path `hash/impl`: `impl` is a keyword of Rust (try `impl_`)",
    ),
    "no identifier": (
        "hash/sha1",
        "hash/sha-1",
        "20: module path `hash/sha-1`: `sha-1` is no identifier of Rust (in ASCII) (did you mean `sha_1`?)",
    ),
    "beyond ASCII": (
        "hash/sha1",
        "hash/clé",
        "20: module path `hash/clé`: `clé` is no identifier of Rust (in ASCII)",
    ),
    "underscore": ("hash/sha1", "_", "20: module path `_`: `_` is no identifier"),
    "dots": ("hash/sha1", "../sha1", "20: module path `../sha1`: `..` is no identifier"),
    "module twice": (
        '"arrays"',
        '"hash/sha1"',
        "31: module `hash/sha1` is there already (line 20; join the two)",
    ),
    "module twice but for case": ('"arrays"', '"hash/SHA1"', "31: module `hash/SHA1` is there already"),
    "empty phase": ('  items  = ["fn:e"]', "  items = []", "26: phase 2 is empty: it moves no item"),
    "phase without a module": (
        GOOD[GOOD.index('  [[phase.module]]\n  path   = "arrays"') :],
        "module = []",
        "26: phase 2 is empty",
    ),
    "empty module": ('["fn:a", "fn:b"]', "[]", "14: module `value_ops` is empty: no item goes there"),
    "phase order": (
        "number = 2",
        "number = 3",
        "27: phase number 3 is out of order (phases are numbered 1, 2, 3 … in their order: this is 2)",
    ),
    "locked elsewhere": (
        'locked = ["fn:a"]',
        'locked = ["fn:c"]',
        "17: `fn:c` is locked here, but not among the items of this module",
    ),
    "above the root": (
        "src/ffi.rs",
        "../ffi.rs",
        "4: the source path `../ffi.rs` leaves the root of the tree",
    ),
    "out of the root after all": (
        "src/ffi.rs",
        "src/../../ffi.rs",
        "4: the source path `src/../../ffi.rs` leaves the root",
    ),
    "absolute": ("src/ffi.rs", "/src/ffi.rs", "4: the source path `/src/ffi.rs` leaves the root"),
    "detour": (
        "src/ffi.rs",
        "./src/ffi.rs",
        "4: the source path `./src/ffi.rs` takes a detour (write `src/ffi.rs`)",
    ),
    "no file": ("src/ffi.rs", "", "4: the source path '' names no file"),
    "a file of the residue": (
        '"arrays"',
        '"ffi_legacy"',
        "31: module `ffi_legacy` takes the name of the file that the residue goes to",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_problem(case):
    old, new, expected = CASES[case]
    assert GOOD.count(old) >= 1
    at = GOOD.rindex(old)
    spoiled = GOOD[:at] + new + GOOD[at + len(old) :]
    found = problems(spoiled)
    assert any(problem.startswith(f"plan.toml:{expected}") for problem in found), found


def test_all_problems_come_at_once_in_the_order_of_lines():
    spoiled = (
        GOOD.replace("format = 1", "format = 9")
        .replace("src/ffi.rs", "/ffi.rs")
        .replace('"hash/sha1"', '"hash/fn"')
        .replace("number = 2", "numbre = 2")
        .replace('"fn:e"', '"fn:a"')
    )
    lines = [int(re.match(r"plan.toml:(\d+):", problem)[1]) for problem in problems(spoiled)]
    assert lines == [1, 4, 20, 26, 27, 32]


def test_the_file_of_the_residue_of_a_mod_rs_is_named_by_its_folder():
    text = GOOD.replace("src/ffi.rs", "src/ffi/mod.rs").replace('"arrays"', '"ffi_legacy"')
    assert "takes the name of the file" in problems(text)[0]


def test_a_parent_may_have_no_items_of_its_own():
    text = GOOD.replace('path   = "arrays"', 'path   = "hash"\n  items  = []\n  [[phase.module]]\n  path = "arrays"')
    assert load(text, "plan.toml").phases[1].modules[0].items == ()


def test_a_deep_nest_and_a_huge_number_are_problems_too():
    assert "nested too deeply" in problems("x = " + "[" * 5000 + "]" * 5000)[0]
    assert "no TOML" in problems("format = " + "9" * 5000)[0]


@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 40),
    st.text(st.sampled_from("[]{}=\"'#\n,.ab1 \\\r"), max_size=6),
)
def test_whatever_is_typed_is_read_or_refused_with_a_line(start, length, typed):
    text = GOOD[:start] + typed + GOOD[start + length :]
    try:
        load(text, "plan.toml")
        lines = {1}
    except PlanError as error:
        lines = {problem.line for problem in error.problems}
    assert lines
    assert lines <= set(range(1, text.count("\n") + 2))
