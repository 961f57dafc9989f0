"""`code` catches other code, data and sections behind the same names; addresses, numbers and positions mean nothing."""

from dataclasses import replace

import pytest
from hand_object import Part, location, make_object, mangled
from hand_split import COUNTER, MONOLITH, OBJECT_AFTER, OBJECT_BEFORE

from splitter.model.check import Outcome
from splitter.model.evidence import Missing
from splitter.verify.code import check_code

TWICE = mangled("ffi", "counter", "twice")
NEXT = mangled("ffi", "counter", "NEXT")


@pytest.fixture
def judged(before, after, scope):
    """The result for another object after, and if wanted another one before."""

    def judge(new, old=OBJECT_BEFORE):
        return check_code(replace(before, code={"default": old}), replace(after, code={"default": new}), scope, None)

    return judge


def messages(result):
    return [finding.message for finding in result.findings]


def with_data(code, name, data):
    """An object in which the section of a symbol holds other bytes."""
    number = next(symbol.section for symbol in code.symbols if symbol.name == name)
    changed = (replace(s, data=data, size=len(data)) if at == number else s for at, s in enumerate(code.sections))
    return replace(code, sections=tuple(changed))


def with_section(code, name, section):
    number = next(symbol.section for symbol in code.symbols if symbol.name == name)
    changed = (replace(s, name=section) if at == number else s for at, s in enumerate(code.sections))
    return replace(code, sections=tuple(changed))


def without(code, *names):
    """An object whose symbols have lost their names, as if another file defined them."""
    gone = {symbol.section for symbol in code.symbols if symbol.name in names}
    symbols = (replace(s, section=-1) if s.section in gone else s for s in code.symbols)
    sections = (replace(s, loaded=s.loaded and at not in gone) for at, s in enumerate(code.sections))
    holes = tuple(hole for hole in code.relocations if hole.section not in gone)
    return replace(code, symbols=tuple(symbols), sections=tuple(sections), relocations=holes)


def test_order_numbers_module_and_panic_positions_do_not_matter_but_are_listed(judged):
    result = judged(OBJECT_AFTER)
    assert (result.outcome, result.compared, result.equal, messages(result)) == (Outcome.PASSED, 3, 3, [])
    assert result.lawful == ("fn:twice: its panics name the new place (panic!)",)


def test_other_code_is_found_with_item_file_and_line(judged):
    result = judged(with_data(OBJECT_AFTER, TWICE, b"\x01\xfe\x48\0\0\0\0\xc3"))
    assert [(f.item, f.path, f.line) for f in result.findings] == [("fn:twice", COUNTER, 15)]
    assert messages(result) == [
        "`tiny::ffi::twice` differs at byte 1 of its code: fe4800000000c3, was ff4800000000c3 (default)"
    ]


def test_another_text_behind_a_pointer_is_found(judged):
    assert messages(judged(with_data(OBJECT_AFTER, ".Ltext2", b"ho"))) == [
        "`rt_next` refers to other constants (default)"
    ]


def test_another_value_of_a_static_is_found(judged):
    assert messages(judged(with_data(OBJECT_AFTER, NEXT, b"\1\0\0\0")))[0].startswith("`tiny::ffi::NEXT` differs")


def test_another_function_that_is_called_is_named(judged):
    thrice = mangled("ffi", "counter", "thrice")
    symbols = tuple(replace(s, name=thrice) if s.name == TWICE else s for s in OBJECT_AFTER.symbols)
    swapped = replace(OBJECT_AFTER, symbols=symbols)
    told = messages(judged(swapped))
    assert "`rt_next` refers to `tiny::ffi::twice` no more, refers to `tiny::ffi::thrice` now (default)" in told
    assert "`tiny::ffi::twice` is in the object no more (default)" in told
    assert "`tiny::ffi::thrice` was not in the object before (default)" in told


def test_a_function_of_that_name_in_another_module_is_another_one(judged):
    elsewhere = mangled("other", "twice")
    symbols = tuple(replace(s, name=elsewhere) if s.name == TWICE else s for s in OBJECT_AFTER.symbols)
    assert judged(replace(OBJECT_AFTER, symbols=symbols)).outcome is Outcome.FAILED


def test_a_section_of_the_source_s_choice_is_compared(judged):
    was = with_section(OBJECT_BEFORE, mangled("ffi", "NEXT"), "rt_table")
    assert judged(with_section(OBJECT_AFTER, NEXT, "rt_table"), was).outcome is Outcome.PASSED
    assert messages(judged(OBJECT_AFTER, was)) == [
        "`tiny::ffi::NEXT` was in section `rt_table`, is in `.data.*` (default)"
    ]


def test_another_order_in_such_a_section_is_listed(judged):
    first, second = (Part(name, b"\1", code=False, section="rt_table") for name in ("rt_next", "rt_more"))
    result = judged(make_object(second, first), make_object(first, second))
    assert (result.outcome, result.lawful) == (Outcome.PASSED, ("order of entries in section `rt_table`",))


def test_an_export_that_is_hidden_is_found(judged):
    hidden = (replace(s, visibility="hidden") if s.name == "rt_next" else s for s in OBJECT_AFTER.symbols)
    assert judged(replace(OBJECT_AFTER, symbols=tuple(hidden))).outcome is Outcome.FAILED


def test_a_copy_of_a_static_is_found_by_count(judged):
    copy = Part(mangled("ffi", "NEXT"), bytes(4), code=False)
    assert messages(judged(make_object(copy, copy, Part("rt_next")), make_object(copy, Part("rt_next")))) == [
        "`tiny::ffi::NEXT` was not in the object before (default)"
    ]


def test_a_panic_at_another_token_of_the_same_item_is_found(judged, before, after):
    lines = {}
    for path, data in ((MONOLITH, before.files[MONOLITH]), (COUNTER, after.files[COUNTER])):
        lines[path] = data[: data.index(b"n * 2")].count(b"\n") + 1

    def panics(path, column):
        caller = Part("rt_next", bytes(8), ((0, "X86_64_64", ".Lplace", 0),))
        return make_object(caller, *location(path, lines[path], column))

    assert judged(panics(COUNTER, 7), panics(MONOLITH, 7)).outcome is Outcome.PASSED
    assert judged(panics(COUNTER, 9), panics(MONOLITH, 7)).outcome is Outcome.FAILED


def test_constants_that_point_at_each_other_end(judged):
    ring = [
        Part(".La", bytes(8), ((0, "X86_64_64", ".Lb", 0),), code=False, binding="local"),
        Part(".Lb", bytes(8), ((0, "X86_64_64", ".La", 0),), code=False, binding="local"),
        Part("rt_next", bytes(8), ((0, "X86_64_64", ".La", 0),)),
    ]
    assert judged(make_object(*ring), make_object(*reversed(ring))).outcome is Outcome.PASSED


def typed(name, number, used=None):
    """A type whose number its `Any::type_id` gives, and a function that compares with one."""
    method = f"_RNvXC4tinyNtNtC4tiny3ffi{len(name)}{name}NtNtC4core3any3Any7type_id"
    return make_object(
        Part(method, bytes(8), ((0, "X86_64_PC32", ".Lid", 0),)),
        Part(".Lid", number, code=False, binding="local"),
        Part("rt_next", b"\x48\xb8" + (used or number)[:8] + b"\xc3"),
    )


def test_the_number_of_a_type_may_follow_its_path_and_is_listed(judged):
    one, two = b"0123456789abcdef", b"fedcba9876543210"
    result = judged(typed("Pair", two), typed("Pair", one))
    assert (result.outcome, result.lawful) == (
        Outcome.PASSED,
        ("tiny::ffi::Pair: its number follows its path (TypeId)",),
    )
    assert judged(typed("Pair", two, used=b"another!"), typed("Pair", one)).outcome is Outcome.FAILED


def test_code_that_asks_for_its_line_is_listed_and_not_failed(before, after, scope):
    old = replace(before, files={p: d.replace(b"n * 2", b"line!() ") for p, d in before.files.items()})
    new = replace(after, files={p: d.replace(b"n * 2", b"line!() ") for p, d in after.files.items()})
    changed = with_data(OBJECT_AFTER, TWICE, b"\x01\xfe\x48\0\0\0\0\xc3")
    result = check_code(old, replace(new, code={"default": changed}), scope, None)
    assert result.outcome is Outcome.PASSED
    assert "fn:twice: asks for its own position (line!)" in result.lawful


@pytest.mark.parametrize(("size", "outcome"), [(16, Outcome.PASSED), (17, Outcome.FAILED)])
def test_a_function_into_which_one_that_asks_may_be_inlined_keeps_its_size(size, outcome, before, after, scope):
    old = replace(before, files={p: d.replace(b"n * 2", b"line!() ") for p, d in before.files.items()})
    new = replace(after, files={p: d.replace(b"n * 2", b"line!() ") for p, d in after.files.items()})
    code = b"\xe8\0\0\0\0\x48\0\0\0\0\x48\0\0\0\0\xc4".ljust(size, b"\x90")
    changed = with_data(OBJECT_AFTER, "rt_next", code)
    symbols = (replace(s, size=size) if s.name == "rt_next" else s for s in changed.symbols)
    changed = replace(changed, symbols=tuple(symbols))
    result = check_code(old, replace(new, code={"default": changed}), scope, None)
    assert result.outcome is outcome
    assert ("fn:rt_next: asks for its own position (line!)" in result.lawful) == (outcome is Outcome.PASSED)


NOTE, LOUD = b"\x48\0\0\0\0\xc3", mangled("call", "loud", crate="other")


def noting(place, own, others, code=NOTE, module=()):
    """An object in which `twice` refers to a note, and a function of another crate that came with it does as well."""
    return make_object(
        Part("rt_next", b"\xc3"),
        Part(mangled("ffi", *module, "twice"), NOTE, ((1, "X86_64_PC32", ".Lown", -4),)),
        Part(LOUD, code, ((1, "X86_64_PC32", ".Lothers", -4), *place)),
        Part(".Lown", own, code=False, binding="local"),
        Part(".Lothers", others, code=False, binding="local"),
    )


@pytest.mark.parametrize(
    ("others", "code", "place", "outcome"),
    [
        (b"counter.rs:2", NOTE, (), Outcome.PASSED),
        (b"counter.rs:3", NOTE, (), Outcome.FAILED),
        (b"counter.rs:2", b"\x49\0\0\0\0\xc3", (), Outcome.FAILED),
        (b"counter.rs:2", NOTE, ((1, "X86_64_64", ".Lown", 0),), Outcome.FAILED),
    ],
)
def test_a_function_that_has_another_inlined_tells_the_same_place(others, code, place, outcome, before, after, scope):
    old = replace(before, files={p: d.replace(b"n * 2", b"line!() ") for p, d in before.files.items()})
    new = replace(after, files={p: d.replace(b"n * 2", b"line!() ") for p, d in after.files.items()})
    was = noting((), b"ffi.rs:1", b"ffi.rs:1")
    now = noting(place, b"counter.rs:2", others, code, ("counter",))
    result = check_code(replace(old, code={"default": was}), replace(new, code={"default": now}), scope, None)
    assert result.outcome is outcome
    listed = "other::call::loud: asks for its own position (line!)" in result.lawful
    assert listed == (outcome is Outcome.PASSED)


def test_without_the_code_of_every_export_nothing_is_said(judged):
    result = judged(OBJECT_AFTER, without(OBJECT_BEFORE, "rt_next"))
    assert (result.outcome, result.reason) == (
        Outcome.SKIPPED,
        "exported, but not in the object that rustc wrote (default): rt_next",
    )


def test_a_lost_function_is_found(judged):
    result = judged(without(OBJECT_AFTER, "rt_next"))
    told = [(f.item, f.path, f.message) for f in result.findings]
    assert told[0] == ("fn:rt_next", MONOLITH, "`rt_next` is in the object no more (default)")


def test_a_platform_whose_objects_are_not_read_is_skipped_with_the_reason(before, after, scope):
    other = Missing("machine code is compared in ELF objects only; this platform's are Mach-O")
    result = check_code(replace(before, code=other), replace(after, code=other), scope, None)
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, other.reason)
