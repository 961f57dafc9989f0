"""Items that see where they stand: their own line, file, module or type name.

A move changes what these see; it cannot be otherwise, so it is listed item by item and not waved through.
Invariant: a macro of the file that asks for its position makes its callers ask as well.
"""

from collections.abc import Iterable

from splitter.model.source import ItemKind, SourceFile
from splitter.source.item_tokens import all_tokens

_MACROS = frozenset(
    b"line column file module_path dbg log trace debug info warn error event span instrument"
    b" trace_span debug_span info_span warn_span error_span".split()
)
_FUNCTIONS = frozenset((b"type_name", b"type_name_of_val"))


def positional_items(sources: Iterable[SourceFile]) -> dict[str, str]:
    """Keys of such items, with the name of the macro or function by which they see it."""
    items = [(item, all_tokens(source, item)) for source in sources for item in source.items]
    macros = set(_MACROS)
    found: dict[str, str] = {}
    while True:
        size = len(found)
        for item, tokens in items:
            if item.key in found:
                continue
            for at, token in enumerate(tokens):
                called = at + 1 < len(tokens) and tokens[at + 1].text == b"!" and token.text in macros
                if called or token.text in _FUNCTIONS:
                    found[item.key] = token.text.decode() + ("!" if called else "")
                    if item.kind is ItemKind.MACRO:
                        macros.add(item.name.encode())
                    break
        if len(found) == size:
            return found
