"""Divides a module that is far too large where the file's own section banners divide it.

Invariant: only modules whose path is settled, and none that a rule is about; every unit keeps a module, and what
stands in no section of its own goes to what the others share.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from splitter.planner.features import Features
from splitter.planner.lexicon import Lexicon
from splitter.planner.place import Placement
from splitter.planner.units import Unit
from splitter.planner.words import KEYWORDS

_LARGE = 4.0
_WORTH = 0.4
_FEWEST_UNITS = 3
_FEWEST_SECTIONS = 3
_WORD = re.compile(r"[a-z][a-z0-9]*")
_MOST_WORDS = 2

Row = list[tuple[Unit, Features]]


def divide_large(
    rows: Mapping[int, Row], paths: Mapping[int, str], target_lines: int, lexicon: Lexicon, shared: str
) -> dict[str, tuple[str, str]]:
    """New path of each unit, by its key, of the modules that are divided, and why it follows when it does.

    `rows` are the units of each module, `paths` the paths that are settled. A module is divided that has more than
    four times the lines wished for, and three sections that are worth a module; `shared` is the last part of the path
    of what the sections share.
    """
    found: dict[str, tuple[str, str]] = {}
    for number, path in sorted(paths.items()):
        row = rows.get(number, [])
        if sum(one.lines for _, one in row) <= _LARGE * target_lines:
            continue
        names = {title: name for title in _worthy(row, target_lines) if (name := _name(title, path, lexicon))}
        if len(set(names.values())) >= _FEWEST_SECTIONS:
            for unit, one in row:
                own = names.get(one.section)
                why = f"section “{one.section}” of what is too large" if own else "stands in no section of its own"
                found[unit.key] = f"{path}/{own or shared}", "" if unit.anchor else why
    return found


def rehome(
    placed: dict[str, Placement], divided: dict[str, tuple[str, str]], first: int
) -> tuple[dict[str, Placement], dict[int, str]]:
    """The placements with the divided modules in place, and the paths of these, numbered from `first`."""
    numbers = {path: first + at for at, path in enumerate(sorted({path for path, _ in divided.values()}))}
    moved = {key: Placement(numbers[path], why) for key, (path, why) in divided.items()}
    return placed | moved, {number: path for path, number in numbers.items()}


def _worthy(row: Row, target_lines: int) -> list[str]:
    """Titles of the sections that are large enough, in file order."""
    lines: Counter[str] = Counter()
    units: dict[str, int] = defaultdict(int)
    for _, one in sorted(row, key=lambda pair: pair[1].at):
        lines[one.section] += one.lines
        units[one.section] += 1
    return [
        title
        for title, count in lines.items()
        if title and count >= _WORTH * target_lines and units[title] >= _FEWEST_UNITS
    ]


def _name(title: str, path: str, lexicon: Lexicon) -> str:
    """A module name from a title; none where the title is about the whole module."""
    words = _WORD.findall(title)
    if set(words) & set(re.split("[/_]", path)):
        return ""
    telling = [word for word in words if word not in lexicon.usual and word not in KEYWORDS]
    return "_".join(telling[:_MOST_WORDS])
