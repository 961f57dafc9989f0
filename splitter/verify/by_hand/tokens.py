"""Check `tokens` for two revisions: everything that was there is there once, with all that belongs to it.

Invariant: works from the files alone. A difference that a move cannot help making is listed, not passed over; each
other one is a finding at the place where a person would mend it.
"""

from collections.abc import Iterator

from splitter.model.check import CheckResult, Finding, judge
from splitter.model.crate import CrateSources
from splitter.model.source import ItemKind
from splitter.source.positions import positional_items, told
from splitter.verify.by_hand.attributes import LINTS, compare_attributes, gained_attributes, name_of
from splitter.verify.by_hand.code import code_change, renamed, with_name
from splitter.verify.by_hand.docs import compare_docs
from splitter.verify.by_hand.entries import Entry, Listing, list_entries
from splitter.verify.by_hand.frame import compare_frames
from splitter.verify.by_hand.gates import compare_gates
from splitter.verify.by_hand.macro_scope import compare_macros, macro_uses
from splitter.verify.by_hand.match import Matching, match_entries
from splitter.verify.by_hand.meaning import Names, compare_meaning, moved_definitions
from splitter.verify.by_hand.parts import lint_of
from splitter.verify.by_hand.relate import Relation
from splitter.verify.by_hand.surface import Surface
from splitter.verify.by_hand.visibility import compare_visibility
from splitter.verify.canonical import Place
from splitter.verify.places import parsed, within


def compare_items(relation: Relation, surfaces: tuple[Surface, Surface], after: CrateSources) -> CheckResult:
    """Compare all items of the files that count; `after` is the crate as it is now, for what is compiled no more."""
    scopes = [within(relation.scope, side) for side in (relation.before, relation.after)]
    sources = [parsed(side.files) for side in (relation.before, relation.after)]
    old, new = (list_entries(files, scope) for files, scope in zip(sources, scopes, strict=True))
    matching = match_entries(old.entries, new.entries)
    differences = list(_compare(matching, new, relation, surfaces))
    by_entry = {id(found[0]) for found in differences if isinstance(found[1], Finding)}
    rest = [
        *_lost(matching, after),
        *_extra(matching, old),
        *compare_frames(old, new, dict(matching.pairs), tuple(sources)),
    ]
    every = [*(found for _, found in differences), *rest]
    findings = tuple(found for found in every if isinstance(found, Finding))
    lawful = [found for found in every if isinstance(found, str)]
    lawful += [told(key, by) for key, by in _positional(matching, relation).items()]
    compared = len(old.entries)
    equal = compared - len(by_entry) - len(matching.lost)
    return judge("tokens", compared, equal, findings, lawful=tuple(dict.fromkeys(lawful)))


def _compare(
    matching: Matching, new: Listing, relation: Relation, surfaces: tuple[Surface, Surface]
) -> Iterator[tuple[Entry, Finding | str]]:
    crate, moved = relation.scope.crate, moved_definitions(matching.pairs)
    names = Names(surfaces[0], crate, {}), Names(surfaces[1], crate, moved)
    uses = (
        macro_uses(surfaces[0].modules, relation.before.files),
        macro_uses(surfaces[1].modules, relation.after.files),
    )
    gained = gained_attributes(list(matching.pairs), list(matching.extra))
    lints = _module_lints(new)
    for before, after in matching.pairs:
        found: list[Finding | str] = []
        found += compare_attributes(before, after, gained, lints.get(after.path, frozenset()))
        found += compare_docs(before, after, matching.pairs)
        found += compare_gates(before, after)
        found += compare_visibility(before, after, surfaces)
        found += _code(before, after, names)
        found += compare_macros(before, after, uses)
        yield from ((before, one) for one in found)


def _code(old: Entry, new: Entry, names: tuple[Names, Names]) -> Iterator[Finding | str]:
    if old.owner != new.owner:
        yield Finding(new.key, new.path, new.item.line, f"stood in `{old.owner}`, stands in `{new.owner}`")
    if old.item.name != new.item.name and old.key != new.key:
        yield Finding(new.key, new.path, new.item.line, renamed(old, new))
    texts = with_name(new.parts.code, new.item.name, old.item.name)
    if old.parts.texts == texts:
        yield from compare_meaning(old, new, names)
    elif names[0].written(old) == names[1].written(new):
        yield f"{new.key}: paths are written in another way, and lead to the same items"
    else:
        message, offset = code_change(old, new)
        yield Finding(new.key, new.path, new.source.data.count(b"\n", 0, offset) + 1, message)


def _lost(matching: Matching, after: CrateSources) -> Iterator[Finding]:
    for entry in matching.lost:
        what = "the test is gone" if entry.item.test_only and "#[test]" in entry.parts.attributes else "is gone"
        if entry.item.symbol:
            what += f"; `{entry.item.symbol}` is exported no more"
        stray = entry.path in after.files and entry.path not in after.modules
        if stray:
            what += f": no `mod` declaration leads to {entry.path} any more"
        yield Finding(entry.key, entry.path, entry.item.line, what)


def _extra(matching: Matching, old: Listing) -> Iterator[Finding]:
    known = {(entry.key, entry.parts.texts) for entry in old.entries}
    places = {(new.key, new.parts.texts): f", also at {new.path}:{new.item.line}" for _, new in matching.pairs}
    for entry in matching.extra:
        same = entry.key, entry.parts.texts
        copied = f"stands in more places than before{places.get(same, '')}"
        message = copied if same in known else "was not there before"
        if entry.item.kind is ItemKind.OPAQUE and same not in known:
            message = "this does not parse as an item"
        if entry.item.symbol:
            message += f"; `{entry.item.symbol}` is exported"
        yield Finding(entry.key, entry.path, entry.item.line, message)


def _module_lints(new: Listing) -> dict[str, frozenset[str]]:
    """Lint levels that each file sets for itself, or that its `mod` line sets."""
    found: dict[str, set[str]] = {}
    for loose in new.loose:
        texts = [text for text in loose.item.attributes if name_of(text) in LINTS]
        if not texts:
            continue
        place = Place(new.entries[0].scope, loose.source.path, loose.module) if new.entries else None
        if place is not None:
            found.setdefault(loose.source.path, set()).update(lint for text in texts for lint in lint_of(text, place))
    return {path: frozenset(lints) for path, lints in found.items()}


def _positional(matching: Matching, relation: Relation) -> dict[str, str]:
    """Items that see where they stand and stand elsewhere now."""
    by_place = positional_items(parsed(relation.before.files).values(), relation.before.asking_macros)
    pairs = [pair for pair in matching.pairs if (pair[0].path, pair[0].module) != (pair[1].path, pair[1].module)]
    moved = {old.item.key.split("#")[0] for old, _ in pairs}
    return {key: by for key, by in by_place.items() if key.split("#")[0] in moved}
