"""Call vectors, played through the C interface by Python's ctypes, give what they say."""

import ctypes
import math
import tomllib

import pytest
from bad_arguments import functions
from built import FEATURES, library_of

from splitter.graph.signatures import resolved
from splitter.model.signature import Pointer, Struct
from splitter.system.foreign import bind

pytestmark = pytest.mark.xdist_group("native_ref")

ROOM = 4096
KNOWN = functions()


@pytest.fixture(scope="module", params=FEATURES)
def library(cargo, native_ref, request):
    return ctypes.CDLL(library_of(cargo, native_ref, request.param))


def test_every_vector_holds(library, root):
    played = 0
    for path in sorted((root / "fixtures/vectors").glob("*.toml")):
        for vector in tomllib.loads(path.read_text(encoding="utf-8"))["vector"]:
            if hasattr(library, vector["call"]):
                got = play(library, KNOWN[vector["call"]], vector["args"], wants=type(vector["returns"]))
                assert same(got, vector["returns"]), f"{path.name}: {vector['name']}: {got!r}"
                played += 1
    assert played > 600


def play(library, function, literals, wants):
    """Call a function with literals; text is pointer and length or a value, what is left over is a buffer to fill."""
    row, literals, kept = [], list(literals), []
    parameters = [parameter.type for parameter in function.parameters]
    buffer = ctypes.create_string_buffer(ROOM)
    while parameters:
        type_ = parameters.pop(0)
        if not literals:
            row.append(ctypes.addressof(buffer) if isinstance(type_, Pointer) else ROOM)
        elif isinstance(resolved(type_), Pointer):
            parameters.pop(0)
            data = literals.pop(0).encode()
            kept.append(ctypes.create_string_buffer(data, len(data) + 1))
            row += [ctypes.addressof(kept[-1]), len(data)]
        elif isinstance(type_, Struct):
            row.append(value_of(library, literals.pop(0)))
        else:
            row.append(literals.pop(0))
    result = bind(library, function)(*row)
    if isinstance(function.returns, Struct):
        return literal_of(library, result)
    return buffer.raw[:result].decode() if wants is str and isinstance(result, int) and 0 <= result < ROOM else result


def value_of(library, literal):
    names = ("rt_value_int", "rt_value_float", "rt_value_bool", "rt_string_new")
    call = {name: bind(library, KNOWN[name]) for name in names}
    if isinstance(literal, str):
        data = literal.encode()
        buffer = ctypes.create_string_buffer(data, len(data) + 1)
        return call["rt_string_new"](ctypes.addressof(buffer), len(data))
    return call[{bool: "rt_value_bool", int: "rt_value_int", float: "rt_value_float"}[type(literal)]](literal)


def literal_of(library, value):
    ask = {name: bind(library, KNOWN[f"rt_value_{name}"])(value) for name in ("is_int", "is_float", "is_bool")}
    for name, yes in ask.items():
        if yes:
            return bind(library, KNOWN[f"rt_value_{name.replace('is', 'as')}"])(value)
    buffer = ctypes.create_string_buffer(ROOM)
    length = bind(library, KNOWN["rt_string_copy"])(value, ctypes.addressof(buffer), ROOM)
    return buffer.raw[:length].decode()


def same(got, wanted):
    """Equal as the vectors mean it: NaN is NaN, and an unsigned number is written as the signed one with its bits."""
    if isinstance(wanted, float):
        both = math.isnan(got) and math.isnan(wanted)
        return both or (got == wanted and math.copysign(1, got) == math.copysign(1, wanted))
    if isinstance(wanted, int) and not isinstance(wanted, bool) and isinstance(got, int):
        return (got - wanted) % (1 << 64) == 0
    return got == wanted
