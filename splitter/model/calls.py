"""Sequences of calls into a built library, and what came of them.

Invariant: values only; a pointer never appears as a number, only as the name of what it points to.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Earlier:
    """The result of an earlier call of the same sequence, by its index."""

    call: int


@dataclass(frozen=True, slots=True)
class Memory:
    """A pointer to memory of the caller that begins with these bytes; what stands there afterwards is compared."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Echo:
    """A function of the caller that gives back its first argument that fits, else zero; its calls are recorded."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A `repr(C)` struct, by the values of its fields."""

    values: tuple["Argument", ...]


#: None is a null pointer.
Argument = int | float | bool | Earlier | Memory | Echo | Fields | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a symbol."""

    symbol: str
    arguments: tuple[Argument, ...] = ()


Sequence = tuple[Call, ...]

#: How a process ends that does not come back.
TOO_LATE = "no answer in time"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a sequence did in a fresh process.

    `answers` has a line for each call that came back; `end` says how the process ended (`returned`, `signal 11`,
    `exit 3`, `TOO_LATE`), `output` what it wrote to its standard streams.
    """

    answers: tuple[str, ...]
    end: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A sequence, made as short as it goes, to which two libraries answer in different ways."""

    symbol: str
    sequence: Sequence
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What came of playing the same sequences to two libraries.

    `exercised` has the functions that were called and their answers compared, with how often; `unstable` those that
    differ from themselves on a second run; `left_out` those that were not called, with the reason.
    """

    exercised: dict[str, int] = field(default_factory=dict)
    sequences: int = 0
    differences: tuple[Difference, ...] = ()
    unstable: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    confined: str = ""
