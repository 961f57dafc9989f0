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


@dataclass(frozen=True, slots=True)
class Steps:
    """Called with each step that begins; `detail` takes what a program says meanwhile, `keep` what stays in sight.

    `head` takes the name of the stage that the steps to come belong to, and what there is to say of it.
    """

    begin: Callable[[str], None]
    detail: Callable[[str], None]
    keep: Callable[[str], None]
    head: Callable[[str, str], None]

    def __call__(self, message: str) -> None:
        """Report the step that begins now."""
        self.begin(message)

    def stage(self, name: str, rest: str) -> None:
        """Report a part that has steps of its own."""
        self.head(name, rest)

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
        yield Steps(_log, lambda _: None, _log, lambda name, rest: _log(f"{name}: {rest}"))


def _log(message: str) -> None:
    click.echo(plain(message), err=True)


@contextmanager
def _moving_line() -> Iterator[Steps]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(stderr=True, highlight=False)
    whole, rest = Column(no_wrap=True), Column(no_wrap=True, ratio=1)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[stage]}", markup=False, style="bold", table_column=whole),
        TextColumn("{task.description}", markup=False, table_column=whole),
        TimeElapsedColumn(table_column=whole),
        TextColumn("{task.fields[detail]}", markup=False, style="dim", table_column=rest),
    )
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        task = progress.add_task("", total=None, detail="", stage="")

        def begin(message: str) -> None:
            progress.update(task, description=plain(message), detail="")

        def detail(message: str) -> None:
            # Cargo names the folder of our private copy behind each package.
            progress.update(task, detail=" ".join(plain(message).split()).partition(" (/")[0])

        def keep(message: str) -> None:
            progress.console.print(plain(message), markup=False, soft_wrap=True)

        def head(name: str, rest: str) -> None:
            progress.update(task, stage=plain(name), description=plain(rest), detail="")

        yield Steps(begin, detail, keep, head)
