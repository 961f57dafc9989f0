"""Every error that a user can meet, each with advice and its exit code.

Invariant: raised anywhere, caught once, in `cli.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the user's input, with its place and, if there is one, a suggestion."""

    path: str
    line: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        tail = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.path}:{self.line}: {self.message}{tail}"


class SplitterError(Exception):
    """Something that cannot go on: what happened, and what to do next."""

    exit_code = 3

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class UsageError(SplitterError):
    """Arguments that contradict one another or name nothing."""

    exit_code = 2


class SourceError(SplitterError):
    """A source file that cannot be read or is no Rust."""


class PlanError(SplitterError):
    """A wrong plan: all its problems at once."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class StaleError(SplitterError):
    """The source is not the one that the plan was made for."""


class DirtyError(SplitterError):
    """Files that a phase touches were edited since they were last recorded."""


class LockedError(SplitterError):
    """Another run holds the lock of this tree."""


class ToolError(SplitterError):
    """A program that is needed is missing, too old or failed before anything was changed."""


class DiskError(SplitterError):
    """Reading or writing failed; the tree is what it was."""


class CheckFailed(SplitterError):
    """A phase was not applied because a check failed or could not be made."""

    exit_code = 1
