"""What is wrong with a plan as such: keys, types, order, names.

Invariant: looks at nothing but the parsed file; sees every problem, not the first.
Source: The Rust Reference, "Keywords", "Identifiers"; rustc E0754 (a file's module name has to be ASCII).
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from splitter.errors import Problem
from splitter.model.plan import Layout
from splitter.plan_lines import Place, line_of

FORMAT = 1

KEYWORDS = frozenset(
    """
    Self abstract as async await become box break const continue crate do dyn else enum extern false final fn
    for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super
    trait true try type typeof unsafe unsized use virtual where while yield
    """.split()  # noqa: SIM905 - a column of quotes says no more
)

_NAMES = {
    str: "a string",
    int: "a whole number",
    list: "an array",
    dict: "a table",
    bool: "true or false",
    float: "a number with a point",
}
_Fields = Mapping[str, type]
_TOP = {"format": int, "source": dict, "lawful": dict, "phase": list}
_SOURCE = {"path": str, "sha256": str, "layout": str}
_LAWFUL = {"accepted": list}
_PHASE = {"number": int, "name": str, "reason": str, "module": list}
_MODULE = {"path": str, "doc": str, "items": list, "locked": list}
_OPTIONAL = frozenset(("phase", "layout", "lawful", "accepted", "reason", "doc", "locked"))

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class _Findings:
    """Problems found so far, and where things stand."""

    path: str
    lines: dict[Place, int]
    problems: list[Problem] = field(default_factory=list)
    items: dict[str, tuple[str, Place]] = field(default_factory=dict)
    modules: dict[str, Place] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)

    def add(self, place: Place, message: str, suggestion: str = "") -> None:
        self.problems.append(Problem(self.path, line_of(self.lines, place), message, suggestion))


def find_shape_problems(raw: dict[str, Any], lines: dict[Place, int], path: str) -> tuple[Problem, ...]:
    """Problems of a parsed plan in the order of lines; none means that a `Plan` can be made of it."""
    found = _Findings(path, lines)
    top = _table(found, raw, (), _TOP, "the plan")
    if top.get("format", FORMAT) != FORMAT:
        found.add(("format",), f"format {top['format']} is not known", f"this version reads format {FORMAT}")
    source = _table(found, top["source"], ("source",), _SOURCE, "`[source]`") if "source" in top else {}
    _check_source(found, source)
    _keys(found, _table(found, top.get("lawful", {}), ("lawful",), _LAWFUL, "`[lawful]`"), "accepted", ("lawful",))
    for index, phase in enumerate(_tables(found, top.get("phase", []), ("phase",))):
        if phase is not None:
            _check_phase(found, phase, index)
    _check_modules(found, source)
    return tuple(sorted(found.problems, key=lambda problem: problem.line))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion with the nearest of the known words, or nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.7)
    return f"did you mean `{near[0]}`?" if near else ""


def _table(found: _Findings, raw: dict[str, Any], place: Place, keys: _Fields, what: str) -> dict[str, Any]:
    """Those values of a table that have the right type."""
    good: dict[str, Any] = {}
    for key, value in raw.items():
        wanted = keys.get(key)
        if wanted is None:
            advice = did_you_mean(key, keys) or f"known here: {', '.join(keys)}"
            found.add((*place, key), f"unknown key `{key}` in {what}", advice)
        elif type(value) is not wanted:
            got = _NAMES.get(type(value), f"a {type(value).__name__}")
            found.add((*place, key), f"`{key}` has to be {_NAMES[wanted]}, not {got}")
        else:
            good[key] = value
    for key in keys:
        if key not in raw and key not in _OPTIONAL:
            found.add(place, f"{what} lacks `{key}`")
    return good


def _tables(found: _Findings, rows: list[Any], place: Place) -> list[dict[str, Any] | None]:
    """The rows that are tables; `None` stands for one that is not, so that places stay right."""
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            header = ".".join(part for part in place if isinstance(part, str))
            found.add((*place, index), f"each `{place[-1]}` has to be a table", f"write `[[{header}]]`")
    return [row if isinstance(row, dict) else None for row in rows]


def _check_source(found: _Findings, source: dict[str, Any]) -> None:
    path = source.get("path")
    if path is not None:
        message, advice = _path_problem(path)
        if message:
            found.add(("source", "path"), message, advice)
    digest = source.get("sha256")
    if digest is not None and not _DIGEST.fullmatch(digest):
        found.add(("source", "sha256"), "`sha256` has to be 64 hexadecimal digits in lower case")
    layout = source.get("layout", Layout.INLINE)
    if layout not in tuple(Layout):
        known = [each.value for each in Layout]
        advice = did_you_mean(layout, known) or f"known: {', '.join(known)}"
        found.add(("source", "layout"), f"unknown layout `{layout}`", advice)


def _path_problem(path: str) -> tuple[str, str]:
    normal: list[str] = []
    for part in path.split("/"):
        if part == ".." and not normal:
            return f"the source path `{path}` leaves the root of the tree", "paths are relative to the root"
        if part == "..":
            normal.pop()
        elif part not in ("", "."):
            normal.append(part)
    if path.startswith("/"):
        return f"the source path `{path}` leaves the root of the tree", "write it relative to the root"
    if not normal or not path.isprintable():
        return f"the source path {path!r} names no file", ""
    if "/".join(normal) != path:
        return f"the source path `{path}` takes a detour", f"write `{'/'.join(normal)}`"
    return "", ""


def _check_phase(found: _Findings, raw: dict[str, Any], index: int) -> None:
    place: Place = ("phase", index)
    phase = _table(found, raw, place, _PHASE, "a `[[phase]]`")
    number = phase.get("number")
    if number is not None and number != index + 1:
        advice = f"phases are numbered 1, 2, 3 … in their order: this is {index + 1}"
        found.add((*place, "number"), f"phase number {number} is out of order", advice)
    modules = _tables(found, phase.get("module", []), (*place, "module"))
    for at, module in enumerate(modules):
        if module is not None:
            _check_module(found, module, (*place, "module", at))
    if "module" in phase and not any(module is None or module.get("items", True) for module in modules):
        found.add(place, f"phase {index + 1} is empty: it moves no item", "give it items, or delete it")


def _check_module(found: _Findings, raw: dict[str, Any], place: Place) -> None:
    module = _table(found, raw, place, _MODULE, "a `[[phase.module]]`")
    path = module.get("path")
    if path is not None:
        _check_module_path(found, path, (*place, "path"))
    items = _keys(found, module, "items", place)
    if path is not None and module.get("items") == []:
        found.bare.add(path.lower())
    where = path or "another module"
    for at, key in items:
        before = found.items.setdefault(key, (where, at))
        if before[1] != at:
            message = f"`{key}` is placed twice: it stands in `{before[0]}` already"
            found.add(at, message, f"line {line_of(found.lines, before[1])}")
    own = {key for _, key in items}
    for at, key in _keys(found, module, "locked", place):
        if key not in own and "items" in module:
            advice = did_you_mean(key, own) or "a locked key stands in `items` too"
            found.add(at, f"`{key}` is locked here, but not among the items of this module", advice)


def _keys(found: _Findings, module: dict[str, Any], name: str, place: Place) -> list[tuple[Place, str]]:
    good: list[tuple[Place, str]] = []
    for index, key in enumerate(module.get(name, ())):
        at = (*place, name, index)
        if isinstance(key, str):
            good.append((at, key))
        else:
            found.add(at, f"`{name}` has to hold strings, not {_NAMES.get(type(key), type(key).__name__)}")
    return good


def _check_module_path(found: _Findings, path: str, place: Place) -> None:
    for part in path.split("/"):
        if part in KEYWORDS:
            found.add(place, f"module path `{path}`: `{part}` is a keyword of Rust", f"try `{part.lower()}_`")
        elif not _IDENTIFIER.fullmatch(part) or part == "_":
            advice = _nearest_identifier(part)
            found.add(place, f"module path `{path}`: `{part}` is no identifier of Rust (in ASCII)", advice)
    other = found.modules.setdefault(path.lower(), place)
    if other != place:
        line = line_of(found.lines, other)
        found.add(place, f"module `{path}` is there already", f"line {line}; join the two")


def _nearest_identifier(part: str) -> str:
    """The identifier nearest to a name that is none, as a suggestion."""
    near = re.sub(r"[^a-z0-9]+", "_", part.lower()).strip("_")
    return f"did you mean `{near}`?" if _IDENTIFIER.fullmatch(near) and near not in KEYWORDS else ""


def _check_modules(found: _Findings, source: dict[str, Any]) -> None:
    """What modules do to one another, and to the residue's own file."""
    for path, place in found.modules.items():
        if path in found.bare and not any(other.startswith(f"{path}/") for other in found.modules):
            found.add(place, f"module `{path}` is empty: no item goes there, and no module is nested in it")
    if source.get("layout") != Layout.LEGACY or not isinstance(source.get("path"), str):
        return
    file = PurePosixPath(source["path"])
    residue = f"{file.parent.name if file.name == 'mod.rs' else file.stem}_legacy"
    for path, place in found.modules.items():
        if path.split("/")[0] == residue.lower():
            found.add(place, f"module `{path}` takes the name of the file that the residue goes to")
