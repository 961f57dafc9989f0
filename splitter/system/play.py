"""Has the libraries of two trees called, in each configuration of which both have one.

Invariant: signatures come from the sources in the private copy; the same pair of libraries is played once.
"""

import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from splitter.errors import SourceError, ToolError
from splitter.graph.signatures import Types, by_symbol, read_functions
from splitter.model.calls import Behaviour
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.model.signature import Function
from splitter.model.source import SourceFile
from splitter.source.parse import parse
from splitter.system.behaviour import compare_behaviour
from splitter.system.cargo import Cargo
from splitter.verify.macro_calls import rules_of
from splitter.verify.places import parsed
from splitter.verify.symbols import symbols_of
from splitter.verify.vectors import read_vectors


def play_libraries(cargo: Cargo, before: Evidence, after: Evidence, scope: Scope) -> Evidence:
    """Evidence `after` with the behaviour of both libraries; what moved is called, among what belongs to it."""
    if isinstance(before.libraries, Missing) or isinstance(after.libraries, Missing):
        gone = next(one for one in (before.libraries, after.libraries) if isinstance(one, Missing))
        return replace(after, behaviour=gone)
    began = time.monotonic()
    functions = _functions(cargo, before)
    vectors = tuple(read_vectors(_vector_texts(cargo), functions))
    found: dict[str, Behaviour] = {}
    for name, library in before.libraries.items():
        other = after.libraries.get(name)
        if other is not None:
            try:
                pair = Path(library), Path(other)
                found[name] = compare_behaviour(*pair, functions, scope.moved, vectors, cargo.progress)
            except ToolError as error:
                return replace(after, behaviour=Missing(f"{error.message} ({name})"))
    spent = after.seconds.get("behaviour", 0.0) + time.monotonic() - began
    return replace(after, behaviour=found, seconds=after.seconds | {"behaviour": spent})


def _functions(cargo: Cargo, evidence: Evidence) -> dict[str, Function]:
    """Exported functions of the files of the split, by symbol."""
    sources = parsed(evidence.files)
    rules = rules_of(sources.values())
    symbols = [symbol for source in sources.values() for symbol in symbols_of(source, rules)]
    return dict(by_symbol(read_functions(symbols, Types((*sources.values(), *_others(cargo, evidence))))))


def _others(cargo: Cargo, evidence: Evidence) -> Iterator[SourceFile]:
    """Every other source of the package, for the types that signatures name; one without code names none."""
    for path in sorted((cargo.folder / "src").rglob("*.rs")):
        name = cargo.mirror.relative(str(path), cargo.package.workspace_root)
        if name not in evidence.files:
            with suppress(SourceError):
                yield parse(name, path.read_bytes())


def _vector_texts(cargo: Cargo) -> list[str]:
    """Texts of the crate's call vectors, from the first folder of `[package.metadata.splitter]` that is there."""
    manifest = tomllib.loads((cargo.folder / "Cargo.toml").read_text(encoding="utf-8"))
    named = manifest.get("package", {}).get("metadata", {}).get("splitter", {}).get("vectors", ())
    folders = [cargo.package.folder / folder for folder in ((named,) if isinstance(named, str) else named)]
    folder = next((one for one in folders if one.is_dir()), None)
    return [] if folder is None else [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.toml"))]
