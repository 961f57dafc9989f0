"""Where the monolith stands in its crate, as far as manifests and `mod` declarations tell without cargo."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """`module` is the path in the crate, `children` the folder of child modules, `package` that of the package.

    `style` is the style edition that rustfmt formats the file in, `crates` are the names of the crates that the
    manifest asks for. Folders are relative to the root of the tree.
    """

    module: tuple[str, ...]
    children: str
    package: str
    style: str = "2021"
    crates: frozenset[str] = frozenset()
