"""Signatures of exported functions, as C sees them.

Invariant: values only; a type that C has no word for, or that the sources at hand do not define, is `Opaque`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number or flag by Rust's name for it: `i64`, `f32`, `bool`, `usize`, `char`."""

    name: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """A raw pointer, reference, `Box` or `NonNull`; `to` is `Opaque("c_void")` for what has no type."""

    to: "Type"
    mutable: bool = False


@dataclass(frozen=True, slots=True)
class Callback:
    """A pointer to a function; `returns` is None where it gives nothing back."""

    parameters: tuple["Type", ...]
    returns: "Type | None" = None


@dataclass(frozen=True, slots=True)
class Struct:
    """A `repr(C)` or `repr(transparent)` struct with its fields; those of a tuple struct are named by their numbers."""

    name: str
    fields: tuple[tuple[str, "Type"], ...]
    transparent: bool = False


@dataclass(frozen=True, slots=True)
class Opaque:
    """A type that is known by its text alone."""

    text: str


Type = Scalar | Pointer | Callback | Struct | Opaque


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter by the name that the source gives it."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Function:
    """An exported function: the symbol that the library has, its parameters, and what it gives back.

    `item` is the key of the item that defines it, `cfgs` the predicates under which it exists.
    """

    symbol: str
    parameters: tuple[Parameter, ...]
    returns: Type | None
    item: str = ""
    line: int = 0
    cfgs: tuple[str, ...] = ()
    variadic: bool = False
