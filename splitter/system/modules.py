"""Where a file stands in its crate: follows `mod` declarations from the crate's root file.

Source: The Rust Reference, "Modules", "The path attribute".
Invariant: pure; files are read through a function, so that a tree in memory will do. Declarations in every
`cfg` and in macro calls are followed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from splitter.source.tokens import Token, TokenKind, code_tokens

Read = Callable[[PurePosixPath], bytes | None]

#: Without this in a file no declaration is; looking for it is quicker than taking the file apart.
_LEADS_ON = re.compile(rb"\bmod\s+(?:r#)?\w+\s*(?:;|/[/*])|\binclude\s*!")
_PATH = re.compile(r'\bpath\s*=\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class ModulePlace:
    """A module's path in its crate (empty at the root), its file, and the folder where its child files live.

    `attributes` are the texts in front of the declarations that lead to it, `cfg`s among them.
    """

    path: tuple[str, ...]
    file: PurePosixPath
    children: PurePosixPath
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Declared:
    """A `mod name;` with the inline modules around it (name, `path` attribute and text in front) and its own.

    Without a name it is an `include!` of items, whose file `path` is.
    """

    inside: tuple[tuple[str, str | None, str], ...]
    name: str
    path: str | None
    attributes: str = ""


def find_module(root: PurePosixPath, source: PurePosixPath, read: Read) -> ModulePlace | None:
    """Place of the file `source` in the crate whose root file is `root`; None where no declaration leads there."""
    waiting = [ModulePlace((), root, root.parent)]
    seen = set()
    while waiting:
        place = waiting.pop()
        if place.file == source:
            return place
        data = read(place.file) if place.file not in seen else None
        seen.add(place.file)
        if data is not None:
            found = [child for declared in _declarations(data) for child in _files(place, declared)]
            # The likeliest last, for it is looked at first.
            waiting += sorted(found, key=lambda child: _common(child.file, source))
    return None


def find_modules(root: PurePosixPath, read: Read) -> dict[PurePosixPath, ModulePlace]:
    """Every file that declarations lead to from the crate's root file, with its place; `include!`d ones too."""
    waiting = [ModulePlace((), root, root.parent)]
    found: dict[PurePosixPath, ModulePlace] = {}
    while waiting:
        place = waiting.pop()
        data = read(place.file) if place.file not in found else None
        if data is not None:
            found[place.file] = place
        if data is not None and _LEADS_ON.search(data):
            children = [child for declared in _declarations(data, included=True) for child in _files(place, declared)]
            waiting += reversed(children)
    return found


def _files(parent: ModulePlace, declared: _Declared) -> Iterator[ModulePlace]:
    folder = parent.children
    if not declared.name:
        yield ModulePlace(parent.path, _normal(parent.file.parent / str(declared.path)), folder, parent.attributes)
        return
    for depth, (name, path, _) in enumerate(declared.inside):
        base = parent.file.parent if depth == 0 else folder
        folder = folder / name if path is None else _normal(base / path)
    own = (*(text for *_, text in declared.inside), declared.attributes)
    attributes = (*parent.attributes, *own)
    names = (*parent.path, *(name for name, *_ in declared.inside), declared.name)
    if declared.path is not None:
        base = folder if declared.inside else parent.file.parent
        file = _normal(base / declared.path)
        yield ModulePlace(names, file, file.parent, attributes)
        return
    plain = declared.name.removeprefix("r#")
    yield ModulePlace(names, folder / plain / "mod.rs", folder / plain, attributes)
    yield ModulePlace(names, folder / f"{plain}.rs", folder / plain, attributes)


def _declarations(data: bytes, *, included: bool = False) -> Iterator[_Declared]:
    tokens = code_tokens(data)
    around: list[tuple[str, str | None, str] | None] = []
    start = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.text == b"mod" and at + 2 < len(tokens) and tokens[at + 1].kind is TokenKind.IDENT:
            name, following = tokens[at + 1].text.decode(), tokens[at + 2].text
            path = _path_attribute(data, tokens, start, at)
            text = data[tokens[start].start : token.start].decode("utf-8", "replace") if start < at else ""
            if following == b";":
                yield _Declared(tuple(entry for entry in around if entry), name, path, text)
            if following in (b";", b"{"):
                at += 2
                around += [(name, path, text)] if following == b"{" else []
                start = at + 1
        elif included and token.text == b"include" and not around and (file := _included(tokens, at)):
            yield _Declared((), "", file)
        elif token.text == b"{":
            around.append(None)
        elif token.text == b"}" and around:
            around.pop()
        if token.text in (b"{", b"}", b";"):
            start = at + 1
        at += 1


def _included(tokens: list[Token], at: int) -> str | None:
    """The file of `include!("file.rs")`, whose items then stand here."""
    if [token.text for token in tokens[at + 1 : at + 3]] != [b"!", b"("] or at + 3 >= len(tokens):
        return None
    literal = tokens[at + 3].text.decode("utf-8", "replace")
    return literal[1:-1] if literal.startswith('"') and literal.endswith('.rs"') else None


def _path_attribute(data: bytes, tokens: list[Token], start: int, end: int) -> str | None:
    if start >= end or tokens[start].text != b"#":
        return None
    found = _PATH.search(data[tokens[start].start : tokens[end].start].decode("utf-8", "replace"))
    return found.group(1) if found else None


def _normal(path: PurePosixPath) -> PurePosixPath:
    """The path without `..`, as far as that can be told from its text."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in ("..", "/"):
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def _common(file: PurePosixPath, source: PurePosixPath) -> int:
    """How much of the way to `source` a file's name shares with it."""
    wanted = source.with_suffix("").parts
    parts = file.with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "mod" else parts
    return sum(1 for own, other in zip(parts, wanted, strict=False) if own == other)
