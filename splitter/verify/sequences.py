"""Sequences of calls, as Hypothesis draws them: typed by signatures, fed by what earlier calls gave.

Source: property-based testing of stateful interfaces (Claessen & Hughes, QuickCheck); call sequences over an API as in
RULF (Jiang et al. 2021).
Invariant: pure strategies; a pointer to memory never comes with a length that this memory does not have.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from hypothesis import strategies as st

from splitter.graph.signatures import resolved
from splitter.model.calls import Argument, Call, Earlier, Echo, Fields, Memory, Sequence
from splitter.model.signature import Callback, Function, Opaque, Parameter, Pointer, Scalar, Struct, Type

_ROOM = 256  # bytes behind every pointer; its lengths are at most `_COUNT` elements of 8 bytes
_COUNT = 16
_LENGTH = re.compile(r"(?:^|_)(?:len|length|cap|capacity|size|count|n|num|argc|ndim|rank|dims|bytes|max|limit)\d*$")
_ENDING = re.compile(r"_(?:free|destroy|drop|delete|release|close|end|dispose|unref|clear)(?:_|$)")
_TEXTS = (
    b"",
    b"a",
    b"key",
    b"hello world",
    b"1 + 2 * 3",
    "grüße".encode(),
    b"%d/%s",
    b"-17",
    b"3.5",
    b"2024-02-29",
    b"\xff\xfe",
)
_BITS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "isize": 64, "u8": 8, "u16": 16, "u32": 32, "u64": 64, "usize": 64}
_FLOATS = (0.0, 1.0, -1.0, 0.5, 3.25, -0.0, 1e300, float("inf"), float("nan"))
_LONGEST = 10


def callable_types(function: Function) -> str:
    """Why a function cannot be called with generated arguments; empty where it can."""
    if function.variadic:
        return "takes any number of arguments"
    types = [*(parameter.type for parameter in function.parameters)]
    odd = next((one for one in types if _is_odd(one)), None)
    odd = odd or (function.returns if function.returns is not None and _is_odd(function.returns) else None)
    if isinstance(odd, Opaque) and odd.text in ("!", "()"):
        return "" if odd.text == "()" else "does not come back"
    return f"has a type that is not known to be one of C: {_told(odd)}" if odd is not None else ""


def families(functions: Iterable[Function], moved: Mapping[str, str]) -> dict[str, tuple[Function, ...]]:
    """Functions that are played together: those of a module, with all whose names begin as theirs do."""
    every = tuple(functions)
    members: dict[str, list[Function]] = defaultdict(list)
    for function in every:
        if function.item in moved:
            members[moved[function.item]].append(function)
    found = {}
    for module, own in sorted(members.items()):
        words = {_beginning(function) for function in own}
        found[module] = tuple(dict.fromkeys((*own, *(one for one in every if _beginning(one) in words))))
    return found


def _beginning(function: Function) -> tuple[str, ...]:
    return tuple(function.symbol.strip("_").split("_")[:2])


def makers(functions: Iterable[Function], wanted: Iterable[Type], most: int = 6) -> tuple[Function, ...]:
    """Functions that make what others take: those that ask for least, some for each type."""
    found: dict[Type, list[Function]] = defaultdict(list)
    types = sorted(wanted, key=str)
    for function in sorted(functions, key=lambda one: (len(one.parameters), one.symbol)):
        made = function.returns
        if made is not None and not any(_fits(made, parameter.type) for parameter in function.parameters):
            for one in types:
                if _fits(made, one):
                    found[one].append(function)
    return tuple(dict.fromkeys(one for several in found.values() for one in several[:most]))


def needed_types(family: Iterable[Function]) -> frozenset[Type]:
    """Types of parameters whose values only a library can make: structs of one word, and pointers to what it owns."""
    types = {parameter.type for function in family for parameter in function.parameters}
    return frozenset(one for one in types if isinstance(one, Struct) or _is_owned(one))


def sequences(
    subject: Function, family: tuple[Function, ...], helpers: tuple[Function, ...]
) -> st.SearchStrategy[Sequence]:
    """Sequences in which `subject` is called among its family, with values that `helpers` make."""

    @st.composite
    def draw_sequence(draw: st.DrawFn) -> Sequence:
        calls: list[Call] = []
        made: list[Function] = []
        gone: set[int] = set()
        before = draw(st.lists(st.sampled_from(family + helpers), max_size=_LONGEST))
        after = draw(st.lists(st.sampled_from(family), max_size=3))
        for function in (*before, subject, *after):
            arguments = _arguments(draw, function, made, gone)
            if _ENDING.search(function.symbol):
                pointed = (p.type for p in function.parameters)
                gone |= {
                    a.call for a, t in zip(arguments, pointed, strict=True) if isinstance(a, Earlier) and _is_owned(t)
                }
            calls.append(Call(function.symbol, arguments))
            made.append(function)
        return tuple(calls)

    return draw_sequence()


def _arguments(draw: st.DrawFn, function: Function, made: list[Function], gone: set[int]) -> tuple[Argument, ...]:
    row: list[Argument] = []
    room = any(_is_memory(resolved(parameter.type)) for parameter in function.parameters)
    for at, parameter in enumerate(function.parameters):
        beside = function.parameters[max(0, at - 1) : at + 2]
        counts = room and (
            _LENGTH.search(parameter.name)
            or any(_is_memory(resolved(one.type)) for one in beside if one is not parameter)
        )
        row.append(draw(_argument(parameter, parameter.type, made, gone, counts=bool(counts))))
    return tuple(row)


def _argument(
    parameter: Parameter, type_: Type, made: list[Function], gone: set[int], *, counts: bool
) -> st.SearchStrategy[Argument]:
    plain = resolved(type_)
    earlier = [k for k, one in enumerate(made) if _fits(one.returns, type_) and k not in gone]
    pool = st.sampled_from([Earlier(k) for k in earlier]) if earlier else None
    fresh = _fresh(parameter, type_, plain, made, gone, counts=counts)
    if pool is None:
        return fresh
    if isinstance(type_, Struct) or _is_owned(type_):
        return st.one_of(pool, pool, pool, fresh)
    return fresh if counts or isinstance(plain, Pointer) else st.one_of(pool, fresh)


def _fresh(  # noqa: PLR0911 - a line for each kind of type
    parameter: Parameter, type_: Type, plain: Type, made: list[Function], gone: set[int], *, counts: bool
) -> st.SearchStrategy[Argument]:
    """An argument that no earlier call made."""
    match plain:
        case Scalar("bool"):
            return st.booleans()
        case Scalar("f32" | "f64"):
            return st.sampled_from(_FLOATS) | st.floats(width=32)
        case Scalar("char"):
            return st.sampled_from([97, 0xE9, 0x4E16])
        case Scalar(name):
            return st.integers(0, _COUNT) if counts else _integers(name)
        case Callback():
            return st.sampled_from((Echo(), Echo(), None))
        case Pointer() if _is_owned(type_):
            return st.none()
        case Pointer(to):
            return _memory(to)
        case Struct(_, fields):
            row = [_argument(parameter, inner, made, gone, counts=False) for _, inner in fields]
            return st.tuples(*row).map(Fields)
    return st.none()


def _integers(name: str) -> st.SearchStrategy[Argument]:
    bits, signed = _BITS[name], name[0] == "i"
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    special = [v for v in (0, 1, 2, 3, 8, -1, 10, 64, 255, 1000, least, most) if least <= v <= most]
    return st.sampled_from(special) | st.integers(max(least, -20), min(most, 100))


def _memory(to: Type) -> st.SearchStrategy[Argument]:
    """Memory with room for every length that is drawn; what stands in it suits the type that it points to."""
    if to == Scalar("i8"):
        return st.sampled_from(_TEXTS[:-1]).map(lambda text: Memory((text + b"\0").ljust(_ROOM, b"\0")))
    if to in (Scalar("u8"), Opaque("c_void")):
        return (
            st.sampled_from(_TEXTS).map(lambda text: Memory(text.ljust(_COUNT, b" ").ljust(_ROOM, b"\0"))) | st.none()
        )
    if to in (Scalar("f64"), Scalar("f32")):
        unit = b"\0\0\0\0\0\0\xf0\x3f" if to == Scalar("f64") else b"\0\0\x80\x3f"
        return st.sampled_from((Memory(unit * (_ROOM // len(unit))), Memory(bytes(_ROOM)), None))
    size = _BITS.get(to.name, 64) // 8 if isinstance(to, Scalar) else 8
    small = st.lists(st.integers(0, 4), min_size=_COUNT, max_size=_COUNT)
    return (
        small.map(lambda row: Memory(b"".join(v.to_bytes(size, "little") for v in row).ljust(_ROOM, b"\0"))) | st.none()
    )


def _fits(made: Type | None, wanted: Type) -> bool:
    """Say whether a value of one type serves as the other: whether a pointer may be written through does not matter."""
    if isinstance(made, Pointer) and isinstance(wanted, Pointer):
        return made.to == wanted.to
    return made == wanted


def _is_owned(type_: Type) -> bool:
    """A pointer to something whose inside only the library knows, or that points on."""
    if not isinstance(type_, Pointer) or type_.to == Opaque("c_void"):
        return False
    to = resolved(type_.to)
    return isinstance(to, Opaque) or (isinstance(to, Struct) and not all(_is_plain(inner) for _, inner in to.fields))


def _is_plain(type_: Type) -> bool:
    plain = resolved(type_)
    return isinstance(plain, Scalar) or (isinstance(plain, Struct) and all(_is_plain(t) for _, t in plain.fields))


def _is_memory(plain: Type) -> bool:
    return isinstance(plain, Pointer) and not _is_owned(plain)


def _is_odd(type_: Type) -> bool:
    plain = resolved(type_)
    if isinstance(plain, Struct):
        return not plain.fields or any(_is_odd(inner) for _, inner in plain.fields)
    if isinstance(plain, Callback):
        inner = [*plain.parameters, *([plain.returns] if plain.returns else [])]
        return any(_is_odd(one) for one in inner)
    return isinstance(plain, Opaque) or (isinstance(plain, Scalar) and plain.name in ("i128", "u128"))


def _told(type_: Type | None) -> str:
    return (
        type_.text if isinstance(type_, Opaque) else type_.name if isinstance(type_, Struct | Scalar) else "one inside"
    )
