"""What a split made by hand may change: it passes, and the verdict lists it."""

from textwrap import indent

import pytest
from history import BY_HAND, FRAME, MEMORY, TESTS, TEXT, VALUE

ARM = "        Kind::Nothing => 0,\n"
CLAMP = "fn rt_text_clamp(value: u32, low: u32, high: u32) -> u32"

SEVEN = "fn seven() -> i64 {\n    7\n}\n\n"
VALUES = """\
#[test]
fn values_come_back() {
    assert_eq!(rt_value_get(rt_value_new(seven())), seven());
    assert_eq!(rt_value_get(Value::NIL), 0);
}

"""
INLINE = f"#[cfg(test)]\nmod tests {{\n    use super::*;\n\n{indent(SEVEN + VALUES, '    ')}}}\n"

NOTICE = "// Copyright the runtime's authors.\n// SPDX-License-Identifier: MIT\n\n"

LAWFUL = {
    "cfg on the mod line": ((), 'fn:rt_text_words: `cfg(feature = "text")` stands on the module now'),
    "cfg in the file": (
        (
            ('#[cfg(feature = "text")]\npub mod', "pub mod", FRAME),
            ("//! Texts.\n", '//! Texts.\n\n#![cfg(feature = "text")]\n', TEXT),
        ),
        'fn:rt_text_words: `cfg(feature = "text")` stands on the module now',
    ),
    "least visibility": ((), "fn:smaller: visibility was private, is pub(super)"),
    "a path through a module": ((), "fn:quiet_is_quiet: paths are written in another way"),
    "super in the place of crate": ((("crate::volume::Loud", "super::super::volume::Loud", TEXT),), "imports"),
    "code broken into more lines": (
        ((CLAMP, CLAMP.replace("(", "(\n    ").replace(", ", ",\n    ").replace(")", ",\n)"), TEXT),),
        "new modules",
    ),
    "a block around a match arm": (
        (("Kind::Nothing => 0,", "Kind::Nothing => {\n            0\n        }", VALUE),),
        "",
    ),
    "unsafe(no_mangle)": (
        (('#[no_mangle]\npub extern "C" fn rt_live', '#[unsafe(no_mangle)]\npub extern "C" fn rt_live', MEMORY),),
        "",
    ),
    "derives in two rows": (
        (("Clone, Copy, Debug, PartialEq", "Clone, Copy)]\n#[derive(Debug, PartialEq", VALUE),),
        "",
    ),
    "attributes in another order": (
        (("#[no_mangle]\n#[must_use]", "#[must_use]\n#[no_mangle]", VALUE),),
        "another order",
    ),
    "a lint allowed": (
        (("fn larger", "#[allow(dead_code)]\nfn larger", TEXT),),
        "fn:larger: gained `#[allow(dead_code)]`",
    ),
    "a comment added": ((("fn larger", "// Takes the larger.\nfn larger", TEXT),), ""),
    "another import of one type": (
        (("use std::sync::OnceLock;", "use std::sync::*;", MEMORY),),
        "imports",
    ),
    "tests in the module that they are about": (
        ((SEVEN + VALUES, "", TESTS), ("//! Values.\n", f"//! Values.\n\n{INLINE}", VALUE)),
        "new modules: ffi::steps, ffi::text, ffi::value, ffi::value::tests",
    ),
}


@pytest.mark.parametrize("name", LAWFUL)
def test_it_passes_and_is_listed(history, name):
    edits, told = LAWFUL[name]
    made = history(*edits)
    said = made.verify("--format", "json")
    (check,) = said.json["checks"]
    assert check["findings"] == []
    assert said.code == 0
    assert check["compared"] == check["equal"] == 44
    assert any(told in text for text in check["lawful"]), check["lawful"]


def test_a_lint_may_be_allowed_for_the_module(history):
    before = (("fn larger", "#[allow(dead_code)]\nfn larger", "src/ffi.rs"),)
    made = history(("//! Texts.\n", "//! Texts.\n\n#![allow(dead_code)]\n", TEXT), before=before)
    check = made.checks()["tokens"]
    assert check["outcome"] == "passed", check["findings"]
    assert "fn:larger: `#[allow(dead_code)]` stands on the module now" in check["lawful"]


def test_a_module_may_lie_anywhere_by_a_path_attribute(history):
    made = history(("pub mod text;", '#[path = "../far/words_of.rs"]\npub mod text;', FRAME))
    made.git("checkout", "--quiet", "after")
    made.path("src/far").mkdir()
    made.path(TEXT).rename(made.path("src/far/words_of.rs"))
    made.record("after")
    check = made.checks()["tokens"]
    assert check["outcome"] == "passed", check["findings"]


def test_code_that_sees_where_it_stands_is_named(history):
    line = '#[no_mangle]\npub extern "C" fn rt_live() -> u64 {\n'
    asked = line + "    debug_assert!(line!() > 0);\n"
    made = history((line, asked, MEMORY), before=((line, asked, "src/ffi.rs"),))
    check = made.checks()["tokens"]
    assert check["outcome"] == "passed", check["findings"]
    assert "fn:rt_live: asks for its own position (line!)" in check["lawful"]


def test_the_file_may_stay_as_another_module(history):
    made = history()
    made.become(BY_HAND / "before")
    made.path("src/ffi").mkdir()
    made.path(FRAME).write_text(f'{NOTICE}#[path = "../ffi.rs"]\nmod legacy;\n\npub use legacy::*;\n')
    made.edit("use crate::volume::Loud;", "use super::super::volume::Loud;", "src/ffi.rs")
    made.record("after")
    check = made.checks()["tokens"]
    assert check["outcome"] == "passed", check["findings"]
    assert "new modules: ffi::legacy, ffi::legacy::tests" in check["lawful"]


def test_code_may_be_included(history):
    made = history()
    made.become(BY_HAND / "before")
    text = made.path("src/ffi.rs").read_text()
    start, end = text.index("// ---- memory"), text.index("// ---- text")
    made.path("src/ffi.rs").write_text(text[:start] + 'include!("memory_part.rs");\n\n' + text[end:])
    made.path("src/memory_part.rs").write_text(NOTICE + text[start:end])
    made.record("after")
    check = made.checks()["tokens"]
    assert check["outcome"] == "passed", check["findings"]
    assert check["compared"] == 37
