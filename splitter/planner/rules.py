"""What users decide beforehand: patterns of items that go to a module or stay.

Invariant: knows no file; a rule that matches nothing is a problem with its line and the nearest name.
"""

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import translate

from splitter.errors import PlanError, Problem
from splitter.model.source import Item

_PART = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Rule:
    """Items whose key or name matches the pattern go to `module`; without one they stay."""

    pattern: str
    module: str | None
    line: int
    regex: bool = False

    def matches(self, item: Item) -> bool:
        """Say whether the rule is about an item."""
        expression = self.pattern if self.regex else translate(self.pattern)
        return any(re.fullmatch(expression, text) for text in (item.key, item.name) if text)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a user in their order; the first that matches an item decides."""

    rules: tuple[Rule, ...]
    path: str = ""

    def decide(self, items: tuple[Item, ...]) -> dict[str, str | None]:
        """Module path, or none for staying, of every item that a rule is about.

        Raises `PlanError` with all the rules that match no item.
        """
        found: dict[str, str | None] = {}
        problems: list[Problem] = []
        for rule in self.rules:
            hits = [item.key for item in items if rule.matches(item)]
            for key in hits:
                found.setdefault(key, rule.module)
            if not hits:
                problems.append(_nothing(rule, items, self.path))
        if problems:
            raise PlanError(tuple(problems))
        return found

    def refuse_taken(self, named: dict[str, str]) -> None:
        """Raise `PlanError` for modules that cannot be had under the path that a rule gives them.

        `named` are the paths that are free, by those that were asked for.
        """
        taken = {rule.module: rule for rule in reversed(self.rules) if named.get(rule.module or "") != rule.module}
        problems = [
            Problem(
                self.path, rule.line, f"`{path}` is the name of something else in the file", f"`{named[path]}` is free"
            )
            for path, rule in taken.items()
            if path in named
        ]
        if problems:
            raise PlanError(tuple(sorted(problems, key=lambda one: one.line)))


def parse_rules(text: str, path: str) -> Rules:
    """Rules of a TOML text: `keep = [pattern…]` and `[modules]` with `"hash/sha1" = [pattern…]`.

    A pattern is a glob over item keys and names (`fn:rt_sha1_*`, `rt_sha1_*`), or between slashes a regular
    expression. Raises `PlanError` with all problems at once.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise PlanError((Problem(path, int(found.group(1)) if found else 1, str(error)),)) from error
    problems: list[Problem] = []
    rules: list[Rule] = []
    for key in table:
        if key not in ("keep", "modules"):
            near = get_close_matches(key, ("keep", "modules"), 1)
            problems.append(Problem(path, _line(text, key), f"unknown key `{key}`", _meant(near)))
    rows: list[tuple[str | None, object]] = [(None, table.get("keep", []))]
    modules = table.get("modules", {})
    if isinstance(modules, dict):
        rows += list(modules.items())
    else:
        problems.append(Problem(path, _line(text, "modules"), "`modules` is a table of module paths"))
    for module, patterns in rows:
        if module is not None and not all(_PART.fullmatch(part) for part in module.split("/")):
            problems.append(Problem(path, _line(text, module), f"`{module}` is no module path"))
        if not isinstance(patterns, list) or not all(isinstance(one, str) for one in patterns):
            problems.append(Problem(path, _line(text, module or "keep"), "patterns are a list of texts"))
            continue
        for pattern in patterns:
            rule, problem = _rule(pattern, module, _line(text, pattern), path)
            rules += [rule] if rule else []
            problems += [problem] if problem else []
    if problems:
        raise PlanError(tuple(problems))
    return Rules(tuple(rules), path)


def _rule(pattern: str, module: str | None, line: int, path: str) -> tuple[Rule | None, Problem | None]:
    if len(pattern) < 2 or not (pattern.startswith("/") and pattern.endswith("/")):
        return Rule(pattern, module, line), None
    try:
        re.compile(pattern[1:-1])
    except re.error as error:
        return None, Problem(path, line, f"`{pattern}` is no regular expression: {error}")
    return Rule(pattern[1:-1], module, line, regex=True), None


def _nothing(rule: Rule, items: tuple[Item, ...], path: str) -> Problem:
    bare = rule.pattern.strip("*?^$.")
    names = [text for item in items for text in (item.key, item.name) if text]
    return Problem(path, rule.line, f"`{rule.pattern}` matches no item", _meant(get_close_matches(bare, names, 1, 0.5)))


def _meant(near: list[str]) -> str:
    return f"did you mean `{near[0]}`?" if near else ""


def _line(text: str, what: str) -> int:
    at = text.find(f'"{what}"')
    at = text.find(what) if at < 0 else at
    return text.count("\n", 0, max(at, 0)) + 1
