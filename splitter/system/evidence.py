"""Gathers what is to be known of a tree, as a mirror holds it, at a level.

Invariant: judges nothing. What was observed once of the same content, toolchain and configuration is not built
again, so that `after` of one phase is `before` of the next at no cost; failures are never kept.
"""

import base64
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from splitter.errors import ToolError
from splitter.model.check import Level
from splitter.model.evidence import Build, Configuration, Diagnostic, Evidence, Missing, TestOutcome
from splitter.model.object_code import ObjectCode
from splitter.source.positions import asking_macros
from splitter.system import cargo as run_cargo
from splitter.system import cargo_check, headers, kept_evidence, kept_libraries
from splitter.system import machine_code as compiled
from splitter.system.cargo import Cargo, Library
from splitter.system.configurations import configurations
from splitter.system.mirror import cache_folder
from splitter.system.object_file import read_object
from splitter.system.rustfmt import unformatted
from splitter.system.side_by_side import side_by_side

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")
_COUNTING = Lock()
#: What is checked where some targets do not build beforehand: nightly benches are common.
_LESS = (
    (("bench:",), ("--lib", "--bins", "--tests", "--examples")),
    (("bench:", "example:"), ("--lib", "--bins", "--tests")),
)


@dataclass(frozen=True)
class Choice:
    """What is built to compare two trees: decided once, on the tree before.

    `configurations` are checked; `thorough` are those whose library is built, dissected and tested as well;
    `left_out` says why a configuration does not count (it does not build beforehand).
    """

    cargo: Cargo
    configurations: tuple[Configuration, ...]
    thorough: tuple[Configuration, ...]
    left_out: dict[str, str] = field(default_factory=dict)


def choose(cargo: Cargo, gating: Iterable[str] = (), chosen: tuple[str, ...] = ()) -> Choice:
    """Decide what can be built of the tree as the mirror holds it now.

    `gating` are features that gate moved items, `chosen` those that the user named. Raises `ToolError` when the
    default configuration does not build: nothing can be proved of a crate that does not.
    """
    wanted = configurations(cargo.package, gating, chosen)
    cargo, first = _coverage(cargo, wanted[0])
    if not first.succeeded:
        errors = [d for d in first.diagnostics if d.level == "error"] or [Diagnostic("error", "", "unknown")]
        message = f"the crate does not build as it is: {_place(errors[0])}"
        raise ToolError(message, "Make `cargo check --all-targets` succeed first, or work at `--level source`.")
    builds = (first, *together(cargo, [partial(check, cargo, configuration) for configuration in wanted[1:]]))
    left_out = {
        build.configuration.name: _place(next(d for d in build.diagnostics if d.level == "error"))
        for build in builds
        if not build.succeeded
    }
    building = tuple(c for c in wanted if c.name not in left_out)
    return Choice(cargo, building, _thorough(building, tuple(gating)), left_out)


def gather(choice: Choice | None, files: dict[str, bytes], level: Level) -> Evidence:
    """Evidence of the tree as the mirror holds it; `files` are the sources that the split touches.

    Level source looks at the files alone and needs no `choice`. Raises `ToolError` when a program cannot be run,
    `DiskError` when the mirror cannot be read.
    """
    evidence = Evidence(dict(files))
    if level is Level.SOURCE or choice is None:
        return evidence
    cargo = choice.cargo
    seconds: dict[str, float] = {}
    checking = [_timed(seconds, "build", check, cargo, c) for c in choice.configurations]
    building = [_timed(seconds, "symbols", library, cargo, c) for c in choice.thorough]
    builds, libraries = tuple(together(cargo, checking)), _named(choice, together(cargo, building))
    evidence = replace(
        evidence,
        builds=builds,
        left_out=dict(choice.left_out),
        symbols=_all_there({name: built.exports for name, built in libraries.items()}),
        seconds=seconds,
    )
    if level is Level.QUICK:
        return evidence
    together(cargo, [_timed(seconds, "tests", build_tests, cargo, c) for c in choice.thorough])
    # Tests of one crate may want the same port or file: they run one after the other.
    ran = tuple(_timed(seconds, "tests", outcomes, cargo, c)() for c in choice.thorough)
    look = _timed(seconds, "format", unformatted, cargo.mirror, files, cargo.package.edition, cargo.package.folder)
    dirty = look()
    evidence = replace(
        evidence,
        asking_macros=asking_macros(data for path, data in cargo.mirror.rust_files() if path not in files),
        mir=_all_there({name: built.mir for name, built in libraries.items()}),
        tests=_joined(ran),
        unformatted=dirty,
    )
    if level is Level.STANDARD:
        return evidence
    loading = [
        _timed(seconds, "behaviour", kept_libraries.shared_library, cargo, c, _key(cargo, c, "shared"))
        for c in choice.thorough
    ]
    compiling = [_timed(seconds, "code", machine_code, cargo, c) for c in choice.thorough]
    writing = [_timed(seconds, "header", written_headers, cargo, c) for c in choice.thorough]
    shared, objects = (_named(choice, together(cargo, works)) for works in (loading, compiling))
    # Headers are marked in the copy: one configuration after the other.
    written = _named(choice, [work() for work in writing])
    return replace(evidence, libraries=_all_there(shared), code=_all_there(objects), headers=_all_there(written))


def together(cargo: Cargo, works: Sequence[Callable[[], _Made]]) -> list[_Made]:
    """Results of works on several configurations: side by side, but where a build script may write into the copy."""
    return [work() for work in works] if headers.has_script(cargo) else side_by_side(works)


def check(cargo: Cargo, configuration: Configuration) -> Build:
    """As `cargo_check.check`, from what was kept where the same tree built before."""
    key = _key(cargo, configuration, "check")
    found = kept_evidence.find(_folder(), key)
    if found is not None:
        return _read_build(found)
    made = cargo_check.check(cargo, configuration)
    if made.succeeded:
        kept_evidence.keep(_folder(), key, asdict(made))
    return made


def check_imports(cargo: Cargo, configuration: Configuration) -> Build:
    """As `cargo_check.check_imports`; what a whole check found of the same tree serves as well."""
    found = kept_evidence.find(_folder(), _key(cargo, configuration, "check"))
    return cargo_check.check_imports(cargo, configuration) if found is None else _read_build(found)


def library(cargo: Cargo, configuration: Configuration) -> Library:
    """As `cargo.build`, from what was kept where the same tree built before."""
    key = _key(cargo, configuration, "library")
    found = kept_evidence.find(_folder(), key)
    if found is not None:
        return Library(found["mir"], frozenset(found["exports"]))
    made = run_cargo.build(cargo, configuration)
    if isinstance(made.mir, str) and isinstance(made.exports, frozenset):
        kept_evidence.keep(_folder(), key, {"mir": made.mir, "exports": sorted(made.exports)})
    return made


def machine_code(cargo: Cargo, configuration: Configuration) -> ObjectCode | Missing:
    """As `machine_code.machine_code`, read; from what was kept where the same tree built before."""
    key = _key(cargo, configuration, f"code {compiled.RECIPE}")
    found = kept_evidence.find(_folder(), key)
    data = base64.b64decode(found) if found is not None else compiled.machine_code(cargo, configuration)
    if isinstance(data, Missing):
        return data
    if found is None:
        kept_evidence.keep(_folder(), key, base64.b64encode(data).decode())
    return read_object(data, compiled.folder_of_rustc(cargo), str(cargo.mirror.inside(cargo.mirror.root)))


def written_headers(cargo: Cargo, configuration: Configuration) -> dict[str, str] | Missing:
    """As `headers.written_headers`, from what was kept where the same tree built before."""
    key = _key(cargo, configuration, f"header {headers.command_identity()}")
    found: dict[str, str] | None = kept_evidence.find(_folder(), key)
    if found is not None:
        return found
    made = headers.written_headers(cargo, configuration)
    if not isinstance(made, Missing):
        kept_evidence.keep(_folder(), key, made)
    return made


def build_tests(cargo: Cargo, configuration: Configuration) -> None:
    """As `cargo.build_tests`, where the same tree was not tested before, and cargo is to test it."""
    if not cargo.test_command and kept_evidence.find(_folder(), _key(cargo, configuration, "tests")) is None:
        run_cargo.build_tests(cargo, configuration)


def outcomes(cargo: Cargo, configuration: Configuration) -> tuple[TestOutcome, ...] | Missing:
    """As `cargo.tests`, from what was kept where all tests passed."""
    key = _key(cargo, configuration, "tests")
    found = kept_evidence.find(_folder(), key)
    if found is not None:
        return tuple(TestOutcome(**row) for row in found)
    made = run_cargo.tests(cargo, configuration)
    if not isinstance(made, Missing) and not any(test.outcome == "FAILED" for test in made):
        kept_evidence.keep(_folder(), key, [asdict(test) for test in made])
    return made


def _coverage(cargo: Cargo, configuration: Configuration) -> tuple[Cargo, Build]:
    """The widest choice of targets that builds, and its build."""
    first = check(cargo, configuration)
    blamed = [d.targets for d in first.diagnostics if d.level == "error"]
    has_library = any(target.kind == "lib" for target in cargo.package.targets)
    for kinds, flags in _LESS:
        if blamed and all(targets and targets[0].startswith(kinds) for targets in blamed):
            less = replace(cargo, coverage=flags if has_library else flags[1:])
            return less, check(less, configuration)
    return cargo, first


def _thorough(building: tuple[Configuration, ...], gating: tuple[str, ...]) -> tuple[Configuration, ...]:
    """The default, and as few others as compile what features gate."""
    default, others = building[0], building[1:]
    if not gating:
        return (default,)
    everything = tuple(c for c in others if c.name == "all features")
    return (default, *(everything or (c for c in others if c.name.startswith("feature "))))


def _all_there(found: dict[str, Any]) -> Any:  # noqa: ANN401 - the values' type is the caller's
    return next((value for value in found.values() if isinstance(value, Missing)), found)


def _joined(ran: tuple[tuple[TestOutcome, ...] | Missing, ...]) -> tuple[TestOutcome, ...] | Missing:
    missing = sorted((r for r in ran if isinstance(r, Missing)), key=lambda r: not r.applicable)
    some = tuple(test for r in ran if not isinstance(r, Missing) for test in r)
    if missing and (missing[0].applicable or not some):
        return missing[0]
    return some


def _place(diagnostic: Diagnostic) -> str:
    place = f"{diagnostic.path}:{diagnostic.line}: " if diagnostic.path else ""
    return f"{place}{diagnostic.message}"


def _folder() -> Path:
    return cache_folder() / "evidence"


def _key(cargo: Cargo, configuration: Configuration, what: str) -> str:
    package, root = cargo.package, cargo.mirror.root
    return kept_evidence.key_of(
        what,
        cargo.mirror.digest,
        os.path.relpath(package.folder, root),
        package.target.selection,
        configuration.name,
        configuration.flags,
        cargo.platform,
        cargo.test_command if what == "tests" else None,
        cargo.coverage if what == "check" else None,
        cargo.toolchain.identity,
    )


def _read_build(found: dict[str, Any]) -> Build:
    configuration = Configuration(found["configuration"]["name"], tuple(found["configuration"]["flags"]))
    return Build(
        configuration,
        found["succeeded"],
        tuple(Diagnostic(**row | {"targets": tuple(row["targets"])}) for row in found["diagnostics"]),
        tuple(Diagnostic(**row | {"targets": tuple(row["targets"])}) for row in found["unused_imports"]),
    )


def _timed(
    seconds: dict[str, float], name: str, work: Callable[_Given, _Made], *given: _Given.args, **named: _Given.kwargs
) -> Callable[[], _Made]:
    """The work, to be done later; the time that it takes is added to what stands under `name`."""

    def timed() -> _Made:
        began = time.monotonic()
        made = work(*given, **named)
        with _COUNTING:
            seconds[name] = seconds.get(name, 0.0) + time.monotonic() - began
        return made

    return timed


def _named(choice: Choice, made: list[_Made]) -> dict[str, _Made]:
    return {configuration.name: one for configuration, one in zip(choice.thorough, made, strict=True)}
