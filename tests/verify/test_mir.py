"""`mir` catches another meaning behind the same names; numbers, places and order mean nothing."""

import re
from dataclasses import replace

import pytest
from hand_split import COUNTER, MIR_AFTER, MIR_BEFORE, MONOLITH

from splitter.model.check import Outcome
from splitter.verify.mir import check_mir

FAULTS = {
    "another helper called": ("_3 = ffi::counter::twice(", "_3 = ffi::counter::thrice("),
    "constant altered": ("const 2_u32", "const 3_u32"),
    "another function of that name outside": ("_3 = ffi::counter::twice(", "_3 = ffi::other::twice("),
    "another text behind two pointers": ("68 69 ", "68 6a "),
    "closure of another shape": (":16:5: 16:6", ":16:5: 16:10"),
    "Drop no longer called": ("[return: bb1, unwind continue]", "[return: bb2, unwind continue]"),
    "another method through a trait": ("MulWithOverflow", "AddWithOverflow"),
    "another static": ("const {alloc1: &AtomicU32}", "const {alloc3: &AtomicU32}"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_another_meaning_is_found(fault, before, remirrored, scope):
    assert check_mir(before, remirrored(*FAULTS[fault]), scope, None).outcome is Outcome.FAILED


def test_a_finding_names_item_file_and_line(before, remirrored, scope):
    found = check_mir(before, remirrored("const 2_u32", "const 3_u32"), scope, None).findings
    assert [(f.item, f.path, f.line) for f in found] == [("fn:twice", COUNTER, 15)]
    assert "const 3_u32" in found[0].message


def test_a_function_that_is_gone_is_found(before, remirrored, scope):
    whole = MIR_AFTER[MIR_AFTER.index("fn ffi::counter::twice") :]
    found = check_mir(before, remirrored(whole, ""), scope, None).findings
    assert [(f.item, f.message) for f in found] == [("fn:twice", "`ffi::twice` has no MIR any more (default)")]


def test_a_static_that_is_there_twice_is_found_by_count(before, remirrored, scope):
    static = MIR_AFTER[MIR_AFTER.index("static ") : MIR_AFTER.index("fn ffi::counter::rt_next")]
    result = check_mir(before, remirrored(static, static + static), scope, None)
    assert [f.message for f in result.findings] == ["`ffi::NEXT` had no such MIR before (default)"]


def test_every_body_is_counted_and_what_was_not_compiled_is_listed(before, after, scope):
    result = check_mir(before, after, scope, None)
    assert (result.outcome, result.compared, result.equal) == (Outcome.PASSED, 4, 4)
    assert result.lawful == ("compiled in no configuration that was built: fn:rt_text",)


def test_a_configuration_that_is_missing_after_is_found(before, after, scope):
    both = replace(before, mir={"default": MIR_BEFORE, "all features": MIR_BEFORE})
    assert check_mir(both, after, scope, None).outcome is Outcome.FAILED


def test_code_that_asks_for_its_line_is_listed_and_not_failed(before, after, edited, scope):
    was = {path: data.replace(b"n * 2", b"line!()") for path, data in before.files.items()}
    old = replace(before, files=was, mir={"default": MIR_BEFORE.replace("const 2_u32", "const 22_u32")})
    new = replace(edited("n * 2", "line!()"), mir={"default": MIR_AFTER.replace("const 2_u32", "const 17_u32")})
    for tree in (old, new):
        tree.mir["default"] = tree.mir["default"].replace(": 21:6}", ": 21:5}").replace(": 16:6}", ": 16:5}")
    result = check_mir(old, new, scope, None)
    assert result.outcome is Outcome.PASSED
    assert "fn:twice: asks for its own position (line!)" in result.lawful


@pytest.fixture
def noting(before, edited):
    """Both trees with `note!(n)` in `twice`, and a constant of its MIR before and after."""

    def make(was, now):
        files = {path: data.replace(b"n * 2", b"note!(n)") for path, data in before.files.items()}
        old = replace(before, files=files, mir={"default": MIR_BEFORE.replace("const 2_u32", f"const {was}")})
        new = replace(edited("n * 2", "note!(n)"), mir={"default": MIR_AFTER.replace("const 2_u32", f"const {now}")})
        for tree in (old, new):
            tree.mir["default"] = tree.mir["default"].replace(": 21:6}", ": 21:7}").replace(": 16:6}", ": 16:7}")
        return old, new

    return make


def test_code_that_asks_by_a_macro_of_another_file_is_listed_where_that_macro_is_known(noting, scope):
    old, new = noting("22_u32", "18_u32")
    assert check_mir(old, new, scope, None).outcome is Outcome.FAILED
    result = check_mir(replace(old, asking_macros=frozenset({"note"})), new, scope, None)
    assert result.outcome is Outcome.PASSED
    assert "fn:twice: asks for its own position (note!)" in result.lawful


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("22_u32", "17_u32"),
        ('"src/ffi.rs"', '"src/ffi/counter.rs"'),
        ('"ffi.rs"', '"ffi/counter.rs"'),
        ('"tiny::ffi"', '"tiny::ffi::counter"'),
    ],
)
def test_the_place_of_an_item_as_a_macro_of_another_crate_tells_it_is_listed(was, now, noting, scope):
    result = check_mir(*noting(was, now), scope, None)
    assert result.outcome is Outcome.PASSED
    assert "fn:twice: asks for its own position (note!)" in result.lawful


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("22_u32", "22_u32 + const 1_u32"),
        ("22_u32", "16_u32"),
        ("3_u32", "4_u32"),
        ("22_u32", '"tiny::ffi::counter"'),
        ('"src/ffi.rs"', '"src/ffi/other.rs"'),
        ('"fi.rs"', '"fi/counter.rs"'),
        ('"tiny::ffi"', '"tiny::ffi::other"'),
        ('"tiny::other"', '"tiny::ffi::counter"'),
        ('"one"', '"two"'),
    ],
)
def test_what_is_not_its_very_place_is_a_finding(was, now, noting, scope):
    assert check_mir(*noting(was, now), scope, None).outcome is Outcome.FAILED


def test_the_number_of_an_allocation_that_is_not_printed_says_nothing(before, after, scope):
    unseen = "\nconst core::NAME: &CStr = const Slice { alloc_id: alloc50, meta: 39 }: &CStr;\n"
    old = replace(before, mir={"default": MIR_BEFORE + unseen})
    for text, outcome in (("alloc222", Outcome.PASSED), ("alloc222, meta: 40 }; ", Outcome.FAILED)):
        new = replace(after, mir={"default": MIR_AFTER + unseen.replace("alloc50", text)})
        assert check_mir(old, new, scope, None).outcome is outcome


PATHS = """
alloc70 (size: {0}, align: 1) {{
    {1} │ {2}
}}
"""


def test_a_place_is_compared_in_the_contents_too(noting, scope):
    def with_content(tree, text):
        rows = PATHS.format(len(text), " ".join(f"{byte:02x}" for byte in text.encode()), text)
        whole, rest = tree.mir["default"].split("7};\n    }\n}\n", 1)
        return replace(tree, mir={"default": f"{whole}7}};\n    }}\n}}\n{rows}{rest}"})

    old, new = noting('"src/ffi.rs"', '"src/ffi/counter.rs"')
    old = with_content(old, "src/ffi.rs")
    assert check_mir(old, with_content(new, "src/ffi/counter.rs"), scope, None).outcome is Outcome.PASSED
    for other in ("src/ffi/other.rs", "one"):
        found = check_mir(old, with_content(new, other), scope, None)
        assert [f.item for f in found.findings] == ["fn:twice"]


TWICE = """
alloc20 (size: 2, align: 1) {
    68 69                                           │ hi
}
"""


def test_constants_of_one_content_may_be_one_or_two(before, after, scope):
    extra = MIR_AFTER.replace("alloc3 (size: 2", f"{TWICE.strip()}\n\nalloc3 (size: 2")
    assert check_mir(before, replace(after, mir={"default": extra}), scope, None).outcome is Outcome.PASSED
    other = extra.replace("68 69", "68 6a", 1)
    assert check_mir(before, replace(after, mir={"default": other}), scope, None).outcome is Outcome.FAILED


RING = """
alloc5 (size: 8, align: 8) {
    ╾─────alloc6─────╼ │ ╾──────╼
}

alloc6 (size: 8, align: 8) {
    ╾─────alloc5─────╼ │ ╾──────╼
}
"""


def test_allocations_that_point_at_each_other_end(before, after, scope):
    old, new = (replace(tree, mir={"default": tree.mir["default"] + RING}) for tree in (before, after))
    moved = replace(new, mir={"default": new.mir["default"].replace("alloc5", "alloc50").replace("alloc6", "alloc60")})
    assert not any("alloc" in f.message for f in check_mir(old, moved, scope, None).findings)


def test_paths_that_a_stable_compiler_trims_are_read_through_the_split(before, after, scope):
    old = "// paths are trimmed\n" + MIR_BEFORE.replace("ffi::", "").replace("-> u32", "-> ffi::V")
    new = "// paths are trimmed\n" + MIR_AFTER.replace("ffi::counter::", "").replace("-> u32", "-> counter::V")
    trees = [replace(tree, mir={"default": dump}) for tree, dump in ((before, old), (after, new))]
    assert check_mir(*trees, scope, None).outcome is Outcome.PASSED
    elsewhere = replace(trees[1], mir={"default": new.replace("counter::V", "other::V")})
    assert check_mir(trees[0], elsewhere, scope, None).outcome is Outcome.FAILED


def test_a_definition_is_known_by_its_path_and_not_by_its_number(before, after, scope):
    def dump(text, definition):
        called, count = re.subn(r"const {alloc\d: &AtomicU32}", f"const <static(DefId({definition}))>", text)
        assert count == 1
        return {"default": called}

    old = replace(before, mir=dump(MIR_BEFORE, "0:102 ~ hand[da0a]::ffi::NEXT"))
    for definition, outcome in (
        ("0:166 ~ hand[11cd]::ffi::counter::NEXT", Outcome.PASSED),
        ("0:166 ~ hand[da0a]::ffi::counter::LAST", Outcome.FAILED),
        ("9:166 ~ another[da0b]::ffi::NEXT", Outcome.FAILED),
    ):
        new = replace(after, mir=dump(MIR_AFTER, definition))
        assert check_mir(old, new, scope, None).outcome is outcome, definition


NAMESAKE = """
fn counter() -> u32 {
    const START: u32 = 3;
    first(&START)
}
"""
NAMESAKE_MIR = """
fn ffi::counter() -> u32 {
    bb0: {
        _1 = const ffi::counter::promoted[0];
        _0 = ffi::first(copy _1, const ffi::counter::START) -> [return: bb1, unwind continue];
    }
}

const ffi::counter::promoted[0]: &u32 = {
    bb0: {
        _0 = const 3_u32;
    }
}
"""


def test_what_a_function_of_the_modules_name_has_inside_stays_its_own(before, after, scope):
    def with_namesake(tree, mir):
        files = {**tree.files, MONOLITH: tree.files[MONOLITH] + NAMESAKE.encode()}
        return replace(tree, files=files, mir={"default": tree.mir["default"] + mir})

    old = with_namesake(before, NAMESAKE_MIR)
    assert check_mir(old, with_namesake(after, NAMESAKE_MIR), scope, None).outcome is Outcome.PASSED
    for was, now in (("counter::START", "START"), ("counter::promoted[0];", "promoted[0];")):
        other = with_namesake(after, NAMESAKE_MIR.replace(was, now))
        assert check_mir(old, other, scope, None).outcome is Outcome.FAILED


def test_a_function_moved_into_the_module_of_its_name_is_the_same_one(before, after, scope):
    old, new = ({**before.files}, {**after.files})
    old[MONOLITH], new[COUNTER] = (
        files[path].replace(b"fn twice", b"const fn counter") for files, path in ((old, MONOLITH), (new, COUNTER))
    )
    was = replace(before, files=old, mir={"default": MIR_BEFORE.replace("::twice(", "::counter(")})
    now = replace(after, files=new, mir={"default": MIR_AFTER.replace("::twice(", "::counter(")})
    assert check_mir(was, now, scope, None).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("quoted", "outcome"),
    [
        ("super::super::offset() == 0", Outcome.PASSED),
        ("crate::offset() == 0", Outcome.PASSED),
        ("super::super::offset() == 1", Outcome.FAILED),
        ("super::super::other() == 0", Outcome.FAILED),
    ],
)
def test_the_panic_of_an_assertion_quotes_a_path_that_begins_elsewhere(quoted, outcome, before, edited, scope):
    row = b"assert!(super::offset() == 0)"
    files = {path: data.replace(b"n * 2", row) for path, data in before.files.items()}
    was, now = (f'const "assertion failed: {text}"' for text in ("super::offset() == 0", quoted))
    old = replace(before, files=files, mir={"default": MIR_BEFORE.replace("const 2_u32", was)})
    after = edited("n * 2", row.decode().replace("super", "super::super"))
    result = check_mir(old, replace(after, mir={"default": MIR_AFTER.replace("const 2_u32", now)}), scope, None)
    assert result.outcome is outcome
    assert ("fn:twice: asks for its own position (assert!)" in result.lawful) == (outcome is Outcome.PASSED)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        ("ffi::counter::<impl ffi::Pair<'_, Vec<u8>>>::new(", Outcome.PASSED),
        ("ffi::<impl ffi::Pair<'_, Vec<u8>>>::new(", Outcome.PASSED),
        ("ffi::counter::<impl ffi::Pair<'_, Vec<u8>>>::other(", Outcome.FAILED),
        ("ffi::counter::<impl ffi::Pair<'_, Vec<i8>>>::new(", Outcome.FAILED),
        ("ffi::counter::<impl ffi::Other<'_, Vec<u8>>>::new(", Outcome.FAILED),
    ],
)
def test_a_method_is_named_by_its_type_wherever_its_impl_stands(now, outcome, before, after, scope):
    was, then = "_3 = ffi::twice(", "_3 = ffi::counter::twice("
    old = replace(before, mir={"default": MIR_BEFORE.replace(was, "_3 = ffi::Pair::<'_, Vec<u8>>::new(")})
    new = replace(after, mir={"default": MIR_AFTER.replace(then, f"_3 = {now}")})
    assert check_mir(old, new, scope, None).outcome is outcome
