"""A unified diff in colour.

Source: GNU diffutils, "Unified Format".
Invariant: for eyes alone; what is no terminal gets the diff itself.
"""

from rich.text import Text

from splitter.report.words import plain


def diff_text(diff: str) -> Text:
    """Lines of a diff by what they are: file heads bold, hunks cyan, added green, removed red."""
    made = Text(no_wrap=True, overflow="ignore")
    left = 0
    for row in diff.removesuffix("\n").split("\n"):
        style, left = _style(row, left)
        made.append(plain(row.removesuffix("\r")) + "\n", style=style)
    return made


def _style(row: str, left: int) -> tuple[str, int]:
    """Style of a line, and how much of its hunk is to come: `--- x` inside a hunk is a removed line."""
    if left <= 0:
        if row.startswith("@@"):
            return "cyan", _length(row)
        return ("bold" if row.startswith(("--- ", "+++ ", "diff ")) else ""), 0
    if row.startswith("+"):
        return "green", left - 1
    if row.startswith("-"):
        return "red", left - 1
    return "", left - (0 if row.startswith("\\") else 2)


def _length(head: str) -> int:
    """Lines of a hunk, old and new ones added up, from `@@ -1,2 +3,4 @@`."""
    total = 0
    for side in head.split("@@")[1].split():
        _, comma, count = side.partition(",")
        total += int(count) if comma else 1
    return total
