"""Options and arguments that several commands share.

Invariant: reads nothing but for completion, which is silent about what it cannot read.
"""

import functools
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from splitter.commands import wiring
from splitter.errors import SplitterError, UsageError
from splitter.model.check import Level

Command = Callable[..., Any]
_LEVELS = tuple(level.name.lower() for level in Level)


def source_argument(command: Command) -> Command:
    """The Rust file to split."""
    return click.argument("source", type=click.Path(path_type=Path))(command)


def plan_argument(command: Command) -> Command:
    """The plan file; it has to look like one."""

    @functools.wraps(command)
    def checked(*arguments: Any, plan: Path, **options: Any) -> Any:  # noqa: ANN401 - click's own
        if plan.suffix == ".rs":
            message = f"{plan} is a source file; this command takes a plan"
            raise UsageError(message, f"Make one: `splitter plan {plan} -o {plan.stem}.toml`.")
        return command(*arguments, plan=plan, **options)

    return click.argument("plan", type=click.Path(path_type=Path))(checked)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """How the result is written to stdout."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print."
    )


def level_option(command: Command) -> Command:
    """How much is checked."""

    def parsed(_context: click.Context, _parameter: click.Parameter, value: str) -> Level:
        return Level.named(value)

    return click.option(
        "--level",
        type=click.Choice(_LEVELS),
        default="standard",
        show_default=True,
        callback=parsed,
        help="How much is checked; each level contains the ones before it.",
    )(command)


def build_options(command: Command) -> Command:
    """What cargo is told; the command gets them as one value, `build`."""

    @functools.wraps(command)
    def gathered(
        *arguments: Any,  # noqa: ANN401 - click's own
        package: str | None,
        manifest_path: Path | None,
        features: tuple[str, ...],
        target: str | None,
        test_command: str | None,
        **options: Any,  # noqa: ANN401 - click's own
    ) -> Any:  # noqa: ANN401 - click's own
        from splitter.system.workbench import BuildOptions

        names = tuple(name for text in features for name in text.replace(",", " ").split())
        build = BuildOptions(package, manifest_path, names, target, test_command)
        return command(*arguments, build=build, **options)

    path = click.Path(path_type=Path)
    for option in (
        click.option("--test-command", metavar="COMMAND", help="Shell command that takes the place of `cargo test`."),
        click.option("--target", metavar="TRIPLE", help="Platform to build for."),
        click.option("--features", multiple=True, metavar="NAMES", help="Features that are on in every configuration."),
        click.option("--manifest-path", type=path, metavar="FILE", help="Cargo.toml of the package."),
        click.option("-p", "--package", metavar="NAME", help="Package of the workspace that is built."),
    ):
        gathered = option(gathered)
    return gathered


def complete_phases(context: click.Context, _parameter: click.Parameter, started: str) -> list[CompletionItem]:
    """Numbers of the plan's phases, with their names."""
    named = context.params.get("plan") or next(iter(context.args), None)  # unparsed behind an option without value
    try:
        plan = wiring.read_old_plan(Path(named)) if named else None
    except (SplitterError, OSError):
        return []
    phases = plan.phases if plan else ()
    return [CompletionItem(str(p.number), help=p.name) for p in phases if str(p.number).startswith(started)]


def complete_checks(_context: click.Context, _parameter: click.Parameter, started: str) -> list[CompletionItem]:
    """Names of the checks, with what they look at."""
    checks = wiring.known_checks()
    return [CompletionItem(check.name, help=check.summary) for check in checks if check.name.startswith(started)]


def require_check(name: str) -> None:
    """Raise `UsageError`, with the nearest match, where there is no such check."""
    names = [check.name for check in wiring.known_checks()]
    if name not in names:
        near = get_close_matches(name, names, 1)
        advice = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(names)}."
        message = f"there is no check `{name}`"
        raise UsageError(message, advice)
