"""Puts results on stdout, and the exit code of a verdict.

Invariant: a result is written in one go, after it is complete; colour goes to terminals alone, and to none where
`NO_COLOR` is set. What is no terminal gets tables of a fixed width.
"""

import sys
from typing import IO, TYPE_CHECKING, Any

from splitter.model.check import Verdict

if TYPE_CHECKING:
    from rich.console import RenderableType

_WIDTH_OF_LOGS = 100
_WIDEST = 120


def show(result: "RenderableType", stream: IO[str] | None = None) -> None:
    """Print tables and lines on stdout, or on another stream; lines with places are not broken."""
    from rich.console import Console, Group

    to = stream or sys.stdout
    console = Console(file=to, highlight=False, markup=False, emoji=False)
    console.width = min(console.width, _WIDEST) if console.is_terminal else _WIDTH_OF_LOGS
    with console.capture() as captured:
        console.print(Group(result), crop=False)  # a bare text would be joined to others, and broken
    rows = captured.get().splitlines()
    show_text("\n".join(row.rstrip() for row in rows) + "\n", to)


def show_text(text: str, stream: IO[str] | None = None) -> None:
    """Write a text as it is."""
    to = stream or sys.stdout
    to.write(text)
    to.flush()


def show_json(shape: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write JSON values; ASCII only, so that any pipe can take them."""
    from splitter.report.json_shapes import dump

    show_text(dump(shape) + "\n")


def exit_code(verdict: Verdict) -> int:
    """0 where every check that was asked for passed, else 1."""
    return 0 if verdict is Verdict.PASSED else 1
