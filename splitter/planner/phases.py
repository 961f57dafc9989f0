"""Orders modules in phases: what others need first, related modules together, feature-gated families last.

Invariant: every module is in exactly one phase; phases are small enough to review.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

from splitter.planner.lexicon import Lexicon

_MOST_MODULES = 6
_MOST_LINES = 900
_LEFTOVER = 90
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Block:
    """What phases need to know of a module; `needs` are paths of the modules that it uses."""

    path: str
    group: str
    lines: int
    at: int
    gate: str
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One phase to be: its name, the reason for its place, its modules in order."""

    name: str
    reason: str
    paths: tuple[str, ...]


def order_phases(blocks: list[Block], lexicon: Lexicon) -> list[Step]:
    """Phases in the order in which they are best carried out."""
    groups: dict[tuple[str, str], list[Block]] = defaultdict(list)
    for block in blocks:
        groups[block.gate, block.group].append(block)
    rows = [row for key in _ordered(groups, lexicon) for row in _small(groups[key])]
    rows = _merged(rows)
    names = Counter(_name(row) for row in rows)
    steps: list[Step] = []
    done: set[str] = set()
    for row in rows:
        name = _name(row) if names[_name(row)] == 1 else f"{_name(row)} ({_contents(row)})"
        steps.append(Step(name, _reason(row, done), tuple(block.path for block in row)))
        done.update(block.path for block in row)
    return steps


def _ordered(groups: dict[tuple[str, str], list[Block]], lexicon: Lexicon) -> list[tuple[str, str]]:
    """Known groups as the lexicon has them, unknown ones after those that they need, gated ones last."""
    known = {name: at for at, name in enumerate(lexicon.groups)}
    home = {block.path: key for key, row in groups.items() for block in row}
    needs = {key: {home[p] for block in row for p in block.needs if p in home} - {key} for key, row in groups.items()}
    left = sorted(groups, key=lambda key: min(block.at for block in groups[key]))
    found: list[tuple[str, str]] = []
    while left:
        open_needs = {key: len(needs[key] - set(found)) for key in left}
        rank = {key: (bool(key[0]), known.get(key[1], len(known)), open_needs[key], at) for at, key in enumerate(left)}
        chosen = min(left, key=rank.__getitem__)
        found.append(chosen)
        left.remove(chosen)
    return found


def _small(row: list[Block]) -> list[list[Block]]:
    """A group in pieces of at most six modules and, where modules are not larger themselves, 900 lines.

    A last piece that is next to nothing joins the one before.
    """
    pieces: list[list[Block]] = []
    for block in _by_need(row):
        last = pieces[-1] if pieces else []
        if last and _fits([*last, block]):
            last.append(block)
        else:
            pieces.append([block])
    if len(pieces) > 1 and sum(block.lines for block in pieces[-1]) < _LEFTOVER:
        leftover = pieces.pop()
        pieces[-1] += leftover
    return pieces


def _by_need(row: list[Block]) -> list[Block]:
    """Modules of a group, those that others of it need before these, else in file order."""
    left = sorted(row, key=lambda one: one.at)
    found: list[Block] = []
    while left:
        open_paths = {one.path for one in left}
        chosen = min(left, key=lambda one: len(one.needs & open_paths))
        found.append(chosen)
        left.remove(chosen)
    return found


def _merged(rows: list[list[Block]]) -> list[list[Block]]:
    """Neighbouring groups joined while they are small together; core values and gated ones stay alone."""
    found: list[list[Block]] = []
    for row in rows:
        last = found[-1] if found else []
        small = _fits(last + row)
        alone = any(one.group == "core values" for one in last + row)
        same_gate = last and last[0].gate == row[0].gate
        if small and same_gate and (not alone or {one.group for one in last + row} == {"core values"}):
            last.extend(row)
        else:
            found.append(list(row))
    return found


def _fits(row: list[Block]) -> bool:
    lines = sum(block.lines for block in row)
    return lines <= _MOST_LINES or (len(row) <= _MOST_MODULES and lines <= 1.25 * _MOST_LINES)


def _name(row: list[Block]) -> str:
    return _and(list(dict.fromkeys(block.group for block in row)))


def _contents(row: list[Block]) -> str:
    """What tells a phase from others of its group: its modules, or of one family the branches."""
    paths = [block.path.split("/") for block in row]
    depth = 1 if len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths) else 0
    names = list(dict.fromkeys(path[depth] for path in paths))
    return _and(names) if len(names) <= _NAMED else _listed(names)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _reason(row: list[Block], done: set[str]) -> str:
    gates = sorted({block.gate for block in row if block.gate})
    paths = {block.path for block in row}
    needed = sorted({path for block in row for path in block.needs} - paths)
    if gates:
        return f"gated by {' and '.join(gates)}, so it comes after what is always built"
    if not needed:
        return "no other domain has to move first"
    later = [path for path in needed if path not in done]
    if later:
        return f"related modules; uses {_listed(later)} before {'it moves' if len(later) == 1 else 'they move'}"
    return f"builds on {_listed(needed)}, moved before"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
