"""Under which `cfg`s an item exists, `mod` lines and everything else around it included.

Source: The Rust Reference, "Conditional compilation".
Invariant: two ways to write one condition are equal; where it is written may change, and is told then.
"""

from collections.abc import Iterator

from splitter.model.check import Finding
from splitter.verify.by_hand.entries import Entry
from splitter.verify.conditions import equivalent, flattened


def compare_gates(old: Entry, new: Entry) -> Iterator[Finding | str]:
    """A finding where an item exists at other times than before; a text where its `cfg` stands elsewhere."""
    was, now = flattened(old.cfgs), flattened(new.cfgs)
    if not equivalent(frozenset({was}), frozenset({now})):
        lost = sorted(was - now)
        message = f"lost `#[cfg({lost[0]})]`: " if lost and not now - was else ""
        message += f"existed when {_when(was)}, exists when {_when(now)}"
        yield Finding(new.key, new.path, new.item.line, message)
        return
    hoisted = sorted(flattened(old.item.cfgs) - flattened(new.item.cfgs))
    if hoisted:
        yield f"{new.key}: `cfg({hoisted[0]})` stands on the module now"
    lowered = sorted(flattened(new.item.cfgs) - flattened(old.item.cfgs))
    if lowered:
        yield f"{new.key}: `cfg({lowered[0]})` stands on the item now"


def _when(cfgs: frozenset[str]) -> str:
    return " and ".join(sorted(cfgs)) or "always"
