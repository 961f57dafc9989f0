"""Attributes of an item: lost, gained, changed, and where a lost one stands now.

Invariant: `cfg`s are compared by what they mean, and docs with the docs: neither is seen here.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from splitter.model.check import Finding

if TYPE_CHECKING:
    from splitter.verify.by_hand.entries import Entry

LINTS = ("allow", "warn", "deny", "forbid", "expect")
_NAME = re.compile(r"#\s*!?\s*\[\s*(?:unsafe\s*\(\s*)?([\w:]+)")
_EXPORTS = ("no_mangle", "export_name")


def name_of(attribute: str) -> str:
    """Path of an attribute: `no_mangle`, `rustfmt::skip`."""
    found = _NAME.match(attribute)
    return found[1] if found else ""


def compare_attributes(
    old: "Entry", new: "Entry", gained: Mapping[str, list["Entry"]], module_lints: frozenset[str]
) -> Iterator[Finding | str]:
    """Findings, and lawful differences as texts; `gained` are the entries that have an attribute which they had not.

    `module_lints` are the lint levels that the module around the item sets now.
    """
    was, now = old.parts.attributes, new.parts.attributes
    lost, more = list((Counter(was) - Counter(now)).elements()), list((Counter(now) - Counter(was)).elements())
    for text in lost:
        name = name_of(text)
        if name in LINTS and text in module_lints:
            yield f"{new.key}: `{text}` stands on the module now"
            continue
        twin = next((other for other in more if name_of(other) == name and name != "derive"), None)
        if twin is not None:
            more.remove(twin)
            yield _finding(new, f"`{text}` became `{twin}`{_export(new, name)}")
            continue
        others = [entry for entry in gained.get(text, ()) if entry is not new]
        there = f"; it stands on `{others[0].key}` now ({others[0].path}:{others[0].item.line})" if others else ""
        yield _finding(new, f"lost `{text}`{_consequence(old, name)}{there}")
    for text in more:
        name = name_of(text)
        if name in LINTS:
            yield f"{new.key}: gained `{text}`"
        else:
            exported = f": `{new.item.symbol or new.item.name}` is exported now" if name in _EXPORTS else ""
            yield _finding(new, f"gained `{text}`{exported}")
    if not lost and not more and was != now:
        yield f"{new.key}: its attributes stand in another order"


def gained_attributes(pairs: list[tuple["Entry", "Entry"]], extra: list["Entry"]) -> dict[str, list["Entry"]]:
    """Entries of the tree after by each attribute that they did not have before."""
    found: dict[str, list[Entry]] = {}
    rows = [(old.parts.attributes, new) for old, new in pairs] + [((), new) for new in extra]
    for was, new in rows:
        for text in Counter(new.parts.attributes) - Counter(was):
            found.setdefault(text, []).append(new)
    return found


def _consequence(old: "Entry", name: str) -> str:
    if name in _EXPORTS:
        return f": `{old.item.symbol or old.item.name}` is exported no more"
    return ": it is no test any more" if name.rsplit("::", 1)[-1] in ("test", "bench") else ""


def _export(new: "Entry", name: str) -> str:
    return f": it is exported as `{new.item.symbol}`" if name == "export_name" and new.item.symbol else ""


def _finding(entry: "Entry", message: str) -> Finding:
    return Finding(entry.key, entry.path, entry.item.line, message)
