"""The command line: arguments in, a report and an exit code out.

Invariant: loads what a command needs when the command runs, so that `--help` answers at once; every way to end
goes through `run_guarded`.
"""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from splitter.commands.apply import apply_command
from splitter.commands.demo import demo_command
from splitter.commands.explain import explain_command
from splitter.commands.failures import run_guarded
from splitter.commands.graph import graph_command
from splitter.commands.plan import plan_command
from splitter.commands.status import status_command
from splitter.commands.undo import undo_command
from splitter.commands.verify import verify_command

_COMMANDS = (
    plan_command,
    apply_command,
    verify_command,
    undo_command,
    status_command,
    graph_command,
    explain_command,
    demo_command,
)


class Splitter(click.Group):
    """The group of all commands, in the order in which they are used, with our own way to fail."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of the commands, as they stand here and not by the alphabet."""
        return list(self.commands)

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:  # noqa: ANN401 - click's own
        """Run a command and exit with its code."""
        arguments = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        sys.exit(run_guarded(lambda: super(Splitter, self).main(arguments, **extra), arguments))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - what a command returns
        """Run the chosen command; click would take a closed pipe for a failed check."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _PipeClosed from None


class _PipeClosed(Exception):
    """Whoever read our output has gone."""
