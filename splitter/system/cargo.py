"""Cargo commands of one package in a mirror: build with MIR, test, and what they share.

Source: The Cargo Book, "Build scripts" and "Configuration" (`RUSTC_WORKSPACE_WRAPPER`).
Invariant: what has to be added to rustc's arguments is added by a wrapper script for workspace members only, so
that dependencies are built once and the user's own flags stay in force; a wrapper's path is part of cargo's
fingerprint, so builds with different additions do not overwrite one another's cache.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from splitter.model.evidence import TRIMMED_MIR, Configuration, Missing, TestOutcome
from splitter.system.diagnostics import messages, read_diagnostics
from splitter.system.export_names import exported_names
from splitter.system.mirror import Mirror
from splitter.system.package import Package
from splitter.system.process import Done, Progress, run
from splitter.system.test_output import NO_TESTS, read_tests
from splitter.system.toolchain import PLAIN_MIR, Toolchain, find_toolchain
from splitter.system.wrappers import slug, wrapper

# The target's own build prints MIR beside what cargo asks for; its test harness does not, nor any build for tests.
_EMIT = f"""#!/bin/sh
[ -n "$SPLITTER_MIR" ] || exec "$@"
case " $* " in
*" --test "*) ;;
*" --crate-name $SPLITTER_CRATE "*)
  case " $* " in
  *" --crate-type $SPLITTER_TYPE "*)
    if [ -n "$SPLITTER_PLAIN" ]; then
      RUSTC_BOOTSTRAP=1 exec "$@" "--emit=mir=$SPLITTER_MIR" {" ".join(PLAIN_MIR)}
    fi
    exec "$@" "--emit=mir=$SPLITTER_MIR" ;;
  esac ;;
esac
exec "$@"
"""
_UNHASHED = frozenset(("cdylib", "dylib", "staticlib"))
_HASH = re.compile(r"-[0-9a-f]{16}(?:\.exe)?$")
_MIR_PATH = re.compile(r"(?<=[@ ])([^\s@:{}<>]+\.rs)(?=:\d+:\d+: \d+:\d+)")


@dataclass(frozen=True)
class Cargo:
    """How cargo is run: where, for which package, and what the user chose.

    `platform` is a target triple, `test_command` a shell command that takes the place of `cargo test`;
    `coverage` says which targets a check includes.
    """

    mirror: Mirror
    package: Package
    platform: str | None = None
    test_command: str | None = None
    coverage: tuple[str, ...] = ("--all-targets",)
    timeout: float | None = None
    progress: Progress | None = field(default=None, compare=False)

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that builds in the mirror."""
        return find_toolchain(self.folder)

    @property
    def folder(self) -> Path:
        """The package's folder in the mirror."""
        return self.mirror.inside(self.package.folder)


@dataclass(frozen=True, slots=True)
class Library:
    """A built library or binary: its MIR as rustc prints it, and the names that it exports."""

    mir: str | Missing
    exports: frozenset[str] | Missing


def build(cargo: Cargo, configuration: Configuration) -> Library:
    """Build the package's library (or binary) once, for its MIR and its exported names."""
    mir_file = _mir_file(cargo, configuration)
    done = build_for(mir_file, cargo, configuration, _building(cargo, configuration))
    if done.status:
        failed = Missing(f"the library does not build ({configuration.name}): {first_error(done, cargo)}")
        return Library(failed, failed)
    if not mir_file.is_file():
        return Library(Missing(f"rustc printed no MIR ({configuration.name})"), _exports(cargo, done.stdout))
    mir = _in_tree(cargo, mir_file.read_text(encoding="utf-8", errors="replace"))
    # The reader has to know: a stable compiler shortens paths, and no option of its own keeps it from that.
    return Library(mir if cargo.toolchain.plain_mir else f"{TRIMMED_MIR}\n{mir}", _exports(cargo, done.stdout))


def build_for(
    file: Path, cargo: Cargo, configuration: Configuration, surroundings: dict[str, str | None], *more: str
) -> Done:
    """Build the library (or binary) in surroundings in which rustc writes `file` as well."""
    command = ("cargo", "build", *cargo.package.target.selection, "--message-format=json", *more)
    command = (*command, *flags(cargo, configuration))
    file.unlink(missing_ok=True)
    done = run_in(cargo, command, surroundings)
    if done.status == 0 and not file.is_file():
        # Cargo found nothing to build: what rustc wrote then is not for us to trust, so it writes again.
        cargo.mirror.inside(cargo.package.target.root_file).touch()
        done = run_in(cargo, command, surroundings)
    return done


def check_for(cargo: Cargo, configuration: Configuration, surroundings: dict[str, str | None]) -> Done:
    """Check the library (or binary) alone, for what its build script does."""
    command = ("cargo", "check", *cargo.package.target.selection, "--message-format=json")
    return run_in(cargo, (*command, *flags(cargo, configuration)), surroundings)


def mir(cargo: Cargo, configuration: Configuration) -> str | Missing:
    """MIR of every function of the library (or binary), with paths relative to the root of the tree."""
    return build(cargo, configuration).mir


def exports(cargo: Cargo, configuration: Configuration) -> frozenset[str] | Missing:
    """Names that the built library exports; for a binary, the unmangled names that it defines."""
    return build(cargo, configuration).exports


def shared_library(cargo: Cargo, configuration: Configuration) -> Path | Missing:
    """The library as one that can be loaded; it is made one for this where the crate does not ask for it."""
    target = cargo.package.target
    if target.kind != "lib":
        return Missing("a program has no functions to call from outside", applicable=False)
    loadable = "cdylib" in target.crate_types
    command = ("cargo", "build") if loadable else ("cargo", "rustc")
    wanted = () if loadable else ("--crate-type", "cdylib")
    command = (*command, "--lib", "--message-format=json", *flags(cargo, configuration), *wanted)
    surroundings = _building(cargo, configuration) | ({} if loadable else {"SPLITTER_MIR": ""})
    done = run_in(cargo, command, surroundings)
    for message in messages(done.stdout, "compiler-artifact"):
        files = [Path(name) for name in message["filenames"] if name.endswith((".so", ".dylib", ".dll"))]
        if message["target"]["name"] == target.name and files:
            return files[0]
    return Missing(f"no library to load could be built ({configuration.name}): {first_error(done, cargo)}")


def tests(cargo: Cargo, configuration: Configuration) -> tuple[TestOutcome, ...] | Missing:
    """Every test that `cargo test` runs, doc tests included, with its outcome."""
    command = ("cargo", "test", "--no-fail-fast", *flags(cargo, configuration))
    if cargo.test_command:
        command = ("sh", "-c", cargo.test_command)
    done = run_in(cargo, command, _testing(cargo, configuration), joined=True)
    text = _DOC_PATH.sub(lambda found: cargo.mirror.relative(found[1], cargo.package.workspace_root), done.stdout)
    found = read_tests(text, lambda path, file: _binary(cargo, path, file), done.status, configuration.name)
    if found is NO_TESTS and cargo.test_command:
        return Missing(f"no outcome of a test could be read from what `{cargo.test_command}` printed")
    return found


def build_tests(cargo: Cargo, configuration: Configuration) -> None:
    """Build what `cargo test` will run, and run nothing; errors are for `tests` to tell."""
    run_in(cargo, ("cargo", "test", "--no-run", *flags(cargo, configuration)), _testing(cargo, configuration))


_DOC_PATH = re.compile(r"(?<=^test )(\S+\.(?:rs|md))(?= - )", re.MULTILINE)


def _exports(cargo: Cargo, output: str) -> frozenset[str] | Missing:
    target = cargo.package.target
    for message in messages(output, "compiler-artifact"):
        own = message["target"]
        if own["name"] != target.name or Path(own["src_path"]) != cargo.mirror.inside(target.root_file):
            continue
        files = [Path(name) for name in message["filenames"] if not name.endswith((".rmeta", ".d", ".lib", ".pdb"))]
        shared = [file for file in files if file.suffix in (".so", ".dylib", ".dll")]
        chosen = shared if "cdylib" in target.crate_types else files
        if chosen:
            return frozenset(name for file in chosen for name in exported_names(file, target.crate))
    return Missing("cargo named no library file")


def flags(cargo: Cargo, configuration: Configuration) -> tuple[str, ...]:
    """Flags that choose features and platform."""
    return (*configuration.flags, *(("--target", cargo.platform) if cargo.platform else ()))


def environment(cargo: Cargo, configuration: Configuration) -> dict[str, str | None]:
    """Surroundings in which cargo runs: our folders, none of the caches of others."""
    return {
        "CARGO_TARGET_DIR": str(target_folder(cargo, configuration)),
        "CARGO_TERM_COLOR": "never",
        "CARGO_TERM_PROGRESS_WHEN": "never",
        "CARGO_BUILD_TARGET_DIR": None,
        # A cache for compilers does not know our wrapper.
        "RUSTC_WRAPPER": "",
        "RUSTC_WORKSPACE_WRAPPER": None,
    }


def _building(cargo: Cargo, configuration: Configuration) -> dict[str, str | None]:
    """Surroundings in which the library's build prints its MIR; the tests run in the same, to share the build."""
    target = cargo.package.target
    return environment(cargo, configuration) | {
        "RUSTC_WORKSPACE_WRAPPER": str(wrapper(cargo.mirror, "mir", _EMIT)),
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "SPLITTER_CRATE": target.crate,
        "SPLITTER_TYPE": target.crate_types[0],
        "SPLITTER_MIR": str(_mir_file(cargo, configuration)),
        "SPLITTER_PLAIN": "1" if cargo.toolchain.plain_mir else "",
    }


def _testing(cargo: Cargo, configuration: Configuration) -> dict[str, str | None]:
    """The same for tests: a profile of their own may build the library in another way, whose MIR is none to compare."""
    return _building(cargo, configuration) | {"SPLITTER_MIR": ""}


def _mir_file(cargo: Cargo, configuration: Configuration) -> Path:
    """Where rustc prints the MIR; its folder is there, for rustc makes none."""
    folder = target_folder(cargo, configuration) / "mir"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{slug(configuration)}.mir"


def target_folder(cargo: Cargo, configuration: Configuration) -> Path:
    """A folder of its own for each configuration where cargo's file names do not tell configurations apart."""
    shared = not _UNHASHED.intersection(cargo.package.target.crate_types)
    return cargo.mirror.target if shared else cargo.mirror.target / slug(configuration)


def run_in(
    cargo: Cargo, command: tuple[str, ...], surroundings: dict[str, str | None], *, joined: bool = False
) -> Done:
    """Run a command in the package's folder of the copy."""
    return run(command, cargo.folder, surroundings, cargo.timeout, cargo.progress, joined=joined)


def locate(cargo: Cargo, path: str) -> tuple[str, bytes]:
    """Path in the tree, and the bytes, of a file that rustc names; no bytes for a file outside the tree."""
    base = cargo.package.workspace_root
    copy = Path(os.path.normpath(cargo.mirror.inside(base) / path))
    inside = copy.is_relative_to(cargo.mirror.files) and copy.is_file()
    return cargo.mirror.relative(path, base), copy.read_bytes() if inside else b""


def _in_tree(cargo: Cargo, text: str) -> str:
    """MIR with the paths in its spans made relative to the root of the tree."""
    seen: dict[str, str] = {}
    for path in set(_MIR_PATH.findall(text)):
        seen[path] = cargo.mirror.relative(path, cargo.package.workspace_root)
    return _MIR_PATH.sub(lambda found: seen[found[1]], text)


def _binary(cargo: Cargo, path: str, file: str) -> str:
    name = _HASH.sub("", Path(file).name)
    for target in cargo.package.targets:
        if target.root_file == Path(os.path.normpath(cargo.package.folder / path)):
            return "lib" if target.kind == "lib" else f"bin:{target.name}"
    kind = "example" if path.startswith("examples/") else "bench" if path.startswith("benches/") else "test"
    return f"{kind}:{name}"


def first_error(done: Done, cargo: Cargo) -> str:
    """The first error of a build that failed, with its place."""
    found = read_diagnostics(done.stdout, lambda path: locate(cargo, path))
    errors = [f"{d.path}:{d.line}: {d.message}" for d in found if d.level == "error"]
    return errors[0] if errors else done.last_words
