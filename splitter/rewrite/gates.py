"""`cfg` predicates of what is moved, and of the imports and re-exports that follow it.

Source: The Rust Reference, "Conditional compilation".
Invariant: a gate is a set of alternatives (`any`); the empty set means always.
"""

from collections.abc import Iterable

Gate = frozenset[str]
ALWAYS: Gate = frozenset()


def gate_of(cfgs: tuple[str, ...]) -> str:
    """One predicate for all `cfg` attributes of an item; empty when it has none."""
    unique = tuple(dict.fromkeys(cfgs))
    return unique[0] if len(unique) == 1 else f"all({', '.join(unique)})" if unique else ""


def any_of(predicates: Iterable[str]) -> Gate:
    """Gate that is open when one of the predicates holds; always, when one is empty or two are opposites."""
    found = frozenset(predicates)
    if not found or "" in found or any(f"not({p})" in found for p in found):
        return ALWAYS
    return found


def as_text(gate: Gate) -> str:
    """The predicate as Rust text; empty for always."""
    row = sorted(gate)
    return row[0] if len(row) == 1 else f"any({', '.join(row)})" if row else ""


def attribute_lines(predicates: tuple[str, ...]) -> str:
    """`#[cfg(…)]` lines for the predicates."""
    return "".join(f"#[cfg({predicate})]\n" for predicate in predicates if predicate)
