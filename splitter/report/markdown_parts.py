"""Pieces of Markdown that every report for a pull request is made of.

Source: GitHub Flavored Markdown, "Tables" and "Details".
Invariant: whatever a name or message holds, it cannot break a table or open a tag.
"""

import html
from collections.abc import Iterable, Sequence

from splitter.report.words import counted, plain


def lists(named: dict[str, tuple[str, ...]], *, as_code: bool = False) -> list[str]:
    """A titled list for each entry that has something in it."""
    write = code if as_code else safe
    return [
        f"**{title}**\n\n" + "\n".join(f"- {write(text)}" for text in texts) for title, texts in named.items() if texts
    ]


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: tuple[int, ...]) -> str:
    """A table; `right` are the columns of numbers."""
    lines = [heads, tuple("---:" if at in right else "---" for at in range(len(heads))), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Code in backticks; with a longer fence where the text has backticks of its own."""
    flat = " ".join(plain(text).split()).replace("|", "\\|")
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def folded(title: str, texts: Iterable[str]) -> str:
    """A list that opens at a click."""
    told = "\n".join(f"- {safe(text)}" for text in texts)
    return f"<details><summary>{title}</summary>\n\n{told}\n\n</details>"


def differs(lawful: Sequence[str], accepted: int) -> list[str]:
    """What differs lawfully, and how much of it the plan accepts; nothing where nothing does."""
    told = [counted(len(lawful), "place")] if lawful else []
    told += [f"{accepted:,} accepted by the plan"] if accepted else []
    title = f"Differs lawfully: {', '.join(told)}"
    return [] if not told else [folded(title, lawful)] if lawful else [f"{title}."]


def safe(text: str) -> str:
    """Text in which nothing is markup."""
    flat = html.escape(" ".join(plain(text).split()), quote=False)
    for mark in ("\\", "|", "*", "_", "[", "]"):
        flat = flat.replace(mark, f"\\{mark}")
    return flat
