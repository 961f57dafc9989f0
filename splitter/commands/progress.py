"""Tells a waiting person what is being done, on stderr.

Invariant: stdout is never touched; a terminal gets one moving line that goes away, a log a plain line a step.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from splitter.report.words import plain

_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Steps:
    """Called with each step that begins; `detail` takes what a program says meanwhile."""

    begin: Callable[[str], None]
    detail: Callable[[str], None]

    def __call__(self, message: str) -> None:
        """Report the step that begins now."""
        self.begin(message)


@contextmanager
def open_progress() -> Iterator[Steps]:
    """Progress on stderr for as long as the context is open."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _moving_line() as steps:
            yield steps
    else:
        yield Steps(lambda message: click.echo(plain(message), err=True), lambda _: None)


@contextmanager
def _moving_line() -> Iterator[Steps]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False, style="dim"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, detail="")

        def begin(message: str) -> None:
            progress.update(task, description=plain(message), detail="")

        def detail(message: str) -> None:
            progress.update(task, detail=" ".join(plain(message).split())[:_WIDEST])

        yield Steps(begin, detail)
