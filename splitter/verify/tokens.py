"""Check `tokens`: every item of the tree before stands exactly once in the tree after, token for token.

Invariant: works from the two trees alone and does not trust the change set; where there is one, what it added
and dropped has to be what its reasons say.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from splitter.model.change import Added, ChangeSet
from splitter.model.check import CheckResult, Finding, judge
from splitter.model.evidence import Evidence, Scope
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.tokens import TokenKind, tokenize
from splitter.verify.additions import find_wrong_reasons
from splitter.verify.canonical import Place, canonical
from splitter.verify.notices import find_lost_notices
from splitter.verify.places import module_of, parsed, places, unreadable, within

_LOOSE = (ItemKind.USE, ItemKind.NOTE, ItemKind.INNER)
_NOWHERE = ("", 0, 0)
_RELATIVE = re.compile(rb"\b(?:super|crate)\b|\bself\s*(?:::|/)")


@dataclass(frozen=True, slots=True)
class _Standing:
    """An item where it stands, in canonical form."""

    item: Item
    source: SourceFile
    tokens: tuple[tuple[str, int], ...]

    @property
    def text(self) -> tuple[str, ...]:
        return tuple(part for part, _ in self.tokens)


def check_tokens(before: Evidence, after: Evidence, scope: Scope, change: ChangeSet | None) -> CheckResult:
    """Compare items, comments, attributes and docs of two trees."""
    broken = unreadable(before.files) or unreadable(after.files)
    if broken is not None:
        path, line = (*broken.message.split(":"), "1")[:2]
        place = Finding("", path, int(line) if line.isdigit() else 1, broken.message)
        return judge("tokens", 1, 0, (place,))
    now = within(scope, after)
    same = _untouched(before, after)
    old, new = _standing(before, within(scope, before), same.copy()), _standing(after, now, same.copy())
    compared = len(old) + same.total()
    notices = find_lost_notices(parsed(before.files), parsed(after.files), now)
    findings = [*_compare(old, new, scope), *_comments(before, after, scope, change), *notices]
    if change is not None:
        findings += find_wrong_reasons(change, after.files)
    lost = len({id(f) for f in findings})
    return judge("tokens", compared, max(0, compared - lost), tuple(findings))


def _untouched(before: Evidence, after: Evidence) -> Counter[tuple[str, bytes]]:
    """Items that stand byte for byte in the same file of both trees, and name nothing by a path that begins here.

    Their canonical forms are equal, whatever they are.
    """
    row = (_texts(evidence) for evidence in (before, after))
    return Counter({entry: count for entry, count in (next(row) & next(row)).items() if not _RELATIVE.search(entry[1])})


def _texts(evidence: Evidence) -> Counter[tuple[str, bytes]]:
    files = parsed(evidence.files).values()
    return Counter((file.path, file.whole(item)) for file in files for item in file.items if item.kind not in _LOOSE)


def _standing(evidence: Evidence, scope: Scope, known: Counter[tuple[str, bytes]]) -> list[_Standing]:
    """Items in canonical form, but for those that are `known` to be the same in both trees."""
    found = []
    for path, source in parsed(evidence.files).items():
        place = Place(scope, path, module_of(scope, path))
        for item in source.items:
            entry = (path, source.whole(item))
            if known[entry]:
                known[entry] -= 1
            elif item.kind not in _LOOSE:
                found.append(_Standing(item, source, canonical(source.data, item.span, place)))
    return found


def _compare(old: list[_Standing], new: list[_Standing], scope: Scope) -> Iterator[Finding]:
    wanted = Counter(entry.text for entry in old)
    spare: dict[tuple[str, ...], list[_Standing]] = defaultdict(list)
    for entry in new:
        spare[entry.text].append(entry)
    unmatched = []
    for entry in old:
        if spare[entry.text]:
            spare[entry.text].pop(0)
        else:
            unmatched.append(entry)
    extra = [entry for rest in spare.values() for entry in rest]
    for entry in unmatched:
        twin = next((other for other in extra if _base(other.item) == _base(entry.item)), None)
        if twin is None:
            yield _finding(entry, "stands nowhere in the tree after")
        else:
            extra.remove(twin)
            yield _difference(entry, twin)
    for entry in extra:
        if not _declares_module(entry.item, entry.source, scope):
            copied = wanted[entry.text] > 0
            yield _finding(entry, "stands in more places than before" if copied else "was not in the tree before")


def _base(item: Item) -> str:
    return item.key.split("#")[0]


def _declares_module(item: Item, source: SourceFile, scope: Scope) -> bool:
    known = {segment for place in places(scope) for segment in place}
    return item.kind is ItemKind.MOD and source.text(item.core).endswith(b";") and item.name in known


def _difference(entry: _Standing, twin: _Standing) -> Finding:
    row = zip(entry.tokens, twin.tokens, strict=False)
    end = min(len(entry.tokens), len(twin.tokens))
    at = next((index for index, (one, other) in enumerate(row) if one[0] != other[0]), end)
    was = _shown(entry.text, at)
    now = _shown(twin.text, at)
    offset = twin.tokens[min(at, len(twin.tokens) - 1)][1]
    line = twin.source.data.count(b"\n", 0, offset) + 1
    return Finding(entry.item.key, twin.source.path, line, f"was `{was}`, is `{now}`")


def _shown(tokens: tuple[str, ...], at: int) -> str:
    text = " ".join(tokens[at : at + 6]) or "nothing more"
    return text if len(text) <= 80 else text[:77] + "…"


def _finding(entry: _Standing, message: str) -> Finding:
    return Finding(entry.item.key, entry.source.path, entry.item.line, message)


def _comments(before: Evidence, after: Evidence, scope: Scope, change: ChangeSet | None) -> Iterator[Finding]:
    """Comments that lead no item (or lead an import) may join others, but none may go or come."""
    pieces = [piece for row in change.files.values() for piece in row] if change is not None else []
    added = Counter(text for piece in pieces if isinstance(piece, Added) for text in _comment_texts(piece.text))
    was, now = _loose(before), _loose(after)
    for text, (path, line, count) in was.items():
        if now.get(text, _NOWHERE)[2] < count:
            yield Finding("note", path, line, f"`{_short(text)}` stands nowhere in the tree after")
    made = {*scope.modules.values(), scope.residue_file} - before.files.keys()
    for text, (path, line, count) in now.items():
        known = was.get(text, _NOWHERE)[2]
        copied_attribute = known and text.startswith("#!")
        ours = path in made and (change is None or copied_attribute)
        if count > known + added[text] and not ours:
            yield Finding("note", path, line, f"`{_short(text)}` was not in the tree before")


def _loose(evidence: Evidence) -> dict[str, tuple[str, int, int]]:
    """Comments, docs and inner attributes outside items proper: last place and count of each text."""
    found: dict[str, tuple[str, int, int]] = {}
    for path, source in parsed(evidence.files).items():
        for item in source.items:
            if item.kind not in _LOOSE:
                continue
            texts = [(text, item.span.start) for text in item.attributes if item.kind is ItemKind.INNER]
            tokens = tokenize(source.data, item.span.start, item.span.end)
            texts += [(t.text.decode("utf-8", "replace"), t.start) for t in tokens if t.kind >= TokenKind.COMMENT]
            for text, start in texts:
                line = source.data.count(b"\n", 0, start) + 1
                found[text] = (path, line, found.get(text, _NOWHERE)[2] + 1)
    return found


def _comment_texts(data: bytes) -> list[str]:
    return [token.text.decode("utf-8", "replace") for token in tokenize(data) if token.kind >= TokenKind.COMMENT]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
