"""Generated Rust text: sequences of items that parse, and soups of tokens that mostly do not."""

from hypothesis import strategies as st

NAMES = ("alpha_one", "read_all", "Point", "LIMIT", "r#type", "größe", "x", "gamma")
LEADS = (
    "",
    "/// Says what it does.\n",
    "// A comment.\n",
    "#[inline]\n",
    "#[cfg(unix)]\n/// Gated.\n",
    "/* block /* in block */ */\n",
    "// ==== banner ====\n\n",
    '#[doc = "}"]\n',
)
TAILS = ("", " // on its line", " /* on its line */")
ITEMS = (
    "pub fn {0}(a: u8) -> u8 {{ super::{1}(a) + self::{0}(b'{{') }}",
    'fn {0}<T: Into<u8>>(t: T) {{ let {1} = "}}"; println!("{{{1}}}"); drop(t) }}',
    "pub(super) struct {0} {{ pub x: {1}, y: u8 }}",
    "struct {0}(u8, pub(in super::super) {1});",
    "pub enum {0} {{ A, B(u8), C {{ d: {1} }} }}",
    "static {0}: u8 = {{ const {1}: u8 = 1; {1} }};",
    "const _: () = assert!({0} == {1});",
    "impl {0} {{ fn {1}(&self) {{ use super::*; }} }}",
    "impl<'a> From<&'a {0}> for {1} {{ fn from(_: &'a {0}) -> Self {{ todo!() }} }}",
    "macro_rules! {0} {{ ($x:expr) => {{ $x + $crate::ffi::{1} }}; }}",
    "{0}! {{ fn {1}() {{}} }}",
    "{0}!({1});",
    'extern "C" {{ fn {0}(x: *const {1}); }}',
    "mod {0} {{ use super::{1}; pub(in super::super) fn f() {{ super::super::g() }} }}",
    "use self::{0}::{1};",
    "pub use super::{{{0}, {1} as other}};",
    "use std::{{fmt::{{self, Write as _}}, io::*}};",
    "trait {0}: {1} {{ type T; fn f(&self) -> u8 {{ 1 }} }}",
    "type {0} = Vec<{1}>;",
    'thread_local! {{ static {0}: {1} = {1}::new(include_str!("a.txt")); }}',
    '#[no_mangle] pub extern "C" fn {0}() {{}} ;',
)
SOUP = (
    "fn",
    "pub",
    "struct",
    "impl",
    "mod",
    "use",
    "::",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ";",
    ",",
    "#",
    "!",
    "'a",
    "'x'",
    '"s"',
    'r#"}"#',
    "// c\n",
    "/* c */",
    "/// d\n",
    "//! d\n",
    "macro_rules",
    "=",
    "x",
    "Y",
    "0",
    "\n",
    "\n\n",
    "é",
    "\r\n",
    '"',
    "'",
    "/*",
    "const",
    "extern",
    "unsafe",
    "as",
    "*",
    "super",
    "self",
    "crate",
)


@st.composite
def rust_files(draw):
    """Bytes of a file of items with what may stand around them."""
    text = draw(st.sampled_from(("", "\ufeff", "//! Docs.\n\n", "// Licence.\n\n#![allow(dead_code)]\n")))
    for _ in range(draw(st.integers(1, 9))):
        item = draw(st.sampled_from(ITEMS)).format(draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES)))
        lead, tail = draw(st.sampled_from(LEADS)), draw(st.sampled_from(TAILS))
        text += lead + item + tail + draw(st.sampled_from(("\n", "\n\n", "\n\n\n")))
    text += draw(st.sampled_from(("", "// The end.\n")))
    text = text if draw(st.booleans()) else text.rstrip("\n")
    return (text.replace("\n", "\r\n") if draw(st.booleans()) else text).encode()


@st.composite
def soups(draw):
    """Bytes of a file that nobody would write."""
    pieces = draw(st.lists(st.sampled_from(SOUP), min_size=1, max_size=30))
    return draw(st.sampled_from(("", " "))).join(pieces).encode()
