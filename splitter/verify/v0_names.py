"""Names of functions and statics in a built file, read back into paths.

Source: The rustc book, "v0 Symbol Format" (RFC 2603).
Invariant: a module is told from a function of the same name; the crate's hash and numbers that depend on where an
impl stands are left out. A name that is not in this format stays as it is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Path = tuple[str, ...]
_Read = TypeVar("_Read")

# fmt: off
_BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize", "j": "usize",
    "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16", "u": "()", "v": "…",
    "x": "i64", "y": "u64", "z": "!",
}
# fmt: on
_DECIMAL = re.compile(r"0|[1-9]\d*")
_SPECIAL = {"C": "closure", "S": "shim"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name as text, and the paths in it from the root of their crate (`("tiny", "ffi", "rt_next")`).

    For what an impl defines `impl` is the module in which that impl stands.
    """

    text: str
    paths: tuple[Path, ...] = ()
    impl: Path = ()


def read_name(mangled: str, place: Callable[[Path], Path] = lambda modules: modules) -> Name:
    """Read a name; `place` says how a path of modules (and a type), its crate first, is to be written."""
    found = re.match(r"_R(\w+)((?:\.\w+)*)$", mangled)
    if found is None:
        return Name(mangled)
    reader = _Reader(found[1], place)
    try:
        text = reader.path().text
    except (IndexError, ValueError, KeyError, RecursionError):
        return Name(mangled)
    kept = "".join(part for part in found[2].split(".") if part and not part.isdigit() and part != "llvm")
    return Name(f"{text}.{kept}" if kept else text, tuple(dict.fromkeys(reader.paths)), reader.impl)


@dataclass(frozen=True, slots=True)
class _Path:
    """A path; `raw` is as the source has it, `plain` says whether it consists of modules and types alone."""

    text: str
    raw: Path = ()
    plain: bool = False


class _Reader:
    """Reads the productions of the grammar one after the other."""

    def __init__(self, data: str, place: Callable[[Path], Path]) -> None:
        self.data = data
        self.place = place
        self.at = 0
        self.paths: list[Path] = []
        self.impl: Path = ()
        self.types: dict[str, Callable[[], str]] = {
            "A": self._array,
            "B": lambda: self._again(self.type),
            "D": self._object,
            "F": self._function,
            "O": lambda: f"*mut {self.type()}",
            "P": lambda: f"*const {self.type()}",
            "Q": lambda: self._reference("&mut "),
            "R": lambda: self._reference("&"),
            "S": lambda: f"[{self.type()}]",
            "T": lambda: f"({', '.join(self._until(self.type))})",
        }

    def path(self) -> _Path:
        """A path; the whole of it is noted once."""
        found = self._path()
        if len(found.raw) > 1:
            self.paths.append(found.raw)
        return found

    def _path(self) -> _Path:
        tag = self._next()
        if tag == "C":
            name = self._identifier()[0]
            return _Path(name, (name,), plain=True)
        if tag == "N":
            return self._nested(self._next())
        if tag in "MXY":
            if tag != "Y":
                self._optional("s")
                where = self._path().raw
                self.impl = self.impl or where
            own = self.type()
            if tag == "M":
                return _Path(f"<{own}>")
            return _Path(f"<{own} as {self.path().text}>")
        if tag == "I":
            base = self.path()
            return _Path(f"{base.text}<{', '.join(self._until(self._argument))}>")
        if tag == "B":
            return self._again(self._path)
        raise ValueError(tag)

    def _nested(self, space: str) -> _Path:
        parent = self._path()
        name, number = self._identifier()
        if space.isupper():
            return _Path(f"{parent.text}::{{{_SPECIAL.get(space, space)}:{name}#{number}}}", parent.raw)
        raw = (*parent.raw, name) if parent.raw else ()
        if parent.plain and space == "t":
            return _Path("::".join(self.place(raw)), raw, plain=True)
        return _Path(f"{parent.text}::{name}", raw)

    def type(self) -> str:
        """A type as text."""
        tag = self.data[self.at]
        if tag in "CMXYNI":
            return self.path().text
        self.at += 1
        if tag in _BASIC:
            return _BASIC[tag]
        return self.types[tag]()

    def _array(self) -> str:
        return f"[{self.type()}; {self._constant()}]"

    def _reference(self, head: str) -> str:
        self._optional("L")
        return f"{head}{self.type()}"

    def _object(self) -> str:
        self._optional("G")
        bounds = " + ".join(self._until(self._bound))
        self._optional("L")
        return f"dyn {bounds}"

    def _function(self) -> str:
        self._optional("G")
        head = "unsafe " if self._accept("U") else ""
        if self._accept("K"):
            head += f'extern "{"C" if self._accept("C") else self._word()}" '
        taken = ", ".join(self._until(self.type))
        return f"{head}fn({taken}) -> {self.type()}"

    def _bound(self) -> str:
        text = self.path().text
        while self._accept("p"):
            text += f"<{self._word()} = {self.type()}>"
        return text

    def _argument(self) -> str:
        if self.data[self.at] == "L":
            return f"'{self._optional('L')}"
        return self._constant() if self._accept("K") else self.type()

    def _constant(self) -> str:
        tag = self._next()
        if tag == "p":
            return "_"
        if tag == "B":
            return self._again(self._constant)
        if tag in "RQ":
            return f"&{self._constant()}"
        if tag in "AT":
            return f"({', '.join(self._until(self._constant))})"
        if tag == "V":
            return self.path().text + self._fields(self._next())
        end = self.data.index("_", self.at)
        digits, self.at = self.data[self.at : end], end + 1
        return f"{digits}{_BASIC[tag]}"

    def _fields(self, shape: str) -> str:
        if shape == "U":
            return ""
        one = self._constant if shape == "T" else lambda: f"{self._identifier()[0]}: {self._constant()}"
        return f"({', '.join(self._until(one))})"

    def _until(self, one: Callable[[], str]) -> list[str]:
        found = []
        while not self._accept("E"):
            found.append(one())
        return found

    def _again(self, one: Callable[[], _Read]) -> _Read:
        """What a back reference names."""
        begins = self.at
        target = self._number()
        if target >= begins - 1:
            raise ValueError(target)
        back, self.at = self.at, target
        found = one()
        self.at = back
        return found

    def _identifier(self) -> tuple[str, int]:
        """A name, and its number among those of the same name."""
        number = self._optional("s")
        return self._word(), number

    def _word(self) -> str:
        self._accept("u")
        digits = _DECIMAL.match(self.data, self.at)
        if digits is None:
            raise ValueError(self.data[self.at :])
        self.at = digits.end()
        self._accept("_")
        end = self.at + int(digits[0])
        if end > len(self.data):
            raise IndexError(end)
        name, self.at = self.data[self.at : end], end
        return name

    def _optional(self, tag: str) -> int:
        return self._number() + 1 if self._accept(tag) else 0

    def _number(self) -> int:
        """A number to the base of 62, ended by `_`; nothing before that is 0."""
        end = self.data.index("_", self.at)
        digits, self.at = self.data[self.at : end], end + 1
        alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        value = 0
        for digit in digits:
            value = value * 62 + alphabet.index(digit)
        return value + 1 if digits else 0

    def _accept(self, tag: str) -> bool:
        if self.data[self.at : self.at + 1] != tag:
            return False
        self.at += 1
        return True

    def _next(self) -> str:
        self.at += 1
        return self.data[self.at - 1]
