"""Call vectors, written down by people, as sequences to play: `name`, `call`, `args`, `returns` in TOML.

Invariant: pure; a vector that does not fit the function's signature gives no sequence.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping

from splitter.graph.signatures import resolved
from splitter.model.calls import Argument, Call, Earlier, Memory, Sequence
from splitter.model.signature import Function, Parameter, Pointer, Scalar, Struct, Type

_ROOM = 4096


def read_vectors(texts: Iterable[str], functions: Mapping[str, Function]) -> Iterator[Sequence]:
    """Sequences of all vectors that can be played; raises `tomllib.TOMLDecodeError` where a text is no TOML."""
    for text in texts:
        for vector in tomllib.loads(text).get("vector", ()):
            function = functions.get(vector["call"])
            sequence = None if function is None else _sequence(function, list(vector["args"]), functions)
            if sequence is not None:
                yield sequence


def _sequence(function: Function, literals: list[object], functions: Mapping[str, Function]) -> Sequence | None:
    """The call, after the calls that make the values which it takes; what is left over at the end is an out buffer."""
    calls: list[Call] = []
    row: list[Argument] = []
    parameters = list(function.parameters)
    while parameters:
        parameter = parameters.pop(0)
        if not literals:
            row.append(_out(parameter))
            continue
        literal = literals.pop(0)
        if isinstance(resolved(parameter.type), Pointer) and isinstance(literal, str) and parameters:
            parameters.pop(0)
            row += _text(literal)
        elif isinstance(parameter.type, Struct):
            maker = _maker(parameter.type, literal, functions)
            if maker is None:
                return None
            calls.append(maker)
            row.append(Earlier(len(calls) - 1))
        elif isinstance(literal, int | float):
            row.append(float(literal) if parameter.type in (Scalar("f64"), Scalar("f32")) else literal)
        else:
            return None
    return None if literals else (*calls, Call(function.symbol, tuple(row)))


def _text(literal: str) -> tuple[Memory, int]:
    data = literal.encode()
    return Memory(data.ljust(8, b"\0")), len(data)


def _out(parameter: Parameter) -> Argument:
    return Memory(bytes(_ROOM)) if isinstance(resolved(parameter.type), Pointer) else _ROOM


def _maker(wanted: Type, literal: object, functions: Mapping[str, Function]) -> Call | None:
    """A call that makes a value of a literal: of the functions that take just that, the one with the shortest name."""
    taken = {bool: ("bool",), int: ("i64",), float: ("f64",), str: ("u8", "i64")}[type(literal)]
    for function in sorted(functions.values(), key=lambda one: (len(one.symbol), one.symbol)):
        types = [resolved(parameter.type) for parameter in function.parameters]
        plain = tuple(getattr(t.to if isinstance(t, Pointer) else t, "name", "") for t in types)
        if function.returns == wanted and plain == taken and "_new" in function.symbol + "_new" * ("u8" not in taken):
            return Call(function.symbol, _text(literal) if isinstance(literal, str) else (literal,))  # type: ignore[arg-type]
    return None
