"""Gives items of a file that others have left the keys that they had before.

Keys of items that share a name are numbered in file order, so the numbers shift when one of them moves away.
Invariant: bytes and spans stay as they are; only numbers of keys change.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from splitter.model.source import Item, SourceFile


def rekey(source: SourceFile, known: Mapping[str, bytes]) -> SourceFile:
    """The file with the keys of `known` (key to the item's own bytes) given to the items that they were made for.

    Items of one name are matched by content first, then in order; an item beyond those gets the next free number.
    """
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in source.items:
        groups[_base(item.key)].append(item)
    old: dict[str, list[str]] = defaultdict(list)
    for key in known:
        old[_base(key)].append(key)
    keys: dict[str, str] = {}
    for base, items in groups.items():
        keys.update(_matched(source, items, old.get(base, []), known, base))
    return SourceFile(
        source.path, source.data, source.digest, tuple(replace(item, key=keys[item.key]) for item in source.items)
    )


def own_bytes(source: SourceFile, item: Item) -> bytes:
    """An item with its docs and attributes, without the blank lines around it."""
    return source.data[item.lead : item.core.end]


def _matched(
    source: SourceFile, items: list[Item], old: list[str], known: Mapping[str, bytes], base: str
) -> dict[str, str]:
    waiting = sorted(old, key=_number)
    found: dict[str, str] = {}
    for item in items:
        same = next((key for key in waiting if known[key] == own_bytes(source, item)), None)
        if same is not None:
            found[item.key] = same
            waiting.remove(same)
    highest = max((_number(key) for key in old), default=0)
    for item in items:
        if item.key in found:
            continue
        if waiting:
            found[item.key] = waiting.pop(0)
        else:
            highest += 1
            found[item.key] = base if highest == 1 else f"{base}#{highest}"
    return found


def _base(key: str) -> str:
    name, mark, number = key.rpartition("#")
    return name if mark and number.isdigit() else key


def _number(key: str) -> int:
    _, mark, number = key.rpartition("#")
    return int(number) if mark and number.isdigit() else 1
