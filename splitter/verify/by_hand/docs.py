"""Docs of an item: lost, changed, or come from another item.

Invariant: a doc test that goes with its docs is said to be lost.
"""

from collections.abc import Iterator

from splitter.model.check import Finding
from splitter.verify.by_hand.entries import Entry

_FENCE = "```"


def compare_docs(old: Entry, new: Entry, pairs: tuple[tuple[Entry, Entry], ...]) -> Iterator[Finding]:
    """Findings for a pair; `pairs` are all of them, in which docs may have changed places."""
    was, now = old.parts.docs, new.parts.docs
    if was == now:
        return
    gone = [text for text in was if text not in now]
    come = [text for text in now if text not in was]
    tests = sum(_FENCE in text for text in was) // 2 - sum(_FENCE in text for text in now) // 2
    lost_test = f"; {tests} doc test{'s' if tests > 1 else ''} lost with it" if tests > 0 else ""
    if gone and not now:
        there = _now_at(gone, old, pairs)
        yield _finding(new, f"lost its docs{there}{lost_test}")
    elif gone:
        yield _finding(new, f"docs changed: was `{gone[0]}`, is `{come[0] if come else 'gone'}`{lost_test}")
    elif come:
        donor = next((one.key for one, other in pairs if one is not old and _gave(one, other, come)), "")
        yield _finding(new, f"gained docs{f' of `{donor}`' if donor else ''}: `{come[0]}`{lost_test}")
    else:
        yield _finding(new, f"docs stand in another order{lost_test}")


def _now_at(gone: list[str], old: Entry, pairs: tuple[tuple[Entry, Entry], ...]) -> str:
    for one, other in pairs:
        if one is not old and set(gone) <= set(other.parts.docs) and not set(gone) <= set(one.parts.docs):
            return f"; they stand on `{other.key}` now ({other.path}:{other.item.line})"
    return ""


def _gave(old: Entry, new: Entry, come: list[str]) -> bool:
    return set(come) <= set(old.parts.docs) and not set(come) <= set(new.parts.docs)


def _finding(entry: Entry, message: str) -> Finding:
    return Finding(entry.key, entry.path, entry.item.line, message)
