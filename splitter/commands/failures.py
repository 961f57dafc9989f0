"""Turns whatever ends a command into words on stderr and an exit code.

Invariant: the one place that catches everything; a person never sees a traceback, which goes to a file.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import click

from splitter.errors import DiskError, PlanError, SplitterError

_INTERRUPTED, _CLOSED, _BUG = 130, 141, 70


class PipeClosed(Exception):
    """Whoever read our output has gone."""


def run_guarded(command: Callable[[], object], arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code, or that of what stopped it. `arguments` are the user's."""
    try:
        returned = command()
    except SplitterError as error:
        _tell(error, as_json=_wants_json(arguments))
        return error.exit_code
    except click.ClickException as error:
        error.show()
        if _wants_json(arguments):
            click.echo(json.dumps({"error": error.format_message(), "advice": ""}, indent=2))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; the tree is as it was or wholly the next state; run `splitter status`")
        return _INTERRUPTED
    except PipeClosed:
        _close_quietly()
        return _CLOSED
    except Exception as error:  # noqa: BLE001 - a bug of ours, whatever it is
        return _odd(error, arguments)
    return returned if isinstance(returned, int) else 0


def _odd(error: Exception, arguments: Sequence[str]) -> int:
    """What no command expects: our own bug, unless the ground is gone from under us."""
    if _is_nowhere():
        gone = DiskError("the folder that you are in is gone", "Go to another one, then run again.")
        _tell(gone, as_json=_wants_json(arguments))
        return gone.exit_code
    _report(error, arguments)
    return _BUG


def _is_nowhere() -> bool:
    """Say whether somebody has removed the folder that we were started in."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _tell(error: SplitterError, *, as_json: bool) -> None:
    if isinstance(error, PlanError):
        count = len(error.problems)
        _say("\n".join(str(problem) for problem in error.problems))
        _say(f"splitter: {count} problem{'s' if count != 1 else ''}; nothing was changed")
    else:
        _say(f"splitter: {error.message}")
        if error.advice:
            _say(f"  {error.advice}")
    if not as_json:
        return
    shape: dict[str, object] = {"error": error.message, "advice": error.advice}
    if isinstance(error, PlanError):
        shape["problems"] = [
            {"path": p.path, "line": p.line, "message": p.message, "suggestion": p.suggestion} for p in error.problems
        ]
    click.echo(json.dumps(shape, indent=2))


def _report(error: Exception, arguments: Sequence[str]) -> None:
    from splitter.commands.wiring import tool_version
    from splitter.system.scratch import save_report

    path = save_report(error, arguments, tool_version())
    _say(f"splitter: a bug of ours: {type(error).__name__}: {error}")
    _say(f"  What is needed to mend it is in {path}; look through it before you send it.")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _wants_json(arguments: Sequence[str]) -> bool:
    """Say whether JSON was asked for, also where the arguments could not be parsed."""
    rows = list(arguments)
    return "--format=json" in rows or ("--format", "json") in pairwise(rows)


def _close_quietly() -> None:
    """Whoever read our output has gone: the interpreter is not to complain when it flushes the rest."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
