"""Names and source positions in machine code, as they would be without the split's modules.

Invariant: a position becomes the item and which of its tokens is meant, so that the same place in moved code stays
the same and another place does not; the positions as they stand are noted for the list of lawful differences.
"""

import posixpath
import re
from bisect import bisect_right
from collections import defaultdict

from splitter.graph.symbols import find_symbols
from splitter.model.evidence import Scope
from splitter.model.object_code import ObjectCode
from splitter.model.source import Item, SourceFile
from splitter.verify.canonical import Place, canonical
from splitter.verify.mir_text import offset_at
from splitter.verify.places import Path, in_monolith, module_of
from splitter.verify.v0_names import Name, read_name

_WORD = re.compile(r"\w+")
_METHOD = re.compile(r">::(\w+)")


class Places:
    """What one tree makes of the names and positions in its object."""

    def __init__(self, sources: dict[str, SourceFile], scope: Scope, code: ObjectCode) -> None:
        self.sources = sources
        self.scope = scope
        self.root, self.folder = code.root, code.folder
        self.seen: dict[str, set[tuple[str, str, int, int]]] = defaultdict(set)
        self.types: dict[str, bytes] = {}
        self.exports = {s.name: (f, f.by_key[s.item], s.line) for f in sources.values() for s in find_symbols(f)}
        self.names: dict[str, Name] = {}
        self.tokens: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {}

    def name(self, symbol: str) -> str:
        """A symbol's name without the split's modules."""
        return self._read(symbol).text

    def item(self, symbol: str) -> tuple[str, str, int]:
        """Key, file and line of the item that a symbol comes from; no key where it comes from another crate."""
        exported = self.exports.get(symbol)
        if exported is not None:
            return exported[1].key, exported[0].path, exported[2]
        name = self._read(symbol)
        found = self._impl(name)
        if found is not None:
            return found[1].key, found[0].path, found[1].line
        inmost_first = sorted(self.sources.values(), key=lambda source: -len(module_of(self.scope, source.path)))
        for path in name.paths:
            for source in inmost_first:
                module = (self.scope.crate, *module_of(self.scope, source.path))
                own = path[len(module)] if path[: len(module)] == module and len(path) > len(module) else None
                item = next((item for item in source.items if own is not None and item.name == own), None)
                if item is not None:
                    return item.key, source.path, item.line
        return "", self.scope.monolith, 1

    def position(self, file: str, line: int, column: int) -> str | None:
        """A position in a file of the split, in canonical form; nothing for other files."""
        source = self._source(file)
        if source is None or not 0 < line <= len(source.line_starts) or column < 1:
            return None
        offset = offset_at(source, line, column)
        ends = [item.span.end for item in source.items]
        item = source.items[min(bisect_right(ends, offset), len(source.items) - 1)]
        tokens = self._tokens(source, item)
        at = max(0, bisect_right([start for _, start in tokens], offset) - 1)
        key = item.key.split("#")[0]
        text = f"{key}, token {at} `{tokens[at][0] if tokens else ''}`"
        self.seen[text].add((key, source.path, line, column))
        return text

    def _read(self, symbol: str) -> Name:
        if symbol not in self.names:
            self.names[symbol] = read_name(symbol, self._place)
        return self.names[symbol]

    def _tokens(self, source: SourceFile, item: Item) -> tuple[tuple[str, int], ...]:
        known = source.path, item.key
        if known not in self.tokens:
            place = Place(self.scope, source.path, module_of(self.scope, source.path))
            self.tokens[known] = canonical(source.data, item.span, place)
        return self.tokens[known]

    def _place(self, path: Path) -> Path:
        if path[0] != self.scope.crate:
            return path
        return (path[0], *in_monolith(self.scope, path[1:], is_module=True))

    def _source(self, file: str) -> SourceFile | None:
        path = posixpath.normpath(posixpath.join(self.root, self.folder, file))
        return self.sources.get(posixpath.relpath(path, self.root))

    def _impl(self, name: Name) -> tuple[SourceFile, Item] | None:
        """The file and the impl that define a method."""
        methods = [f"fn {method}".encode() for method in _METHOD.findall(name.text)]
        words = set(_WORD.findall(name.text))
        for source in self.sources.values() if name.impl else ():
            if (self.scope.crate, *module_of(self.scope, source.path)) == name.impl:
                for item in source.items:
                    own = _WORD.findall((item.target or "").split("<")[0])[-1:]
                    if own and own[0] in words and any(method in source.whole(item) for method in methods):
                        return source, item
        return None
