"""Macros that hand what they are given on to one that quotes, and tokens that are text for that."""

import pytest

from splitter.source.quoting import quoted, quoting_macros
from splitter.source.tokens import code_tokens

RULE = "macro_rules! rule { ($n:ident, $b:expr) => { quote! { fn $n() { $b } } }; }"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (RULE, {"rule"}),
        (RULE + " macro_rules! outer { ($b:expr) => { $crate::rule!(one, $b) }; }", {"rule", "outer"}),
        ("macro_rules! named { ($n:ident) => { stringify!($n) }; }", {"named"}),
        ("macro_rules! both { ($b:expr) => { (quote!($b), $b) }; }", set()),
        ("macro_rules! one { ($b:expr) => { quote!($b) }; ($b:expr, plain) => { $b }; }", set()),
        ("macro_rules! nothing { () => { quote!(super::x) }; }", set()),
    ],
)
def test_a_macro_quotes_what_it_uses_nowhere_else(text, names):
    assert quoting_macros([text.encode()]) == names


def test_what_such_a_macro_is_given_is_text():
    tokens = code_tokens(b"f(super::a); rule!(one, super::b); syn::parse_quote_spanned! { s => super::c }")
    text = [tokens[at].text for at in sorted(quoted(tokens, frozenset({"rule"})))]
    assert b" ".join(text) == b"one , super :: b s => super :: c"
    assert b"b" not in [tokens[at].text for at in quoted(tokens)]
