"""What item macro calls define, by the rules of all macros of the split, in whichever file they stand.

Invariant: a call of a macro that is defined elsewhere defines nothing that is known here.
"""

from collections.abc import Iterable

from splitter.graph.macro_rules import Defined, MacroRules, defined_by, read_macro
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import core_tokens

Rules = dict[str, MacroRules]


def rules_of(sources: Iterable[SourceFile]) -> Rules:
    """Macros that the files define, by name; of two with one name the first."""
    found: Rules = {}
    for source in sources:
        for item in source.items:
            if item.kind is ItemKind.MACRO:
                found.setdefault(item.name, read_macro(source.data, item.core.start, item.core.end))
    return found


def defined_in(source: SourceFile, item: Item, rules: Rules) -> tuple[Defined, ...]:
    """What a macro call item defines, as far as the rules tell."""
    if item.kind is not ItemKind.CALL:
        return ()
    tokens = core_tokens(source, item)
    bang = next((at for at, token in enumerate(tokens) if token.text == b"!"), 0)
    macro = rules.get(tokens[bang - 1].text.decode()) if bang else None
    close = len(tokens) - 2 if tokens[-1].text == b";" else len(tokens) - 1
    return (defined_by(macro, tokens[bang + 2 : close], rules) or ()) if macro is not None else ()
