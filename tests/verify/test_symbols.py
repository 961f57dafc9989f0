"""`symbols` catches an export that is lost, new, or of another signature."""

from dataclasses import replace

from hand_split import COUNTER, MONOLITH

from splitter.model.check import Outcome
from splitter.model.evidence import Missing
from splitter.verify.symbols import check_symbols


def test_a_lost_no_mangle_names_function_and_line(before, edited, scope):
    after = replace(edited("#[no_mangle]\n/// The", "/// The"), symbols={"default": frozenset()})
    messages = {(f.item, f.message) for f in check_symbols(before, after, scope, None).findings}
    assert ("fn:rt_next", "`rt_next` is exported no more (default)") in messages
    assert ("fn:rt_next", "`rt_next` is declared as an export no more") in messages


def test_a_new_export_is_found(before, after, scope):
    more = replace(after, symbols={"default": frozenset({"rt_next", "rt_more"})})
    assert check_symbols(before, more, scope, None).outcome is Outcome.FAILED


def test_a_changed_signature_is_found_though_the_name_is_the_same(before, edited, scope):
    result = check_symbols(before, edited("rt_next(step: u32)", "rt_next(step: u64)"), scope, None)
    assert [(f.item, f.path) for f in result.findings] == [("fn:rt_next", COUNTER)]


def test_a_lost_cfg_is_found_in_the_declaration_of_what_is_not_built(before, edited, scope):
    after = edited('#[cfg(feature = "text")]\n', "", MONOLITH)
    assert check_symbols(before, after, scope, None).outcome is Outcome.FAILED


def test_what_no_configuration_built_is_listed(before, after, scope):
    result = check_symbols(before, after, scope, None)
    assert result.lawful == ("exported in no configuration that was built: rt_text",)


def test_names_and_signatures_are_counted(before, after, scope):
    result = check_symbols(before, after, scope, None)
    assert (result.compared, result.equal) == (3, 3)


def test_exports_by_a_macro_are_read_though_the_macro_stands_in_another_file(after, scope):
    macro = 'macro_rules! make { ($($n:ident),*) => { $( #[no_mangle] pub extern "C" fn $n() {} )* } }\n'
    old = replace(after, files={MONOLITH: f"{macro}make!(rt_a, rt_b);\n".encode()})
    new = replace(after, files={MONOLITH: f"{macro}mod counter;\n".encode(), COUNTER: b"make!(rt_a, rt_b);\n"})
    assert check_symbols(old, new, scope, None).outcome is Outcome.PASSED
    less = replace(after, files={**new.files, COUNTER: b"make!(rt_a);\n"})
    assert [f.message for f in check_symbols(old, less, scope, None).findings] == [
        "`rt_b` is declared as an export no more"
    ]


def test_a_file_that_exports_nothing_is_not_applicable(before, scope):
    bare = replace(before, files={MONOLITH: b"fn one() {}\n"}, symbols={"default": frozenset()})
    assert check_symbols(bare, bare, scope, None).outcome is Outcome.NOT_APPLICABLE


def test_a_library_that_could_not_be_read_is_skipped_with_the_reason(before, after, scope):
    result = check_symbols(before, replace(after, symbols=Missing("no library")), scope, None)
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "no library")
