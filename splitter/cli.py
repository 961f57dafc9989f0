"""The command line: arguments in, a report and an exit code out.

Invariant: loads what a command needs when the command runs, so that `--help` answers at once; every way to end
goes through `run_guarded`.
"""

import gc
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from splitter.commands.apply import apply_command
from splitter.commands.certify import certify_command
from splitter.commands.demo import demo_command
from splitter.commands.explain import explain_command
from splitter.commands.failures import PipeClosed, run_guarded
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
    certify_command,
    status_command,
    graph_command,
    explain_command,
    demo_command,
)


def _show_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from splitter.commands.wiring import tool_version

        click.echo(f"splitter {tool_version()}")
        context.exit()


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
            raise PipeClosed from None


@click.group(
    cls=Splitter,
    name="splitter",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Completion in the shell: eval "$(_SPLITTER_COMPLETE=bash_source splitter)"; also zsh_source, fish_source.',
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def cli() -> None:
    """Split a monolithic Rust file into domain modules, phase by phase, and prove that only the place changed."""


for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> NoReturn:
    """Entry point of `splitter`."""
    _run(sys.argv[1:], "splitter")


def cargo_main() -> NoReturn:
    """Entry point of `cargo-splitter`; cargo passes the name of its subcommand on."""
    arguments = sys.argv[1:]
    _run(arguments[1:] if arguments[:1] == ["splitter"] else arguments, "cargo splitter")


def _run(arguments: list[str], name: str) -> NoReturn:
    # numpy's matrices are small here: threads for them cost more to start than they give back.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A file is a hundred thousand small values that live as long as the command, and none of them are in cycles:
    # the collector would look through them again and again and find nothing.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no failure
    cli.main(arguments, prog_name=name, complete_var="_SPLITTER_COMPLETE")
