"""Which names each item defines in the scope of its file, and in which namespace.

Source: The Rust Reference, "Namespaces".
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

from splitter.graph.macro_rules import Defined, MacroRules, defined_by, read_macro
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import NESTING, Token, TokenKind

_TYPES = frozenset(
    (ItemKind.STRUCT, ItemKind.ENUM, ItemKind.UNION, ItemKind.TRAIT, ItemKind.TYPE, ItemKind.MOD, ItemKind.EXTERN_CRATE)
)
_KEYWORDS = (b"fn", b"static", b"type", b"struct", b"enum", b"const", b"trait", b"union")
_VALUES = frozenset((ItemKind.FN, ItemKind.CONST, ItemKind.STATIC))


@dataclass(slots=True)
class Definitions:
    """Keys of the items behind a name, by namespace; a name may have several (cfg twins, unit structs)."""

    types: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    values: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    macros: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_item: dict[str, tuple[str, ...]] = field(default_factory=dict)
    by_call: dict[str, Defined] = field(default_factory=dict)
    """What calls of the file's own macros define, by name."""
    rules: dict[str, MacroRules] = field(default_factory=dict)

    def named(self, name: str) -> list[str]:
        """Keys of all items that define the name in any namespace."""
        spaces = (self.types, self.values, self.macros)
        return [key for space in spaces for key in space.get(name, ())]


@lru_cache(maxsize=64)
def find_definitions(source: SourceFile, *, at_root: bool = False) -> Definitions:
    """Definitions of all items of a file; shared between callers, who leave them as they are.

    What `extern crate` brings `at_root` of a crate is seen everywhere in it, as other crates are: it is left out.
    """
    made = Definitions()
    for item in source.items:
        if item.kind is ItemKind.MACRO:
            made.rules.setdefault(item.name, read_macro(source.data, item.core.start, item.core.end))
    for item in source.items:
        names = [] if at_root and item.kind is ItemKind.EXTERN_CRATE else _define(made, source, item)
        made.by_item[item.key] = tuple(dict.fromkeys(names))
    return made


def _define(made: Definitions, source: SourceFile, item: Item) -> list[str]:
    kind, name, key = item.kind, item.name, item.key
    if kind in _VALUES and name != "_":
        made.values[name].append(key)
        return [name]
    if kind in _TYPES:
        name = _crate_name(source, item) if kind is ItemKind.EXTERN_CRATE else name
        made.types[name].append(key)
        if kind is ItemKind.STRUCT and source.data[item.core.end - 1 : item.core.end] == b";":
            made.values[name].append(key)
        return [name]
    if kind is ItemKind.MACRO:
        made.macros[name].append(key)
        return [name]
    if kind in (ItemKind.CALL, ItemKind.EXTERN, ItemKind.OPAQUE):
        tokens = core_tokens(source, item)
        known = _by_rules(made, tokens) if kind is ItemKind.CALL else None
        names = _inside(source, tokens, item) if known is None else [one.name for one in known]
        made.by_call.update({one.name: one for one in known or ()})
        for inner in names:
            space = made.types if inner[:1].isupper() and not inner.isupper() else made.values
            space[inner].append(key)
        return names
    return []


def _crate_name(source: SourceFile, item: Item) -> str:
    """What `extern crate core as std;` brings is `std`."""
    texts = [token.text.decode() for token in core_tokens(source, item)]
    return texts[texts.index("as") + 1] if "as" in texts else item.name


def _by_rules(made: Definitions, tokens: list[Token]) -> tuple[Defined, ...] | None:
    """What the call defines by the rules of a macro of this file; None where that cannot be told."""
    bang = next((at for at, token in enumerate(tokens) if token.text == b"!"), 0)
    rules = made.rules.get(tokens[bang - 1].text.decode()) if bang else None
    if rules is None:
        return None
    close = len(tokens) - 2 if tokens[-1].text == b";" else len(tokens) - 1
    return defined_by(rules, tokens[bang + 2 : close], made.rules)


def _inside(source: SourceFile, tokens: list[Token], item: Item) -> list[str]:
    """Names that a macro call or an extern block brings: what stands behind a defining keyword at its first level.

    In a call that stays for its conditions or its modules it may be the second, and `mod` is such a keyword.
    """
    names: list[str] = []
    depth = 0
    stays = item.kind is ItemKind.CALL and item.stays is not None
    keywords = (*_KEYWORDS, b"mod") if stays else _KEYWORDS
    deepest = 2 if stays else 1
    for at, token in enumerate(tokens[:-1]):
        depth += NESTING.get(token.kind, 0)
        if (
            depth > deepest
            or (depth == 0 and item.kind is not ItemKind.OPAQUE)
            or token.text not in keywords
            or tokens[at - 1].text == b"*"
        ):
            continue
        following = at + 2 if tokens[at + 1].text in (b"mut", b"ref") else at + 1
        if (
            following < len(tokens)
            and tokens[following].kind is TokenKind.IDENT
            and tokens[following].text not in keywords
        ):
            names.append(tokens[following].text.decode())
    if names or item.kind is not ItemKind.CALL or stays:
        return names
    # What a function of the file is called, the call is given and does not define.
    return [name for name in _likely(tokens) if f"fn:{name}" not in source.by_key]


def _likely(tokens: list[Token]) -> list[str]:
    """What a call of an unknown macro may define: what looks like a function's name, or else its first argument."""
    likely = [t.text for t in tokens[2:] if t.kind is TokenKind.IDENT and t.text.islower() and b"_" in t.text]
    opening = next((at for at, token in enumerate(tokens) if token.kind is TokenKind.OPEN), len(tokens))
    first = tokens[opening + 1 : opening + 3]
    if not likely and [token.text for token in first[1:]] == [b","] and first[0].kind is TokenKind.IDENT:
        likely = [token.text for token in first[:1] if token.text.islower()]
    return [text.decode() for text in likely]
