"""What the names in an item lead to: the same import, the same definition, however the path is written.

Source: The Rust Reference, "Use declarations", "Paths".
Invariant: speaks only of names that both trees bind by name; what a glob or a prelude brings is left to `mir`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from splitter.model.check import Finding
from splitter.source.mentions import KEYWORDS, mentions_at
from splitter.verify.by_hand.entries import Entry
from splitter.verify.by_hand.surface import Surface
from splitter.verify.places import Path, absolute, in_monolith

#: A path into another crate begins with this; no module has such a name.
_OUTSIDE = "::"
_NAME = re.compile(r"(?:r#)?[A-Za-z_]\w*")
_WORDS = frozenset(word.decode() for word in KEYWORDS)
_STEPS = 12


class Names:
    """What names mean in each module of a crate; `moved` gives the old path of each definition that moved."""

    def __init__(self, surface: Surface, crate: str, moved: Mapping[Path, Path]) -> None:
        self.modules = surface.modules
        self.crate = crate
        self.moved = moved

    @cached_property
    def bound(self) -> dict[Path, dict[str, Path]]:
        """Path of each name that a module defines or imports by name."""
        found: dict[Path, dict[str, Path]] = {}
        for module in self.modules.files:
            own = {name: (*module, name) for name in self.modules.own[module]}
            leaves = [leaf for _, leaf in self.modules.leaves[module] if not leaf.glob and leaf.name != "_"]
            imported = {leaf.name: leaf.path for leaf in leaves}
            found[module] = {name: self._start(path, module, own, imported) for name, path in imported.items()} | own
        return found

    def meaning(self, path: Path, module: Path) -> Path | None:
        """Where a path written in a module leads in the end, from the crate's root; None where that is not known."""
        if path[0] in ("crate", "self", "super"):
            return self._followed(absolute(path, module))
        bound = self.bound.get(module, {}).get(path[0])
        return None if bound is None else self._followed((*bound, *path[1:]))

    def written(self, entry: Entry) -> tuple[str, ...]:
        """An item's code with each path that is known spelled out."""
        texts = entry.parts.texts
        row: list[str] = []
        at = 0
        while at < len(texts):
            end, path = _path_at(texts, at)
            found = self.meaning(path, entry.module if path[0] != "crate" else ()) if path else None
            if path and path[0] == "crate":
                # It was made canonical with the code: the split's modules are thought away already.
                found = self._followed(path[1:])
            if found is None:
                row.append(texts[at])
                at += 1
                continue
            row += found[1:] if found[0] == _OUTSIDE else ["crate", *in_monolith(entry.scope, found)]
            at = end
        return tuple(text for text in row if text != "::")

    def _start(self, path: Path, module: Path, own: dict[str, Path], imported: dict[str, Path]) -> Path:
        head = path[0]
        if head in ("crate", "self", "super"):
            return absolute(path, module)
        if head == self.crate:
            return path[1:]
        if head in own or (*module, head) in self.modules.files:
            return (*module, *path)
        through = imported.get(head)
        if through is not None and through != path and through[0] != head:
            return (*self._start(through, module, own, {}), *path[1:])
        return (_OUTSIDE, *(part for part in path if part))

    def _followed(self, path: Path) -> Path:
        for _ in range(_STEPS):
            if not path or path[0] == _OUTSIDE:
                break
            end = next((end for end in range(len(path) - 1, -1, -1) if path[:end] in self.bound), None)
            following = self.bound[path[:end]].get(path[end]) if end is not None else None
            if end is None or following is None or following == path[: end + 1]:
                break
            path = (*following, *path[end + 1 :])
        size = next((size for size in range(len(path), 0, -1) if path[:size] in self.moved), 0)
        return (*self.moved[path[:size]], *path[size:]) if size else path


def moved_definitions(pairs: Iterable[tuple[Entry, Entry]]) -> dict[Path, Path]:
    """Paths of definitions after, with the paths that they had before."""
    rows = ((old, new) for old, new in pairs if not old.of)
    return {(*new.module, new.item.name): (*old.module, old.item.name) for old, new in rows}


def compare_meaning(old: Entry, new: Entry, names: tuple[Names, Names]) -> Iterator[Finding | str]:
    """Names that lead to something else than before: findings; to another place of a foreign crate: texts."""
    was, now = (_meanings(entry, known) for entry, known in zip((old, new), names, strict=True))
    for name in sorted(was.keys() & now.keys()):
        before, after = was[name], now[name]
        if before == after:
            continue
        shown = f"`{name}` was `{_shown(before)}`, is `{_shown(after)}`"
        foreign = before[0] == after[0] == _OUTSIDE and before[-1] == after[-1]
        yield f"{new.key}: {shown}" if foreign else Finding(new.key, new.path, new.item.line, f"rebound: {shown}")


def _meanings(entry: Entry, names: Names) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for mention in mentions_at(entry.source.data, entry.item.core.start, entry.item.core.end):
        if mention.local or mention.follows == b"!" or mention.name in ("crate", "self", "super"):
            continue
        path = names.meaning((mention.name,), entry.module)
        if path:
            found[mention.name] = path if path[0] == _OUTSIDE else in_monolith(entry.scope, path)
    return found


def _path_at(texts: tuple[str, ...], at: int) -> tuple[int, Path]:
    """Index past the path that begins at `at`, and its segments; none where no path begins."""
    text = texts[at]
    before = texts[at - 1] if at else ""
    if text.startswith("crate::"):
        names = list(text.split("::"))
    elif _NAME.fullmatch(text) and text not in _WORDS and before not in (".", "::"):
        names = [text]
    else:
        return at, ()
    at += 1
    while at + 1 < len(texts) and texts[at] == "::" and _NAME.fullmatch(texts[at + 1]):
        names.append(texts[at + 1])
        at += 2
    return at, tuple(names)


def _shown(path: Path) -> str:
    return "::".join(path[1:] if path[0] == _OUTSIDE else ("crate", *path))
