"""What stands between the items: comments, inner docs and attributes, the licence notice.

Invariant: a comment may stand elsewhere than before, but not nowhere; a heading between groups and a comment on an
import may go, and is told then. What was added of these is no difference, but for an inner attribute that does
something.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from splitter.model.check import Finding
from splitter.model.source import ItemKind, SourceFile
from splitter.source.tokens import TokenKind, tokenize
from splitter.verify.by_hand.attributes import LINTS, name_of
from splitter.verify.by_hand.entries import Entry, Listing
from splitter.verify.by_hand.parts import plain

_BANNER = re.compile(r"[-=*#~_─━═+]{3,}|^//+$|^//+\s*(?:MARK|region|endregion)\b")
_LICENCE = re.compile(r"copyright|licen[sc]e|SPDX-", re.IGNORECASE)
_CONTAINERS = (ItemKind.MOD, ItemKind.IMPL, ItemKind.EXTERN)
_HARMLESS = (*LINTS, "cfg", "doc", "rustfmt::skip", "cfg_attr")


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment, inner doc or inner attribute, and where it stands; a `harmless` one may go."""

    text: str
    path: str
    line: int
    item: str = "note"
    harmless: bool = False


def compare_frames(
    old: Listing, new: Listing, partners: Mapping[Entry, Entry], sources: tuple[dict[str, SourceFile], ...]
) -> Iterator[Finding | str]:
    """Findings, and lawful differences as texts.

    `partners` says which entry after is which before, `sources` are the parsed files of both trees.
    """
    was, now = list(_remarks(old, partners)), list(_remarks(new, {}))
    there = Counter(remark.text for remark in now)
    docs = {text for entry in new.entries for text in entry.parts.docs}
    gone = []
    for remark in was:
        there[remark.text] -= 1
        if there[remark.text] < 0 and remark.text not in docs:
            gone.append(remark)
    told = [remark for remark in gone if remark.harmless]
    if told:
        yield f"headings and comments on imports: {len(told)} gone, such as `{_short(told[0].text)}`"
    losses = [remark for remark in gone if not remark.harmless]
    for (item, path), row in groupby(losses, key=lambda remark: (remark.item, remark.path)):
        first, *more = row
        rest = f" (and {len(more)} lines more)" if more else ""
        yield Finding(item, path, first.line, f"`{_short(first.text)}` stands nowhere any more{rest}")
    known = Counter(remark.text for remark in was)
    for remark in now:
        if remark.text.startswith("#!") and not known[remark.text] and name_of(remark.text) not in _HARMLESS:
            yield Finding(remark.item, remark.path, remark.line, f"`{remark.text}` was not there before")
    yield from _licences(*sources)
    yield from _imports(old, new)


def _remarks(listing: Listing, partners: Mapping[Entry, Entry]) -> Iterator[Remark]:
    """Remarks of a tree; those of an item stand where its partner does, for there they are to be mended."""
    for loose in listing.loose:
        item, source = loose.item, loose.source
        if item.kind is ItemKind.INNER:
            yield from (Remark(text, source.path, item.line, "inner") for text in item.attributes)
        start = item.lead if item.kind is not ItemKind.NOTE else item.core.start
        end = item.core.start if item.kind in _CONTAINERS else item.core.end
        tokens = [t for t in tokenize(source.data, start, max(start, end)) if t.kind >= TokenKind.COMMENT]
        texts = [plain(token) for token in tokens]
        headings = set(range(len(texts))) if item.kind is ItemKind.USE else _headings(texts)
        for at, token in enumerate(tokens):
            line = source.data.count(b"\n", 0, token.start) + 1
            yield Remark(texts[at], source.path, line, harmless=at in headings)
    for entry in listing.entries:
        there = partners.get(entry, entry)
        headings = _headings(list(entry.parts.comments))
        for at, text in enumerate(entry.parts.comments):
            yield Remark(text, there.path, there.item.line, entry.key, harmless=at in headings)


def _headings(texts: list[str]) -> set[int]:
    """Comments that only part one group of items from the next: rules, and the titles between or above them."""
    rules = [at for at, text in enumerate(texts) if text.startswith("//") and _BANNER.search(text)]
    if not rules:
        return set()
    # A rule alone may underline the title above it.
    first = rules[0] - 1 if len(rules) == 1 and len(texts[rules[0]].split()) == 1 else rules[0]
    found = set(range(max(0, first), rules[-1] + 1))
    return {at for at in found if not _LICENCE.search(texts[at]) and texts[at].startswith("//")}


def _licences(old: dict[str, SourceFile], new: dict[str, SourceFile]) -> Iterator[Finding]:
    """Files that are new, or had a notice, and have none now, where all files had one before."""
    notices = {path: _notice(source) for path, source in old.items()}
    if not notices or not all(notices.values()):
        notices = {path: notice for path, notice in notices.items() if notice}
    usual = next(iter(notices.values()), ())
    for path, source in new.items():
        wanted = notices.get(path, usual if path not in old else ())
        lacking = [text for text in wanted if text not in _notice(source, whole=True)]
        if lacking:
            yield Finding("note", path, 1, f"the licence notice is not there: `{_short(lacking[0])}`")


def _notice(source: SourceFile, *, whole: bool = False) -> tuple[str, ...]:
    """Comments at the top of a file, if they speak of a licence (or anyway)."""
    texts = []
    for token in tokenize(source.data):
        if token.kind is not TokenKind.COMMENT:
            break
        texts.append(plain(token))
    return tuple(texts) if whole or any(_LICENCE.search(text) for text in texts) else ()


def _imports(old: Listing, new: Listing) -> Iterator[str]:
    was, now = (sum(1 for loose in listing.loose if loose.item.kind is ItemKind.USE) for listing in (old, new))
    if was != now:
        yield f"imports and re-exports: {was} before, {now} after"
    declared = [
        {(*loose.module, loose.item.name) for loose in listing.loose if loose.item.kind is ItemKind.MOD}
        for listing in (old, new)
    ]
    made = sorted("::".join(path) for path in declared[1] - declared[0])
    if made:
        yield f"new modules: {', '.join(made)}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
