"""What changed in the code of an item, in words a reviewer can act on.

Invariant: says nothing where the tokens are equal.
"""

from difflib import SequenceMatcher

from splitter.model.source import ItemKind
from splitter.verify.by_hand.entries import Entry
from splitter.verify.by_hand.parts import Code

_SHOWN = 8
_AGGREGATES = (ItemKind.STRUCT, ItemKind.UNION)
_CHANGED = {
    ItemKind.FN: "body changed",
    ItemKind.ENUM: "variants changed",
    ItemKind.CONST: "type or value changed",
    ItemKind.STATIC: "type or value changed",
}


def code_change(old: Entry, new: Entry) -> tuple[str, int]:
    """A sentence on the first difference, and the offset in the file after where it stands."""
    was, now = old.parts.texts, new.parts.texts
    matcher = SequenceMatcher(None, was, now, autojunk=False)
    _, i, j, k, end = next(op for op in matcher.get_opcodes() if op[0] != "equal")
    offset = new.parts.code[min(k, len(now) - 1)][1] if now else new.item.core.start
    shown = f"was `{_around(was, i, j)}`, is `{_around(now, k, end)}`"
    return f"{_what(old, new, i)}: {shown}", offset


def renamed(old: Entry, new: Entry) -> str:
    """What to say of an entry whose name is another."""
    exported = ""
    if old.item.symbol and new.item.symbol != old.item.symbol:
        exported = f"; `{old.item.symbol}` is exported no more"
    return f"`{old.key}` is called `{new.key}` now{exported}"


def with_name(code: Code, name: str, other: str) -> tuple[str, ...]:
    """The code with one name in the place of another."""
    return tuple(other if text == name else text for text, _ in code)


def _what(old: Entry, new: Entry, at: int) -> str:
    kind = old.item.kind
    was, now = old.parts.texts, new.parts.texts
    if kind in _AGGREGATES and sorted(was) == sorted(now):
        return "fields stand in another order"
    if kind is ItemKind.FN and at < _head_end(was):
        return _signature(was, now)
    if any(word in was[max(0, at - 3) : at + 1] for word in ("include", "include_str", "include_bytes")):
        return "an include leads to another file"
    return _CHANGED.get(kind, f"{kind.value} changed")


def _signature(was: tuple[str, ...], now: tuple[str, ...]) -> str:
    dropped = [word for word in ("unsafe", "const", "async") if (word in _head(was)) > (word in _head(now))]
    if dropped:
        return f"signature changed, `{dropped[0]}` dropped"
    return "signature changed" if _abi(was) == _abi(now) else "signature changed, another ABI"


def _head_end(texts: tuple[str, ...]) -> int:
    depth = 0
    for at, text in enumerate(texts):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text, 0)
        if depth == 0 and text in ("{", ";"):
            return at
    return len(texts)


def _head(texts: tuple[str, ...]) -> tuple[str, ...]:
    return texts[: _head_end(texts)]


def _abi(texts: tuple[str, ...]) -> str:
    head = _head(texts)
    at = head.index("extern") + 1 if "extern" in head else len(head)
    return head[at] if at < len(head) and head[at].startswith('"') else "extern" if "extern" in head else ""


def _around(texts: tuple[str, ...], start: int, end: int) -> str:
    """The tokens that differ with one on either side, cut where there are many."""
    row = texts[max(0, start - 1) : min(end, start + _SHOWN)]
    more = ("…",) if end > start + _SHOWN else texts[end : end + 1]
    return " ".join((*row, *more)) or "nothing"
