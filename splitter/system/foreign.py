"""Functions of a built library, to be called by their signatures.

Source: Python's `ctypes`, "Fundamental data types"; The Rust Reference, "Type layout" of `repr(C)`.
Invariant: a function whose types C cannot say is refused, never called with a guess.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

from splitter.graph.signatures import resolved
from splitter.model.signature import Callback, Function, Opaque, Pointer, Scalar, Struct, Type

_SCALARS: dict[str, Any] = {
    "i8": ctypes.c_int8, "i16": ctypes.c_int16, "i32": ctypes.c_int32, "i64": ctypes.c_int64,
    "u8": ctypes.c_uint8, "u16": ctypes.c_uint16, "u32": ctypes.c_uint32, "u64": ctypes.c_uint64,
    "isize": ctypes.c_ssize_t, "usize": ctypes.c_size_t,
    "f32": ctypes.c_float, "f64": ctypes.c_double, "bool": ctypes.c_bool, "char": ctypes.c_uint32,
}  # fmt: skip


@cache
def ctype_of(type_: Type | None) -> Any:  # noqa: ANN401 - ctypes has no common type for its types
    """The ctypes type of a type, None for none; raises `TypeError` for one that C cannot pass by value."""
    type_ = None if type_ is None else resolved(type_)
    match type_:
        case None:
            return None
        case Scalar(name) if name in _SCALARS:
            return _SCALARS[name]
        case Pointer():
            return ctypes.c_void_p
        case Callback(parameters, returns):
            return ctypes.CFUNCTYPE(ctype_of(returns), *map(ctype_of, parameters))
        case Struct(name, fields) if fields:
            members = [(f"f_{field}", ctype_of(inner)) for field, inner in fields]
            return type(name, (ctypes.Structure,), {"_fields_": members})
        case Opaque("()"):
            return None
    message = f"{type_} cannot be passed by value"
    raise TypeError(message)


def bind(library: ctypes.CDLL, function: Function) -> Callable[..., Any]:
    """A function of a loaded library with its types; raises `TypeError` or, where there is none, `AttributeError`."""
    if function.variadic:
        message = f"{function.symbol} takes any number of arguments"
        raise TypeError(message)
    types = [ctype_of(parameter.type) for parameter in function.parameters]
    found = library[function.symbol]
    found.argtypes, found.restype = types, ctype_of(function.returns)
    return found
