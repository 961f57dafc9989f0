"""Calls functions of a library with bad arguments, in its own process: `bad_arguments.py LIBRARY JOURNAL < SYMBOLS`.

The journal holds the call that is being made, so that whoever started this knows which one did not come back.
"""

import ctypes
import os
import random
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from splitter.graph.signatures import Types, by_symbol, read_functions, resolved  # noqa: E402
from splitter.graph.symbols import find_symbols  # noqa: E402
from splitter.model.signature import Callback, Pointer, Scalar  # noqa: E402
from splitter.source.parse import parse  # noqa: E402
from splitter.system.foreign import bind, ctype_of  # noqa: E402

SECONDS = 10
CALLS = 80
MOST = (1 << 63) - 1
# A pointer with memory behind it comes with lengths that this memory has, or that no memory has.
ROOMY = bytearray(b"\xff\xfe\xc0\x80" * 16384)
LENGTHS = (0, 1, -1, 7, -MOST - 1, MOST)
HUGE = (1 << 40, -(1 << 40), 4096, 2)
FLOATS = (float("nan"), float("inf"), -float("inf"), -0.0, 1e308, -1.5)
WORDS = (0, 0x20, 0x7, (1 << 64) - 1, 1 << 62 | 3, 0x1C)


def functions():
    """Signatures of all exported functions of native_ref, by symbol."""
    paths = [ROOT / "native_ref/src/value" / name for name in ("ffi.rs", "core.rs", "heap.rs")]
    sources = [parse(path.name, path.read_bytes()) for path in paths]
    return by_symbol(read_functions(find_symbols(sources[0]), Types(sources)))


def stale_and_foreign(library, known):
    """A handle of a freed object, a live handle of a table that hardly anybody asks for, and values likewise."""
    call = {name: bind(library, known[name]) for name in NEEDED}
    gone = call["rt_atomic_new"](1)
    call["rt_atomic_free"](gone)
    dead = call["rt_array_new"](1)
    call["rt_heap_free"](dead)
    live = [call["rt_array_new"](2), call["rt_tuple_new"](1), call["rt_value_int"](-1)]
    return (gone, call["rt_atomic_new"](5)), (dead, *live)


NEEDED = ["rt_atomic_new", "rt_atomic_free", "rt_array_new", "rt_heap_free"]
NEEDED += ["rt_tuple_new", "rt_value_int", "rt_value_as_int"]


def candidates(parameter, handles, values, keep):
    """Bad (and a few good) arguments for a parameter; the second row is for calls without memory behind a pointer."""
    type_ = parameter.type
    if type(type_).__name__ == "Struct":
        return (*WORDS, *values), ()
    plain = resolved(type_)
    if isinstance(plain, Pointer):
        buffer = (ctypes.c_char * len(ROOMY)).from_buffer_copy(ROOMY)
        keep.append(buffer)
        return (None, ctypes.addressof(buffer)), ()
    if isinstance(plain, Callback):
        made = ctype_of(plain)
        function = made(lambda *arguments: arguments[0] if plain.returns and arguments else 0)
        keep.append(function)
        return (made(), function), ()
    if plain == Scalar("bool"):
        return (False, True), ()
    if plain in (Scalar("f64"), Scalar("f32")):
        return FLOATS, ()
    return (*LENGTHS, *handles), HUGE


def calls(function, handles, values, keep):
    """Rows of arguments: all alike first, then as chance has it, the same in every run."""
    rows = [candidates(one, handles, values, keep) for one in function.parameters]
    if not rows:
        return [()]
    chance = random.Random(function.symbol)
    found = [tuple(row[min(at, len(row) - 1)] for row, _ in rows) for at in range(len(LENGTHS))]
    found += [tuple(chance.choice(row + wide) for row, wide in rows) for _ in range(CALLS)]
    return [row for row in found if is_sound(row, function)]


def is_sound(row, function):
    """Whoever passes memory does not lie about its size; everything else may be as wrong as it likes."""
    memory = any(
        isinstance(resolved(one.type), Pointer) and argument is not None
        for one, argument in zip(function.parameters, row, strict=True)
    )
    return not (memory and any(argument in HUGE for argument in row))


def main():
    library, journal = ctypes.CDLL(sys.argv[1]), os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
    known = functions()
    handles, values = stale_and_foreign(library, known)
    as_int, as_value = bind(library, known["rt_value_as_int"]), bind(library, known["rt_value_int"])
    keep, made = [], 0
    for symbol in sys.stdin.read().split():
        call = bind(library, known[symbol])
        for row in calls(known[symbol], handles, values, keep):
            shown = ", ".join("callback" if callable(one) else str(one) for one in row)
            os.pwrite(journal, f"{symbol}({shown})".ljust(400).encode(), 0)
            signal.alarm(SECONDS)
            call(*row)
            made += 1
        assert as_int(as_value(7)) == 7, f"the library is of no use after {symbol}"
    signal.alarm(0)
    print(f"\ncalls made: {made}", flush=True)  # noqa: T201 - what the test reads
    os._exit(0)  # threads of the library may be in a callback of ours, which ends badly when Python shuts down


if __name__ == "__main__":
    main()
