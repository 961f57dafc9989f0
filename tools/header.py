"""Writes the C header of the reference runtime from its sources, to standard output.

It belongs into `native_ref/include/native_ref.h`; `make header` puts it there.
Source: The Rust Reference, "Type layout"; C11 6.7.6, "Declarators".
Invariant: declares what the library exports and nothing else; the same sources give the same bytes.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from splitter.graph.signatures import Types, read_functions
from splitter.graph.symbols import find_symbols
from splitter.model.signature import Callback, Function, Opaque, Pointer, Scalar, Struct, Type
from splitter.model.source import ItemKind, SourceFile
from splitter.source.parse import parse
from splitter.source.tokens import TokenKind, tokenize

ROOT = Path(__file__).parent.parent
MONOLITH = "native_ref/src/value/ffi.rs"
TYPES = ("native_ref/src/value/core.rs", "native_ref/src/value/heap.rs")

HEAD = """\
/* The C interface of native_ref. Made by tools/header.py from the Rust sources; edit those instead.
 *
 * Text crosses the boundary as pointer and length in bytes, UTF-8, without a terminating zero. A function that
 * fills a buffer takes `out` and `cap`, writes at most `cap` bytes and returns the full length.
 */
#ifndef NATIVE_REF_H
#define NATIVE_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One tagged 64-bit word; nil has the bits 0. */
typedef uint64_t RuntimeValue;
"""
TAIL = """
#ifdef __cplusplus
}
#endif

#endif /* NATIVE_REF_H */
"""
SCALARS = {
    "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t", "isize": "intptr_t",
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "usize": "uintptr_t",
    "f32": "float", "f64": "double", "bool": "bool",
}  # fmt: skip
# Words that may be names in Rust and not in C or C++, macros of the three headers above included.
WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool case catch char char8_t char16_t char32_t class co_await
co_return co_yield compl concept consteval constexpr constinit const_cast decltype default delete do double
dynamic_cast explicit export float friend goto inline int int8_t int16_t int32_t int64_t intptr_t long mutable
namespace new noexcept not not_eq nullptr offsetof operator or or_eq private protected ptrdiff_t public register
reinterpret_cast requires restrict short signed size_t sizeof static_assert static_cast switch template this
thread_local throw try typedef typeid typename typeof typeof_unqual uint8_t uint16_t uint32_t uint64_t uintptr_t
union unsigned using virtual void volatile wchar_t xor xor_eq NULL RuntimeValue
"""
RESERVED = frozenset(WORDS.split())
FEATURE = re.compile(r'^feature = "(\w+)"$')
BANNER = re.compile(rb"^// [=-]{20,}\n// ([^\n]+)\n// [=-]{20,}$", re.MULTILINE)


def header(root: Path = ROOT) -> str:
    """Text of the header for the sources below `root`."""
    source, *others = (parse(path, (root / path).read_bytes()) for path in (MONOLITH, *TYPES))
    functions = tuple(read_functions(find_symbols(source), Types((source, *others))))
    parts = [HEAD]
    section = ""
    for function, gate in _once(functions):
        title = _section(source, function)
        if title != section:
            section = title
            parts.append(f"\n/* {'-' * 70}\n * {title}\n * {'-' * 70} */\n")
        text = _doc(source, function) + _declaration(function)
        parts.append(f"\n#ifdef NATIVE_REF_{gate.upper()}\n{text}#endif\n" if gate else f"\n{text}")
    return "".join((*parts, TAIL))


def _once(functions: tuple[Function, ...]) -> Iterator[tuple[Function, str]]:
    """Each symbol once, with the feature without which it does not exist; `cfg` twins are the same to C."""
    seen: dict[str, list[Function]] = {}
    for function in functions:
        seen.setdefault(function.symbol, []).append(function)
    for first, *twins in seen.values():
        features = [found[1] for cfg in first.cfgs if (found := FEATURE.match(cfg))]
        yield first, features[0] if features and not twins else ""


def _declaration(function: Function) -> str:
    row = [_declare(one.type, _parameter(one.name)) for one in function.parameters]
    text = _declare(function.returns, f"{function.symbol}({', '.join(row) or 'void'})")
    return f"{text};\n"


def _parameter(name: str) -> str:
    """The name of a parameter in C; a word of C or C++ gets an underscore."""
    plain = name.removeprefix("r#").lstrip("_")
    return f"{plain}_" if plain in RESERVED else plain


def _declare(type_: Type | None, name: str) -> str:
    """C's declaration of a name with this type."""
    match type_:
        case None | Opaque("c_void"):
            return f"void {name}".rstrip()
        case Struct("RuntimeValue"):
            return f"RuntimeValue {name}".rstrip()
        case Scalar():
            return f"{SCALARS[type_.name]} {name}".rstrip()
        case Pointer(Pointer() | Callback() as to, mutable):
            return _declare(to, f"*{name}" if mutable else f"const *{name}")
        case Pointer(to, mutable):
            return ("" if mutable else "const ") + _declare(to, f"*{name}")
        case Callback(parameters, returns):
            row = ", ".join(_declare(one, "") for one in parameters)
            return _declare(returns, f"(*{name})({row or 'void'})")
    message = f"C has no word for {type_}"
    raise ValueError(message)


def _section(source: SourceFile, function: Function) -> str:
    start = source.by_key[function.item].span.start
    titles = [found[1].decode() for found in BANNER.finditer(source.data, 0, start)]
    return titles[-1] if titles else "Functions"


def _doc(source: SourceFile, function: Function) -> str:
    """The doc comment as C's, without headings and links; of a macro call the one above the function's name."""
    item = source.by_key[function.item]
    tokens = tokenize(source.data, item.span.start, item.span.end)
    if item.kind is ItemKind.CALL:
        names = [at for at, token in enumerate(tokens) if token.text == function.symbol.encode()]
        end = names[0] if names else 0
    else:
        end = next((at for at, token in enumerate(tokens) if token.start >= item.core.start), 0)
    lines: list[str] = []
    for token in reversed(tokens[:end]):
        if token.kind is TokenKind.DOC:
            lines.insert(0, token.text.decode().removeprefix("///").strip())
        elif item.kind is ItemKind.CALL:
            break
    text = re.sub(r"\[(`[^`]+`)\](?:\([^)]*\))?", r"\1", "\n".join(lines))
    text = re.sub(r"^# (\w+)$", r"\1:", text, flags=re.MULTILINE).strip().replace("*/", "* /")
    return f"/* {text.replace(chr(10), f'{chr(10)} * ')} */\n".replace(" * \n", " *\n") if text else ""


if __name__ == "__main__":
    sys.stdout.write(header())
