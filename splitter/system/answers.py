"""Arguments for the calls of a sequence, and their answers as text in which no address appears.

Invariant: an address is told by the name of what it points to, in order of first appearance; memory that the caller
gave is compared whole, with what lies behind its end.
"""

import ctypes
import os
import re
import struct
from pathlib import Path
from typing import Any

from splitter.graph.signatures import resolved
from splitter.model.calls import Argument, Call, Earlier, Echo, Fields, Memory
from splitter.model.signature import Callback, Function, Pointer, Scalar, Struct, Type
from splitter.system.foreign import ctype_of

_GUARD = b"\xa5" * 64
_SMALLEST_ADDRESS, _LARGEST_ADDRESS = 1 << 32, 1 << 47
_LONGEST_TEXT = 4096


#: Where a panic was, and in which thread: both differ lawfully.
_PLACE = re.compile(rb"[^\s'\"(]+\.rs:\d+:\d+|(?<=')( \(\d+\))(?= panicked)")


def without_places(text: bytes) -> str:
    """Printed text without the places in the source that messages of panics name."""
    return _PLACE.sub(b"", text).decode("utf-8", "replace")


class Answers:
    """The results of a sequence so far, the memory that it was given, and the names of addresses.

    `printed` is the file that standard output and error go to.
    """

    def __init__(self, printed: int) -> None:
        self._printed, self._seen = printed, 0
        self.results: list[Any] = []
        self._memory: list[tuple[str, Any, bytes]] = []
        self._names: dict[int, str] = {}
        self._heard: list[str] = []
        self._kept: list[Any] = []

    def take(self, call: Call, signature: Function) -> list[Any]:
        """What to pass for the arguments of a call."""
        self._heard = []
        pairs = zip(call.arguments, signature.parameters, strict=True)
        return [self._argument(argument, parameter.type) for argument, parameter in pairs]

    def describe(self, call: Call, signature: Function, result: Any) -> str:  # noqa: ANN401 - what ctypes gives
        """The answer of a call, on one line."""
        self.results.append(result)
        parts = [self._shown(result, signature.returns)]
        for index, (name, buffer, last) in enumerate(self._memory):
            now = bytes(buffer)
            if now != last:
                parts.append(f"{name} {self._bytes(now, last)}")
                self._memory[index] = (name, buffer, now)
        parts += self._heard
        text = os.pread(self._printed, _LONGEST_TEXT, self._seen)
        self._seen += len(text)
        if text:
            parts.append(f"prints {without_places(text)!r}")
        return f"{call.symbol}: {'; '.join(parts)}"

    def _argument(self, argument: Argument, type_: Type) -> Any:  # noqa: ANN401
        plain = resolved(type_)
        match argument:
            case Earlier(index):
                return self._fit(self.results[index] if index < len(self.results) else 0, plain)
            case Memory(data):
                buffer = ctypes.create_string_buffer(data + _GUARD, len(data) + len(_GUARD))
                self._memory.append((f"memory {len(self._memory)}", buffer, bytes(buffer)))
                return ctypes.addressof(buffer)
            case Echo() if isinstance(plain, Callback):
                function = ctype_of(plain)(lambda *arguments: self._hear(plain, arguments))
                self._kept.append(function)
                return function
            case Fields(values) if isinstance(plain, Struct):
                inner = [self._argument(v, t) for v, (_, t) in zip(values, plain.fields, strict=True)]
                return ctype_of(plain)(*inner)
            case None if isinstance(plain, Callback):
                return ctype_of(plain)()
        return argument

    @staticmethod
    def _fit(result: Any, plain: Type) -> Any:  # noqa: ANN401
        """An earlier result as an argument of this type."""
        if isinstance(plain, Scalar) and plain.name not in ("f32", "f64", "bool"):
            return int(result or 0) if isinstance(result, int | float | None) else 0
        return result

    def _hear(self, plain: Callback, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
        shown = ", ".join(self._shown(a, t) for a, t in zip(arguments, plain.parameters, strict=True))
        self._heard.append(f"calls back with ({shown})")
        if plain.returns is None:
            return None
        wanted = ctype_of(plain.returns)
        same = [a for a, t in zip(arguments, plain.parameters, strict=True) if ctype_of(t) is wanted]
        nothing = wanted()
        return same[0] if same else getattr(nothing, "value", nothing)

    def _shown(self, result: Any, type_: Type | None) -> str:  # noqa: ANN401, PLR0911 - one line for each type
        plain = None if type_ is None else resolved(type_)
        match plain:
            case None:
                return "returns"
            case Pointer(to):
                return self._pointer(result, to)
            case Callback():
                return self._pointer(ctypes.cast(result, ctypes.c_void_p).value, plain)
            case Struct(_, fields):
                inner = (f"{n}: {self._shown(getattr(result, f'f_{n}'), t)}" for n, t in fields)
                return f"{{{', '.join(inner)}}}"
            case Scalar("f32" | "f64"):
                return "NaN" if result != result else float(result).hex()  # noqa: PLR0124 - that is what NaN is
        if isinstance(result, int) and _SMALLEST_ADDRESS < result < _LARGEST_ADDRESS and _is_mapped(result):
            return self._name(result)
        return str(result)

    def _pointer(self, address: int | None, to: Type) -> str:
        if not address:
            return "null"
        if to == Scalar("i8"):
            return f"text {ctypes.string_at(address)[:_LONGEST_TEXT]!r}"
        return self._name(address)

    def _name(self, address: int) -> str:
        for name, buffer, _ in self._memory:
            start = ctypes.addressof(buffer)
            if start <= address < start + len(buffer):
                return f"{name} at {address - start}"
        return self._names.setdefault(address, f"pointer {len(self._names)}")

    def _bytes(self, now: bytes, last: bytes) -> str:
        """Memory as it is after a call: from the first to the last byte that changed, addresses by name."""
        changed = [at for at, (one, other) in enumerate(zip(now, last, strict=True)) if one != other]
        start, end = changed[0] // 8 * 8, -(-(changed[-1] + 1) // 8) * 8
        words = struct.unpack(f"{(end - start) // 8}Q", now[start:end].ljust(end - start, b"\0"))
        if any(_SMALLEST_ADDRESS < word < _LARGEST_ADDRESS and _is_mapped(word) for word in words):
            return f"at {start}: " + " ".join(self._shown(word, Scalar("u64")) for word in words)
        return f"at {start}: {now[start:end].hex()}"


def _is_mapped(address: int) -> bool:
    """Say whether there is memory at an address."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    spans = (line.split(" ", 1)[0].split("-") for line in lines)
    return any(int(start, 16) <= address < int(end, 16) for start, end in spans)
