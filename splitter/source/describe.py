"""What an item is called and what its attributes say.

Invariant: reads only the item's own bytes and syntax node.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from splitter.model.source import Item, ItemKind, Span
from splitter.source.attributes import Attributes, read_attributes
from splitter.source.tokens import Token, TokenKind, code_tokens

if TYPE_CHECKING:
    from tree_sitter import Node

    from splitter.source.grammar import ItemNode

_KINDS = {
    "function_item": ItemKind.FN,
    "struct_item": ItemKind.STRUCT,
    "enum_item": ItemKind.ENUM,
    "union_item": ItemKind.UNION,
    "trait_item": ItemKind.TRAIT,
    "trait_alias": ItemKind.TRAIT,
    "impl_item": ItemKind.IMPL,
    "mod_item": ItemKind.MOD,
    "use_declaration": ItemKind.USE,
    "const_item": ItemKind.CONST,
    "static_item": ItemKind.STATIC,
    "type_item": ItemKind.TYPE,
    "macro_definition": ItemKind.MACRO,
    "macro_invocation": ItemKind.CALL,
    "expression_statement": ItemKind.CALL,
    "foreign_mod_item": ItemKind.EXTERN,
    "extern_crate_declaration": ItemKind.EXTERN_CRATE,
}
#: Macros that choose among items by conditions, as `cfg_if!` does.
CONDITIONAL_MACROS = frozenset(("cfg_if", "cfg_select"))
_FIRST_FUNCTION = re.compile(rb"\bfn\s+((?:r#)?\w+)")
_PROC_MACRO = re.compile(r"#\[(?:cfg_attr\(.*\b)?proc_macro(?:_derive|_attribute)?\b")
_ABI = re.compile(rb'"([^"]*)"')
_WORDS = re.compile(r"[^\W_]+")
_NOT_PARSED = "the parser does not know its syntax yet"


@dataclass(slots=True)
class Described:
    """An item under construction: all but its key's number and its whole span."""

    key: str
    kind: ItemKind
    name: str
    lead: int
    core: Span
    end: int
    visibility: str = ""
    attributes: Attributes = field(default_factory=Attributes)
    target: str | None = None
    trait: str | None = None
    stays: str | None = None
    open: bool = False

    @classmethod
    def leading(cls, start: int, end: int) -> "Described":
        """Docs, comments and attributes that lead an item which is yet to come."""
        return cls("", ItemKind.NOTE, "", start, Span(start, end), end, open=True)

    def item(self, key: str, span: Span, lines: tuple[int, int]) -> Item:
        """Finish the item; `lines` are the first and last of the item proper."""
        exports = self.kind in (ItemKind.FN, ItemKind.STATIC)
        return Item(
            key=key,
            kind=self.kind,
            name=self.name,
            span=span,
            lead=self.lead,
            core=self.core,
            line=lines[0],
            end_line=lines[1],
            visibility=self.visibility,
            attributes=self.attributes.texts,
            cfgs=self.attributes.cfgs,
            symbol=self.attributes.symbol(self.name) if exports else None,
            target=self.target,
            trait=self.trait,
            stays=self.stays,
        )


def describe(data: bytes, node: "ItemNode", lead: int) -> Described:
    """Describe an item proper whose comments, docs and attributes begin at `lead`."""
    core = Span(node.start, node.end)
    attributes = read_attributes(data, lead, node.start)
    if node.syntax is None:
        words = [t.text.decode() for t in code_tokens(data, node.start, node.end)[:8] if t.kind is TokenKind.IDENT]
        name = words[-1] if words else "unknown"
        key = f"opaque:{name}"
        return Described(key, ItemKind.OPAQUE, name, lead, core, node.end, attributes=attributes, stays=_NOT_PARSED)
    syntax = node.syntax
    kind = _KINDS.get(syntax.type, ItemKind.OPAQUE)
    stays = _NOT_PARSED if kind is ItemKind.OPAQUE else None
    visibility = next((_text(child) for child in syntax.children if child.type == "visibility_modifier"), "")
    made = Described("", kind, "", lead, core, node.end, visibility, attributes, stays=stays)
    _name(made, syntax, data)
    made.key = f"{kind.value}:{made.name}"
    if kind is ItemKind.IMPL:
        made.key = f"impl:{made.trait} for {made.target}" if made.trait else f"impl:{made.target}"
    if any(_PROC_MACRO.match(text) for text in attributes.texts):
        made.stays = "a procedural macro has to stand in the root of its crate"
    return made


def describe_inner(data: bytes, start: int, end: int) -> Described:
    """Inner docs and attributes of the file."""
    attributes = read_attributes(data, start, end)
    return Described("inner", ItemKind.INNER, "", start, Span(start, end), end, attributes=attributes)


def describe_note(data: bytes, start: int, end: int) -> Described:
    """A comment that stands by itself; its name is its first words."""
    words = _WORDS.findall(data[start:end].decode())[:4]
    name = " ".join(words).lower() or "rule"
    return Described(f"note:{name}", ItemKind.NOTE, name, start, Span(start, end), end)


def _name(made: Described, syntax: "Node", data: bytes) -> None:
    kind = made.kind
    if kind is ItemKind.IMPL:
        made.target = _field(syntax, "type")
        made.trait = _field(syntax, "trait") or None
        if made.trait and any(child.type == "!" for child in syntax.children):
            made.trait = f"!{made.trait}"
        made.name = re.split(r"[<\s]", made.target.lstrip("&"))[0].rsplit("::", 1)[-1]
    elif kind is ItemKind.USE:
        leaf = [t.text.decode() for t in code_tokens(data, made.core.start, made.core.end)]
        start = leaf.index("use") + 1
        stop = next((i for i, text in enumerate(leaf) if i > start and text in ("as", ",", ";", "}")), len(leaf))
        made.name = "".join(text for text in leaf[start:stop] if text != "{")
    elif kind is ItemKind.CALL:
        call = syntax if syntax.type == "macro_invocation" else syntax.children[0]
        macro = _field(call, "macro") if call.type == "macro_invocation" else ""
        inside = _FIRST_FUNCTION.search(data, made.core.start, made.core.end)
        made.name = inside.group(1).decode() if inside else macro
        if not macro:
            made.kind, made.stays = ItemKind.OPAQUE, _NOT_PARSED
        elif macro.rsplit("::", 1)[-1] in CONDITIONAL_MACROS:
            made.stays = "what it brings depends on conditions, and is named beside it"
        elif _declares_modules(code_tokens(data, made.core.start, made.core.end)):
            made.stays = "it declares a module, whose file stands beside this one"
    elif kind is ItemKind.EXTERN:
        abi = _ABI.search(data, made.core.start, data.find(b"{", made.core.start))
        made.name = abi.group(1).decode() if abi else "C"
    else:
        made.name = _field(syntax, "name") or (_text(syntax).split()[0] if syntax.text else "")


def _declares_modules(tokens: list[Token]) -> bool:
    marks = (b"mod", b";")
    return any((before.text, after.text) == marks for before, after in zip(tokens, tokens[2:], strict=False))


def _field(node: "Node", name: str) -> str:
    child = node.child_by_field_name(name)
    return _text(child) if child is not None else ""


def _text(node: "Node") -> str:
    return " ".join((node.text or b"").decode().split())
