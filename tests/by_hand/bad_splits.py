"""Bad splits as people make them: what is done to the sound split, and what has to be said of it.

Invariant: each fault is one that the compiler lets pass, or that makes it fail far from the cause.
"""

from dataclasses import dataclass

from history import FRAME, MEMORY, STEPS, TESTS, TEXT, VALUE, VOLUME


@dataclass(frozen=True)
class Fault:
    """`edits` are (old, new, file); `at` is a text on the line that is to be named, `says` part of the message."""

    edits: tuple[tuple[str, str, str], ...]
    item: str
    path: str
    at: str
    says: str


def fault(item, path, at, says, *edits):
    return Fault(tuple((*edit, path) if len(edit) == 2 else edit for edit in edits), item, path, at, says)


LIVE = '#[no_mangle]\npub extern "C" fn rt_live'
GET = "/// The number in a value, or 0.\n"
SAFETY = "    // SAFETY: the caller says that it is ours.\n"
LICENCE = "// Copyright the runtime's authors.\n// SPDX-License-Identifier: MIT\n\n"
DOCTEST = "///\n/// ```\n/// assert_eq!(by_hand::ffi::rt_value_get(by_hand::ffi::rt_value_new(7)), 7);\n/// ```\n"
COUNTED = """\
#[test]
fn bytes_are_counted() {
    let block = rt_alloc(5);
    assert!(rt_live() >= 5);
    unsafe { rt_free(block, 5) };
}

"""
DROP = """\
impl Drop for Guard {
    fn drop(&mut self) {
        LIVE.fetch_sub(self.0, Ordering::Relaxed);
    }
}

"""
SECOND = """\
macro_rules! step {
    ($number:expr) => {
        $number + 2
    };
}

"""

CELL = """\
fn first_seed() -> &'static AtomicU64 {
    static SEED: OnceLock<AtomicU64> = OnceLock::new();
    SEED.get_or_init(|| AtomicU64::new(LIMIT))
}"""

FAULTS = {
    # Attributes
    "no_mangle lost": fault(
        "fn:rt_live", MEMORY, "fn rt_live", "lost `#[no_mangle]`: `rt_live` is exported no more", (LIVE, LIVE[13:])
    ),
    "attribute above a doc cut off": fault(
        "fn:rt_alloc", MEMORY, "fn rt_alloc", "lost `#[no_mangle]`", ("#[no_mangle]\n/// Takes", "/// Takes")
    ),
    "attribute left at the cut, on the next item": fault(
        "fn:rt_live",
        MEMORY,
        "fn rt_live",
        "it stands on `fn:helper` now",
        (LIVE, "#[no_mangle]\nfn helper() {}\n\n" + LIVE[13:]),
    ),
    "export_name lost": fault(
        "fn:text_volume",
        TEXT,
        "fn text_volume",
        "`rt_text_volume` is exported no more",
        ('#[export_name = "rt_text_volume"]\n', ""),
    ),
    "export_name changed": fault(
        "fn:text_volume",
        TEXT,
        "fn text_volume",
        'became `#[export_name = "rt_loud"]`',
        ('"rt_text_volume"', '"rt_loud"'),
    ),
    "a helper exported": fault(
        "fn:larger",
        TEXT,
        "fn larger",
        "gained `#[no_mangle]`: `larger` is exported now",
        ("fn larger", "#[no_mangle]\nfn larger"),
    ),
    "repr lost": fault("struct:Value", VALUE, "struct Value", "lost `#[repr(C)]`", ("#[repr(C)]\n", "")),
    "repr changed": fault("enum:Kind", VALUE, "enum Kind", "became `#[repr(u16)]`", ("repr(u8)", "repr(u16)")),
    "derive lost": fault("enum:Kind", VALUE, "enum Kind", "lost `#[derive(PartialEq)]`", (", PartialEq", "")),
    "must_use lost": fault("fn:rt_value_new", VALUE, "fn rt_value_new", "lost `#[must_use]`", ("#[must_use]\n", "")),
    "deprecated lost": fault(
        "fn:rt_value_flip",
        VALUE,
        "fn rt_value_flip",
        "lost `#[deprecated",
        ('#[deprecated = "negate it yourself"]\n', ""),
    ),
    "inline(never) lost": fault(
        "fn:rt_alloc", MEMORY, "fn rt_alloc", "lost `#[inline(never)]`", ("#[inline(never)]\n", "")
    ),
    "link_section altered": fault(
        "static:RT_VERSION",
        MEMORY,
        "static RT_VERSION",
        'became `#[link_section = ".data.rt"]`',
        (".rodata.rt", ".data.rt"),
    ),
    "cfg lost with the mod line": fault(
        "fn:rt_text_words",
        TEXT,
        "fn rt_text_words",
        'lost `#[cfg(feature = "text")]`',
        ('#[cfg(feature = "text")]\npub mod', "pub mod", FRAME),
    ),
    "cfg lost on an item": fault(
        "fn:rt_platform",
        FRAME,
        "-> u32",
        "lost `#[cfg(unix)]`: existed when unix, exists when always",
        ("#[cfg(unix)]\n", ""),
    ),
    "cfg turned round": fault(
        "fn:rt_text_words",
        TEXT,
        "fn rt_text_words",
        'existed when feature = "text", exists when not(feature = "text")',
        ('#[cfg(feature = "text")]\npub mod', '#[cfg(not(feature = "text"))]\npub mod', FRAME),
    ),
    "cfg twins exchanged": fault(
        "fn:rt_platform",
        FRAME,
        "fn rt_platform",
        "existed when unix, exists when not(unix)",
        ("    1\n", "    one\n"),
        ("    2\n", "    1\n"),
        ("    one\n", "    2\n"),
    ),
    "no test any more": fault(
        "fn:bytes_are_counted",
        TESTS,
        "fn bytes_are_counted",
        "lost `#[test]`: it is no test any more",
        ("#[test]\nfn bytes", "fn bytes"),
    ),
    # Docs, comments, notices
    "doc lost": fault("fn:rt_value_get", VALUE, "fn rt_value_get", "lost its docs", (GET, "")),
    "doc on the next function": fault(
        "fn:rt_value_get",
        VALUE,
        "fn rt_value_get",
        "they stand on `fn:rt_value_flip` now",
        (GET, ""),
        ("#[deprecated", f"{GET}#[deprecated"),
    ),
    "doc test lost": fault("fn:rt_value_new", VALUE, "fn rt_value_new", "1 doc test lost", (DOCTEST, "")),
    "doc of a method lost": fault(
        "const:Value::NIL", VALUE, "const NIL", "lost its docs", ("    /// Nothing at all.\n", "")
    ),
    "comment in a body lost": fault("fn:rt_free", MEMORY, "", "SAFETY", (SAFETY, "")),
    "licence notice not copied": fault("note", VALUE, "//! Values.", "licence", (LICENCE, "")),
    "inner doc lost": fault(
        "note", "src/ffi.rs", "", "The whole boundary", ("//! The whole boundary in one file.\n\n", "", FRAME)
    ),
    "inner attribute lost": fault(
        "inner", "src/ffi.rs", "", "missing_safety_doc", ("#![allow(clippy::missing_safety_doc)]\n\n", "", FRAME)
    ),
    # Code
    "body edited": fault("fn:rt_value_get", VALUE, "Kind::Nothing => 1", "body changed: was `=> 0", ("=> 0", "=> 1")),
    "constant altered": fault("const:LIMIT", MEMORY, "LIMIT: u64", "is `= 8192 ;`", ("4096", "8192")),
    "two helpers swapped": fault(
        "fn:rt_text_clamp",
        TEXT,
        "smaller(low",
        "body changed",
        ("larger(low, smaller(value", "smaller(low, larger(value"),
    ),
    "ABI changed": fault(
        "fn:rt_seed", MEMORY, "fn rt_seed", "another ABI", ('extern "C" fn rt_seed', 'extern "system" fn rt_seed')
    ),
    "unsafe dropped": fault(
        "fn:rt_free", MEMORY, "fn rt_free", "`unsafe` dropped", ('unsafe extern "C"', 'extern "C"')
    ),
    "fields reordered": fault(
        "struct:Value",
        VALUE,
        "bits: i64",
        "fields stand in another order",
        ("    pub kind: Kind,\n    bits: i64,\n", "    bits: i64,\n    pub kind: Kind,\n"),
    ),
    "discriminant changed": fault("enum:Kind", VALUE, "Number = 3", "variants changed: was `= 2", ("= 2", "= 3")),
    "include leads elsewhere": fault("const:WORDS", TEXT, "include_str!", "words.txt", ("../words.txt", "words.txt")),
    "method in an impl of another type": fault(
        "fn:Value::flipped",
        VALUE,
        "fn flipped",
        "stands in `impl < 'a > Value`",
        ("impl Value {\n    fn flipped", "impl<'a> Value {\n    fn flipped"),
    ),
    # What is there, and how often
    "function lost": fault(
        "fn:rt_live",
        "src/ffi.rs",
        "",
        "is gone; `rt_live` is exported no more",
        (LIVE + "() -> u64 {\n    LIVE.load(Ordering::Relaxed)\n}\n", "", MEMORY),
    ),
    "function added": fault(
        "fn:rt_more", TEXT, "fn rt_more", "was not there before", ("fn larger", "fn rt_more() {}\n\nfn larger")
    ),
    "function copied": fault(
        "fn:seven",
        VALUE,
        "fn seven",
        "stands in more places than before",
        ("/// Kinds", "fn seven() -> i64 {\n    7\n}\n\n/// Kinds"),
    ),
    "static copied": fault(
        "static:LIVE",
        STEPS,
        "static LIVE",
        f"also at {MEMORY}",
        ("macro_rules! step", "static LIVE: AtomicU64 = AtomicU64::new(0);\n\nmacro_rules! step"),
    ),
    "thread_local copied": fault(
        "call:thread_local",
        MEMORY,
        "thread_local!",
        "stands in more places than before",
        (
            "macro_rules! step",
            "thread_local! {\n    static DEPTH: Cell<u32> = const { Cell::new(0) };\n}\n\nmacro_rules! step",
            STEPS,
        ),
    ),
    "cell that is made once a module": fault(
        "fn:first_seed",
        MEMORY,
        "fn first_seed",
        "stands in more places than before",
        (
            "macro_rules! step",
            CELL + "\n\nmacro_rules! step",
            STEPS,
        ),
    ),
    "Drop impl lost": fault("impl:Drop for Guard", "src/ffi.rs", "", "is gone", (DROP, "", MEMORY)),
    "test deleted": fault("fn:bytes_are_counted", "src/ffi.rs", "", "the test is gone", (COUNTED, "", TESTS)),
    "file without mod line": fault(
        "fn:quiet_is_quiet", "src/ffi.rs", "", "is gone", ("#[cfg(test)]\nmod tests;\n", "", FRAME)
    ),
    "renamed": fault(
        "fn:rt_alive",
        MEMORY,
        "fn rt_alive",
        "`fn:rt_live` is called `fn:rt_alive` now; `rt_live` is exported no more",
        ("fn rt_live", "fn rt_alive"),
        ("rt_live", "rt_alive", FRAME),
    ),
    "cut in the middle of a signature": fault("", TEXT, "}", "does not parse", ("high: u32) -> u32 {", "")),
    "visibility put among parameters": fault(
        "opaque:pub",
        TEXT,
        "fn larger",
        "this does not parse as an item",
        ("fn larger(left: u32, right", "fn larger(left: u32, pub(super) right"),
    ),
    # What names mean
    "macro rebound": fault(
        "fn:rt_step",
        STEPS,
        "fn rt_step",
        "rebound: `step!`",
        (SECOND, ""),
        ('#[no_mangle]\npub extern "C" fn rt_step', SECOND + '#[no_mangle]\npub extern "C" fn rt_step'),
    ),
    "alias bound to another function": fault(
        "fn:text_volume",
        TEXT,
        "fn text_volume",
        "rebound: `mark` was `crate::volume::loud_mark`",
        ("loud_mark as mark", "soft_mark as mark"),
    ),
    "super leads to another function": fault(
        "fn:quiet", VOLUME, "rt_st", "body changed", ("crate::ffi::steps::rt_step", "crate::ffi::steps::rt_stride")
    ),
    # Who may see it
    "field opened to other crates": fault(
        "struct:Value", VALUE, "struct Value", "field `bits` is pub now", ("    bits: i64,", "    pub bits: i64,")
    ),
    "helper opened to other crates": fault(
        "fn:larger", TEXT, "fn larger", "other crates can reach it now", ("fn larger", "pub fn larger")
    ),
    "method closed": fault(
        "fn:Value::number", VALUE, "fn number", "other crates cannot reach it any more", ("pub fn number", "fn number")
    ),
    "re-export lost": fault(
        "fn:rt_seed", MEMORY, "fn rt_seed", "other crates cannot reach it any more", ("rt_seed, ", "", FRAME)
    ),
    "seen less far": fault(
        "const:LIMIT",
        MEMORY,
        "LIMIT: u64",
        "visibility is narrower: was pub(crate), is private",
        ("pub(crate) const", "const"),
    ),
}
