"""Tells a waiting person what is being done, on stderr.

Invariant: stdout is never touched; a terminal gets one moving line that goes away, a log a plain line a step.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from splitter.report.words import plain

if TYPE_CHECKING:
    from splitter.model.outcome import PhaseResult

_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Steps:
    """Called with each step that begins; `detail` takes what a program says meanwhile, `keep` what stays in sight."""

    begin: Callable[[str], None]
    detail: Callable[[str], None]
    keep: Callable[[str], None]

    def __call__(self, message: str) -> None:
        """Report the step that begins now."""
        self.begin(message)

    def finished(self, phase: "PhaseResult") -> None:
        """Keep what a phase came to in sight, while the next ones are made."""
        from splitter.report.run_table import phase_title

        self.keep(phase_title(phase).plain)


@contextmanager
def open_progress() -> Iterator[Steps]:
    """Progress on stderr for as long as the context is open."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _moving_line() as steps:
            yield steps
    else:
        yield Steps(_log, lambda _: None, _log)


def _log(message: str) -> None:
    click.echo(plain(message), err=True)


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

        def keep(message: str) -> None:
            progress.console.print(plain(message), markup=False, soft_wrap=True)

        yield Steps(begin, detail, keep)
