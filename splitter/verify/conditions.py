"""Compares conditions of conditional compilation by what they mean.

Source: The Rust Reference, "Conditional compilation".
Invariant: two conditions are equal when every assignment of their options gives both the same value; with too
many options for that, only equal texts are.
"""

import re
from collections.abc import Iterable
from itertools import product

#: Alternatives (any of them), each a row of predicates (all of them).
Condition = frozenset[frozenset[str]]
ALWAYS: Condition = frozenset((frozenset(),))

_MOST = 10
_TOKEN = re.compile(r'"[^"]*"|[\w-]+|[(),=]')


def equivalent(left: Condition, right: Condition) -> bool:
    """Say whether two conditions hold at the same times."""
    if left == right:
        return True
    try:
        trees = [[_all(row) for row in condition] for condition in (left, right)]
    except (IndexError, ValueError):
        return False
    options = sorted({option for rows in trees for row in rows for option in _options(row)})
    if len(options) > _MOST:
        return False
    for values in product((False, True), repeat=len(options)):
        world = dict(zip(options, values, strict=True))
        one, other = (any(_holds(row, world) for row in rows) for rows in trees)
        if one != other:
            return False
    return True


def flattened(cfgs: Iterable[str]) -> frozenset[str]:
    """Predicates that have to hold together, those inside `all(…)` one by one."""
    found: set[str] = set()
    for cfg in cfgs:
        try:
            found |= _parts(_read(_TOKEN.findall(cfg), 0)[0])
        except (IndexError, ValueError):
            found.add(cfg)
    return frozenset(found)


def _parts(tree: "_Tree") -> set[str]:
    name, inside = tree
    return {part for one in inside for part in _parts(one)} if name == "all" else {_written(tree)}


def _written(tree: "_Tree") -> str:
    name, inside = tree
    if name in ("all", "any", "not"):
        return f"{name}({', '.join(map(_written, inside))})"
    return name.replace("=", " = ", 1)


_Tree = tuple[str, tuple["_Tree", ...]]


def _all(row: frozenset[str]) -> _Tree:
    return "all", tuple(_read(_TOKEN.findall(text), 0)[0] for text in sorted(row))


def _read(tokens: list[str], at: int) -> tuple[_Tree, int]:
    name = tokens[at]
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if following == "=":
        return (f"{name}={tokens[at + 2]}", ()), at + 3
    if following != "(":
        return (name, ()), at + 1
    inside: list[_Tree] = []
    at += 2
    while tokens[at] != ")":
        tree, at = _read(tokens, at)
        inside.append(tree)
        at += tokens[at] == ","
    if name not in ("all", "any", "not"):
        raise ValueError(name)
    return (name, tuple(inside)), at + 1


def _options(tree: _Tree) -> set[str]:
    name, inside = tree
    if name in ("all", "any", "not"):
        return {option for one in inside for option in _options(one)}
    return {name}


def _holds(tree: _Tree, world: dict[str, bool]) -> bool:
    name, inside = tree
    if name == "all":
        return all(_holds(one, world) for one in inside)
    if name == "any":
        return any(_holds(one, world) for one in inside)
    if name == "not":
        return not _holds(inside[0], world)
    return world[name]
