"""The Rust files of a package in one revision, and the modules that they are.

Invariant: knows no git and no disk; paths of files are relative to the root of the tree.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ModuleAt:
    """The module that a file is: its path in the crate, and the `cfg`s of the declarations that lead to it.

    `visible` says whether each of those declarations is `pub`. The root file of another target (an integration
    test, an example) begins a path of its own: `("<tests/outside.rs>",)`.
    """

    path: tuple[str, ...]
    cfgs: tuple[str, ...] = ()
    visible: bool = True


@dataclass(frozen=True)
class CrateSources:
    """One revision of a package.

    `revision` is as the user wrote it, `commit` what it names; `crate` is the crate's name in Rust. `files` are all
    Rust files of the package, `modules` those of them that some `mod` declaration (or target) leads to.
    """

    revision: str
    commit: str
    crate: str
    files: dict[str, bytes] = field(repr=False)
    modules: dict[str, ModuleAt]

    @property
    def read(self) -> dict[str, bytes]:
        """The files that are compiled, as far as declarations tell."""
        return {path: self.files[path] for path in self.modules}
