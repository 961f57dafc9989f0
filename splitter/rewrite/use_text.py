"""Renders `use` and `mod` lines as rustfmt would, so that new files need no reformatting.

Source: rustfmt, `UseTree` ordering and `imports_layout = "Mixed"` (style editions 2015 to 2024).
"""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from splitter.rewrite.gates import attribute_lines
from splitter.rewrite.places import common
from splitter.source.uses import UseLeaf

_WIDTH = 100
#: rustfmt keeps a list on one line up to this width, closing bracket and semicolon included.
FLAT_WIDTH = 98
_RANK = {"self": 0, "super": 1, "crate": 2}


@dataclass(frozen=True, slots=True)
class UseLine:
    """One leaf with the visibility, the `cfg` predicates and the lints that it is not to raise, in order."""

    leaf: UseLeaf
    visibility: str = ""
    cfgs: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()

    def allowing(self, lint: str, *, when: bool = True) -> "UseLine":
        """The line with one lint more, where there is reason to."""
        return replace(self, allows=tuple(sorted({*self.allows, lint}))) if when else self


#: Sort key of a path segment, and of a whole declaration.
Segment = tuple[int, int, tuple[tuple[int, int, int, str], ...], tuple[int, ...]]
_NOTHING: Segment = (-1, 0, (), ())
Order = list[tuple[int, tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class UseStyle:
    """How rustfmt sorts names: by case, or, from style edition 2024 on, as versions are sorted."""

    versions: bool = False

    def render(self, lines: tuple[UseLine, ...]) -> str:
        """All lines as sorted `use` declarations, leaves of one path grouped; empty when there are none."""
        return "".join(text for _, text in self.statements(lines))

    def statements(self, lines: tuple[UseLine, ...]) -> list[tuple[Order, str]]:
        """The same, one declaration at a time with its sort key."""
        groups: dict[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]], set[UseLeaf]] = defaultdict(set)
        for line in lines:
            leaf = line.leaf
            prefix = leaf.path if leaf.braced_self else (*leaf.path, "*") if leaf.glob else leaf.path[:-1]
            alone = ("", leaf.path[-1]) if len(leaf.path) == 1 else ()
            key = (line.visibility, line.cfgs, line.allows, prefix + alone)
            groups[key].add(UseLeaf(leaf.path, leaf.alias, leaf.glob, leaf.braced_self))
        rendered = []
        for (visibility, cfgs, allows, _), leaves in groups.items():
            head = attribute_lines(cfgs) + (f"#[allow({', '.join(allows)})]\n" if allows else "")
            row = sorted(leaves, key=self._leaf)
            rendered.append((self._order(row), head + _statement(visibility, row)))
        return sorted(rendered, key=lambda pair: (pair[0], pair[1]))

    def order(self, leaves: tuple[UseLeaf, ...]) -> Order:
        """Sort key of a declaration that has these leaves."""
        return self._order(sorted(leaves, key=self._leaf))

    def segment(self, name: str) -> Segment:
        """Sort key of one path segment: keywords first, then as the style has it."""
        if name in _RANK:
            return (_RANK[name], 0, (), ())
        if self.versions:
            return (3, 0, *_chunks(name.removeprefix("r#")))
        screaming = name.upper() == name and any(c.isalpha() for c in name)
        case = 2 if screaming else 1 if name[:1].isupper() else 0
        return (3, case, ((1, 1, 0, name),), ())

    def _leaf(self, leaf: UseLeaf) -> tuple[Segment, Segment]:
        if leaf.braced_self:
            return ((0, 0, (), ()), self._alias(leaf))
        return (self.segment(leaf.path[-1]), self._alias(leaf))

    def _alias(self, leaf: UseLeaf) -> Segment:
        """A name without an alias comes before the same one with it."""
        return self.segment(leaf.alias) if leaf.alias else _NOTHING

    def _order(self, row: list[UseLeaf], depth: int = 0) -> Order:
        """From a depth on segments, then a glob or the list; a name comes before a glob, a glob before a list."""
        first = row[0]
        if len(row) == 1 and not first.braced_self and not first.glob:
            above: Order = [(0, (self.segment(part), _NOTHING)) for part in first.path[depth:-1] if part]
            return [*above, (0, self._leaf(first))]
        prefix = reduce(common, (leaf.path if leaf.glob or leaf.braced_self else leaf.path[:-1] for leaf in row))
        order: Order = [(0, (self.segment(part), _NOTHING)) for part in prefix[depth:] if part]
        if len(row) == 1 and first.glob:
            return [*order, (1, ())]
        further: dict[str, list[UseLeaf]] = defaultdict(list)
        members: list[Order] = []
        for leaf in row:
            inside = leaf.path if leaf.glob or leaf.braced_self else leaf.path[:-1]
            if inside == prefix:
                members.append([(1, ())] if leaf.glob else [(0, self._leaf(leaf))])
            else:
                further[leaf.path[len(prefix)]].append(leaf)
        members += [self._order(leaves, len(prefix)) for leaves in further.values()]
        return [*order, (2, tuple(sorted(members)))]


def _chunks(name: str) -> tuple[tuple[tuple[int, int, int, str], ...], tuple[int, ...]]:
    """A name cut into underscores, numbers and the rest; of equal ones the number with more zeros in front is first.

    Source: the Rust Style Guide, "Sorting"; rustfmt, `version_sort`.
    """
    chunks = re.findall(r"_|[0-9]+|[^_0-9]+", name)
    keys = ((0, 0, 0, "") if c == "_" else (1, 0, int(c), "") if c.isdigit() else (1, 1, 0, c) for c in chunks)
    return tuple(keys), tuple(len(c.lstrip("0")) - len(c) for c in chunks if c.isdigit())


def _statement(visibility: str, row: list[UseLeaf]) -> str:
    start = f"{visibility} use " if visibility else "use "
    first = row[0]
    if len(row) == 1:
        return f"{start}{_whole(first)};\n"
    prefix = "::".join(next((leaf.path for leaf in row if leaf.braced_self), first.path[:-1]))
    names = [_last(leaf) for leaf in row]
    flat = f"{start}{prefix}::{{{', '.join(names)}}};"
    if len(flat) <= FLAT_WIDTH:
        return flat + "\n"
    return f"{start}{prefix}::{{\n{filled(names, '    ')}\n}};\n"


def filled(names: list[str], pad: str) -> str:
    """Members of a group that does not fit on one line, as many a line as there is room for."""
    lines, current = [], pad
    for name in names:
        piece = f"{name}," if current == pad else f" {name},"
        if current != pad and len(current) + len(piece) >= _WIDTH:
            lines.append(current)
            current, piece = pad, f"{name},"
        current += piece
    return "\n".join([*lines, current])


def _whole(leaf: UseLeaf) -> str:
    path = "::".join(leaf.path)
    if leaf.glob:
        return f"{path}::*"
    if leaf.braced_self:
        return f"{path}::{{self as {leaf.alias}}}" if leaf.alias else f"{path}::{{self}}"
    return f"{path} as {leaf.alias}" if leaf.alias and leaf.alias != leaf.path[-1] else path


def _last(leaf: UseLeaf) -> str:
    name = "self" if leaf.braced_self else leaf.path[-1]
    return f"{name} as {leaf.alias}" if leaf.alias and leaf.alias != name else name
