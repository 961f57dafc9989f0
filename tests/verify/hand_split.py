"""A small split made by hand, sound, with the evidence that builds of it would give."""

from dataclasses import replace

from hand_object import Part, location, make_object, mangled

from splitter.model.evidence import Build, Configuration, Diagnostic, Evidence, Scope, TestOutcome

MONOLITH = "src/ffi.rs"
COUNTER = "src/ffi/counter.rs"
SCOPE = Scope(
    crate="tiny",
    parent=("ffi",),
    monolith=MONOLITH,
    residue_file=MONOLITH,
    modules={"counter": COUNTER},
    moved={"static:NEXT": "counter", "fn:rt_next": "counter", "fn:twice": "counter"},
)
DEFAULT = Configuration("default")

BEFORE = """\
//! The whole boundary.

use std::fmt::Write as _;

// Everything below is called from C.

/// How far to count.
pub const LIMIT: u32 = 9;

static NEXT: AtomicU32 = AtomicU32::new(0);

#[no_mangle]
/// The next number.
#[inline(never)]
pub extern "C" fn rt_next(step: u32) -> u32 {
    // Wraps around.
    NEXT.fetch_add(step, Relaxed) + super::offset() + twice(1)
}

fn twice(n: u32) -> u32 {
    n * 2
}

#[cfg(feature = "text")]
#[no_mangle]
pub extern "C" fn rt_text() -> u32 {
    LIMIT
}

pub struct Pair {
    pub left: u32,
    right: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(rt_next(1), twice(1));
    }
}
"""

AFTER = {
    MONOLITH: """\
//! The whole boundary.

// Everything below is called from C.

mod counter;

pub use self::counter::rt_next;
#[cfg(test)]
use self::counter::twice;

/// How far to count.
pub const LIMIT: u32 = 9;

#[cfg(feature = "text")]
#[no_mangle]
pub extern "C" fn rt_text() -> u32 {
    LIMIT
}

pub struct Pair {
    pub left: u32,
    right: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(rt_next(1), twice(1));
    }
}
""",
    COUNTER: """\
//! Counting.

use std::fmt::Write as _;

static NEXT: AtomicU32 = AtomicU32::new(0);

#[no_mangle]
/// The next number.
#[inline(never)]
pub extern "C" fn rt_next(step: u32) -> u32 {
    // Wraps around.
    NEXT.fetch_add(step, Relaxed) + super::super::offset() + twice(1)
}

pub(super) fn twice(n: u32) -> u32 {
    n * 2
}
""",
}

MIR_BEFORE = """\
// WARNING: This output format is intended for human consumers only
static ffi::NEXT: AtomicU32 = {
    let mut _0: AtomicU32;

    bb0: {
        _0 = AtomicU32::new(const 0_u32) -> [return: bb1, unwind continue];
    }
}

fn ffi::rt_next(_1: u32) -> u32 {
    let mut _0: u32;

    bb0: {
        _2 = const {alloc7: &AtomicU32};
        _3 = ffi::twice(const 1_u32) -> [return: bb1, unwind continue];
        _4 = const {alloc9: &&str};
    }
}

alloc7 (static: ffi::NEXT, size: 4, align: 4) {
    00 00 00 00                                     │ ....
}

alloc9 (size: 16, align: 8) {
    ╾─────alloc11─────╼ 02 00 00 00 00 00 00 00 │ ╾──────╼........
}

alloc11 (size: 2, align: 1) {
    68 69                                           │ hi
}

fn ffi::twice(_1: u32) -> u32 {
    let mut _0: u32;

    bb0: {
        _0 = MulWithOverflow(copy _1, const 2_u32);
        _2 = {closure@src/ffi.rs:21:5: 21:6};
    }
}

fn core::offset() -> u32 {
    bb0: {
        _0 = const 0_u32;
    }
}
"""
#: The order is another, the numbers are others, the paths have a module more, the positions are others.
MIR_AFTER = """\
// WARNING: This output format is intended for human consumers only
fn core::offset() -> u32 {
    bb0: {
        _0 = const 0_u32;
    }
}

static ffi::counter::NEXT: AtomicU32 = {
    let mut _0: AtomicU32;

    bb0: {
        _0 = AtomicU32::new(const 0_u32) -> [return: bb1, unwind continue];
    }
}

fn ffi::counter::rt_next(_1: u32) -> u32 {
    let mut _0: u32;

    bb0: {
        _2 = const {alloc1: &AtomicU32};
        _3 = ffi::counter::twice(const 1_u32) -> [return: bb1, unwind continue];
        _4 = const {alloc2: &&str};
    }
}

alloc1 (static: ffi::counter::NEXT, size: 4, align: 4) {
    00 00 00 00                                     │ ....
}

alloc2 (size: 16, align: 8) {
    ╾─────alloc3──────╼ 02 00 00 00 00 00 00 00 │ ╾──────╼........
}

alloc3 (size: 2, align: 1) {
    68 69                                           │ hi
}

fn ffi::counter::twice(_1: u32) -> u32 {
    let mut _0: u32;

    bb0: {
        _0 = MulWithOverflow(copy _1, const 2_u32);
        _2 = {closure@src/ffi/counter.rs:16:5: 16:6};
    }
}
"""


def built(text, file, *module, marks="1"):
    """The object of a tree: `rt_next` calls `twice`, which stands in `file` and may panic at its `*`."""
    line = text[: text.index("n * 2")].count("\n") + 1
    next_, twice = mangled("ffi", *module, "NEXT"), mangled("ffi", *module, "twice")
    parts = [
        Part(next_, bytes(4), code=False, section=f".data.{next_}"),
        Part(
            "rt_next",
            b"\xe8\0\0\0\0\x48\0\0\0\0\x48\0\0\0\0\xc3",
            (
                (1, "X86_64_PLT32", twice, -4),
                (6, "X86_64_PC32", next_, -4),
                (11, "X86_64_PC32", f".Ltext{marks}", -4),
            ),
        ),
        Part(twice, b"\x01\xff\x48\0\0\0\0\xc3", ((3, "X86_64_PC32", f".Lplace{marks}", -4),)),
        Part(f".Ltext{marks}", b"hi", code=False, binding="local"),
        *location(file, line, 7, f".Lplace{marks}", f".Lfile{marks}"),
    ]
    return make_object(*(parts if marks == "1" else reversed(parts)))


OBJECT_BEFORE = built(BEFORE, MONOLITH)
OBJECT_AFTER = built(AFTER[COUNTER], COUNTER, "counter", marks="2")
#: Two declarations; cbindgen goes by the order of modules.
HEADER_BEFORE = """\
#ifndef TINY_H
#define TINY_H

/* The next number. */
uint32_t rt_next(uint32_t step);

uint32_t rt_text(void);

#endif
"""
HEADER_AFTER = """\
#ifndef TINY_H
#define TINY_H

uint32_t rt_text(void);

/* The next number. */
uint32_t rt_next(uint32_t step);

#endif
"""
WARNING = Diagnostic("warning", "dead_code", "field `right` is never read", MONOLITH, 34, targets=("lib",))


def evidence(files, mir="", module="ffi", **others):
    """Evidence of a tree all of whose builds and tests are well."""
    tests = (
        TestOutcome("lib", "ffi::tests::counts", "ok"),
        TestOutcome("doc", f"{files and max(files)} - {module}::rt_next", "ok"),
        TestOutcome("test:it", "counts_from_outside", "FAILED"),
    )
    made = Evidence(
        files={path: text.encode() for path, text in files.items()},
        builds=(Build(DEFAULT, succeeded=True, diagnostics=(WARNING,)),),
        symbols={"default": frozenset({"rt_next"})},
        mir={"default": mir},
        tests=tests,
        unformatted={},
        code={"default": OBJECT_AFTER if len(files) > 1 else OBJECT_BEFORE},
        headers={"default": {"include/tiny.h": HEADER_AFTER if len(files) > 1 else HEADER_BEFORE}},
    )
    return replace(made, **others)
