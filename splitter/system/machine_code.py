"""Builds the package's library once more, optimised and as one unit, for its machine code.

Source: The rustc book, "Codegen Options"; The Cargo Book, "Profiles".
Invariant: the profile is the crate's release profile (its `opt-level`, `panic` and so on); only what keeps code from
being compared is overridden.
"""

import os
from pathlib import Path

from splitter.model.evidence import Configuration, Missing
from splitter.system.cargo import Cargo, build_for, environment, first_error, target_folder
from splitter.system.wrappers import slug, wrapper

# What would go by the order of items, or by hashes of their paths, is off: inlining in MIR, what LLVM does to functions
# that nobody outside the unit can call, and which of two equal functions is kept. With `link-dead-code` the private
# functions that LLVM would otherwise have inlined and dropped are there to be compared as well.
_CODEGEN = (
    "-Ccodegen-units=1 -Clink-dead-code=yes -Cdebuginfo=0 -Cstrip=none -Clinker-plugin-lto=no"
    " -Csymbol-mangling-version=v0"
)
# Nothing is linked: cargo does without the library, and dead code may name what no library defines.
_EMIT = f"""#!/bin/sh
case " $* " in
*" --test "*) ;;
*" --crate-name $SPLITTER_CRATE "*)
  case " $* " in
  *" --crate-type $SPLITTER_TYPE "*)
    for argument do
      shift
      case "$argument" in
      --emit=*) argument=${{argument%,link}} ;;
      esac
      set -- "$@" "$argument"
    done
    set -- "$@" "--emit=obj=$SPLITTER_OBJECT" {_CODEGEN}
    if [ -n "$SPLITTER_PLAIN" ]; then
      RUSTC_BOOTSTRAP=1 exec "$@" -Zmerge-functions=disabled -Zinline-mir=no
    fi
    exec "$@" -Copt-level=1 ;;
  esac ;;
esac
exec "$@"
"""
_PROFILE = {
    "CARGO_INCREMENTAL": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "1",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_STRIP": "none",
    "CARGO_PROFILE_RELEASE_INCREMENTAL": "false",
}
#: Everything that decides how the code is made, besides the tree and the toolchain.
RECIPE = f"{_EMIT}{_PROFILE}"


def machine_code(cargo: Cargo, configuration: Configuration) -> bytes | Missing:
    """The object file of the library (or binary) as rustc writes it. Raises `ToolError` when cargo cannot be run."""
    file = _object_file(cargo, configuration)
    done = build_for(file, cargo, configuration, _surroundings(cargo, configuration, file), "--release")
    if done.status:
        return Missing(f"the optimised library does not build ({configuration.name}): {first_error(done, cargo)}")
    if not file.is_file():
        return Missing(f"rustc wrote no object file ({configuration.name})")
    return file.read_bytes()


def folder_of_rustc(cargo: Cargo) -> str:
    """Where cargo runs rustc, relative to the root of the tree: names of source files in the object start there."""
    return os.path.relpath(cargo.package.workspace_root, cargo.mirror.root)


def _surroundings(cargo: Cargo, configuration: Configuration, file: Path) -> dict[str, str | None]:
    target = cargo.package.target
    return {
        **environment(cargo, configuration),
        **_PROFILE,
        "RUSTC_WORKSPACE_WRAPPER": str(wrapper(cargo.mirror, "object", _EMIT)),
        "SPLITTER_CRATE": target.crate,
        "SPLITTER_TYPE": target.crate_types[0],
        "SPLITTER_OBJECT": str(file),
        "SPLITTER_PLAIN": "1" if cargo.toolchain.plain_mir else "",
    }


def _object_file(cargo: Cargo, configuration: Configuration) -> Path:
    """Where rustc writes the object; its folder is there, for rustc makes none."""
    path = target_folder(cargo, configuration) / "object" / f"{slug(configuration)}.o"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
