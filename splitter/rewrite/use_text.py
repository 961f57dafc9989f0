"""Renders `use` and `mod` lines as rustfmt would, so that new files need no reformatting.

Source: rustfmt, `UseTree` ordering and `imports_layout = "Mixed"` (style edition 2015 to 2021).
"""

from collections import defaultdict
from dataclasses import dataclass, replace

from splitter.rewrite.gates import attribute_lines
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


Order = list[tuple[int, tuple[tuple[tuple[int, int, str], str], ...]]]


def render_uses(lines: tuple[UseLine, ...]) -> str:
    """All lines as sorted `use` declarations, leaves of one path grouped; empty when there are none."""
    return "".join(text for _, text in statements(lines))


def statements(lines: tuple[UseLine, ...]) -> list[tuple[Order, str]]:
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
        row = sorted(leaves, key=_leaf_order)
        rendered.append((_order(row), head + _statement(visibility, row)))
    return sorted(rendered, key=lambda pair: (pair[0], pair[1]))


def statement_order(leaves: tuple[UseLeaf, ...]) -> Order:
    """Sort key of a declaration that has these leaves."""
    return _order(sorted(leaves, key=_leaf_order))


def segment_order(name: str) -> tuple[int, int, str]:
    """Sort key of one path segment: keywords, then snake_case, CamelCase, SCREAMING_CASE."""
    if name in _RANK:
        return (_RANK[name], 0, "")
    plain = name.removeprefix("r#")
    screaming = plain.upper() == plain and any(c.isalpha() for c in plain)
    case = 2 if screaming else 1 if plain[:1].isupper() else 0
    return (3, case, plain)


def _leaf_order(leaf: UseLeaf) -> tuple[tuple[int, int, str], str]:
    if leaf.braced_self:
        return ((0, 0, ""), leaf.alias or "")
    return (segment_order(leaf.path[-1]), leaf.alias or "")


def _order(row: list[UseLeaf]) -> Order:
    """Segments of the path, then a glob or the list; a name comes before a glob, a glob before a list."""
    first = row[0]
    whole = len(row) == 1 and not first.braced_self
    prefix = first.path if first.glob or first.braced_self or whole else first.path[:-1]
    order: Order = [(0, ((segment_order(part), ""),)) for part in prefix if part]
    if whole and not first.glob:
        order[-1] = (0, ((segment_order(first.path[-1]), first.alias or ""),))
        return order
    return [*order, (1, ()) if first.glob else (2, tuple(_leaf_order(leaf) for leaf in row))]


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
