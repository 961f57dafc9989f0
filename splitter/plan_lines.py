"""Where each value of a TOML text stands, which `tomllib` does not tell.

Source: TOML 1.0, "Keys", "Table", "Array of Tables".
Invariant: expects a text that `tomllib` has accepted; tells places only, never values.
"""

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value: `("phase", 0, "module", 1, "items", 3)`."""

_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\r]+|\#[^\n]*)
  | (?P<string>\"""(?:[^\\]|\\.)*?\"""(?!") | '''.*?'''(?!') | "(?:[^"\\\n]|\\.)*" | '[^'\n]*')
  | (?P<mark>[\n\[\]{}=,.])
  | (?P<bare>[^\s\[\]{}=,."'\#]+)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True)
class _Scan:
    """A walk over the tokens of one text."""

    tokens: list[tuple[str, int]]
    lines: dict[Place, int] = field(default_factory=dict)
    rows: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    at: int = 0

    @property
    def word(self) -> str:
        return self.tokens[self.at][0]

    @property
    def line(self) -> int:
        return self.tokens[self.at][1]


def find_lines(text: str) -> dict[Place, int]:
    """1-based line of every table, key and array element; of a table its header, of a key the key itself."""
    scan = _Scan(_tokens(text))
    table: Place = ()
    while scan.word:
        if scan.word == "\n":
            scan.at += 1
        elif scan.word == "[":
            table = _header(scan)
        else:
            _pair(scan, table)
    return scan.lines


def line_of(lines: dict[Place, int], place: Place) -> int:
    """Line of a place, or of the nearest thing around it that stands in the text."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _tokens(text: str) -> list[tuple[str, int]]:
    row: list[tuple[str, int]] = []
    line = 1
    for found in _TOKEN.finditer(text):
        if found.lastgroup != "skip":
            row.append((found.group(), line))
        line += found.group().count("\n")
    return [*row, ("\n", line), ("", line)]


def _header(scan: _Scan) -> Place:
    line = scan.line
    is_row = scan.tokens[scan.at + 1][0] == "["
    scan.at += 2 if is_row else 1
    keys = _keys(scan, "]")
    scan.at += 2 if is_row else 1
    place: Place = ()
    for depth, key in enumerate(keys, start=1):
        place += (key,)
        scan.lines.setdefault(place, line)
        if is_row and depth == len(keys):
            scan.rows[place] += 1
        if scan.rows.get(place):
            place += (scan.rows[place] - 1,)
    scan.lines[place] = line
    return place


def _pair(scan: _Scan, table: Place) -> None:
    line = scan.line
    place = table
    for key in _keys(scan, "="):
        place += (key,)
        scan.lines.setdefault(place, line)
    scan.at += 1
    _value(scan, place)


def _keys(scan: _Scan, end: str) -> list[str]:
    keys: list[str] = []
    while scan.word != end:
        if scan.word != ".":
            quoted = scan.word[0] in "\"'"
            keys.append(tomllib.loads(f"key = {scan.word}")["key"] if quoted else scan.word)
        scan.at += 1
    return keys


def _value(scan: _Scan, place: Place) -> None:
    if scan.word not in ("[", "{"):
        while scan.word not in (",", "]", "}", "\n"):
            scan.at += 1
        return
    close = "]" if scan.word == "[" else "}"
    scan.at += 1
    index = 0
    while scan.word != close:
        if scan.word in (",", "\n"):
            scan.at += 1
        elif close == "}":
            _pair(scan, place)
        else:
            scan.lines[(*place, index)] = scan.line
            _value(scan, (*place, index))
            index += 1
    scan.at += 1
