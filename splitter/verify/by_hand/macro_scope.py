"""Which `macro_rules!` each use of a macro means: the last definition of that name above it.

Source: The Rust Reference, "Macros by example", "Scoping, exporting, and importing".
Invariant: follows `mod` lines in the order of the text; what a module defines ends with it unless `#[macro_use]`
lets it out. A macro that comes by path has one definition, and no order to depend on.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from splitter.model.check import Finding
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import all_tokens
from splitter.verify.by_hand.attributes import name_of
from splitter.verify.by_hand.entries import Entry, body_of
from splitter.verify.canonical import Place, canonical
from splitter.verify.places import Path
from splitter.verify.surface import Modules


@dataclass(frozen=True, slots=True)
class Definition:
    """A macro's rules in canonical form, and where they stand."""

    text: tuple[str, ...]
    place: str = field(compare=False)


#: Definitions in scope, by name, for each item that uses a macro (by file and offset).
Uses = dict[tuple[str, int], dict[str, Definition]]


def macro_uses(modules: Modules, wanted: Collection[str]) -> Uses:
    """What each use of a local macro means in the wanted files of a crate."""
    uses: Uses = {}
    files = {module: source for module, source in modules.files.items() if module in _file_modules(modules)}
    for root in sorted(module for module in files if not _declared(module, files)):
        _walk(modules, root, files[root], {}, (wanted, uses))
    return uses


def compare_macros(old: Entry, new: Entry, uses: tuple[Uses, Uses]) -> Iterator[Finding]:
    """Macros that an item uses and that are others than before."""
    was = uses[0].get((old.path, old.item.core.start), {})
    now = uses[1].get((new.path, new.item.core.start), {})
    for name in sorted(was.keys() & now.keys()):
        if was[name] != now[name]:
            message = f"rebound: `{name}!` was the one at {was[name].place}, is the one at {now[name].place}"
            yield Finding(new.key, new.path, new.item.line, message)


def _file_modules(modules: Modules) -> frozenset[Path]:
    """Modules that are files of their own; inline ones are walked with the file around them."""
    stands = {at.path for at in modules.scope.stands.values()}
    return frozenset(stands & modules.files.keys())


def _declared(module: Path, files: dict[Path, SourceFile]) -> bool:
    return bool(module) and any(module[:end] in files for end in range(len(module)))


def _walk(
    modules: Modules, module: Path, source: SourceFile, scope: dict[str, Definition], into: tuple[Collection[str], Uses]
) -> None:
    """Go through a file; `scope` is what is defined so far, and grows; uses in wanted files go `into` a record."""
    wanted, uses = into
    is_wanted = source.path in wanted
    for item in source.items:
        if item.kind is ItemKind.MOD:
            inside = dict(scope)
            path = (*module, item.name)
            body = modules.files.get(path)
            if body is not None:
                _walk(modules, path, body, inside, into)
            if "macro_use" in {name_of(text) for text in item.attributes}:
                scope.update(inside)
        elif is_wanted and item.kind is ItemKind.IMPL and (body := body_of(source, item)) is not None:
            _use(source, item, scope, uses)
            _walk(modules, module, body, scope, into)
        else:
            if is_wanted and scope:
                _use(source, item, scope, uses)
            if item.kind is ItemKind.MACRO:
                row = canonical(source.data, item.core, Place(modules.scope, source.path, module))
                scope[item.name] = Definition(tuple(text for text, _ in row), f"{source.path}:{item.line}")


def _use(source: SourceFile, item: Item, scope: dict[str, Definition], uses: Uses) -> None:
    tokens = all_tokens(source, item)
    names = {tokens[at].text.decode("utf-8", "replace") for at in range(len(tokens) - 1) if tokens[at + 1].text == b"!"}
    known = {name: scope[name] for name in names if name in scope}
    if known:
        uses[source.path, item.core.start] = known
