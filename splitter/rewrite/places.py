"""Where a module stands below the monolith, and how code there names what stands elsewhere.

Source: The Rust Reference, "Modules", "Paths", "Visibility and privacy".
Invariant: a place is a module path below the monolith's own module; `()` is that module itself.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

Place = tuple[str, ...]


def place_of(module_path: str) -> Place:
    """Place of a plan's module path (`hash/sha1`)."""
    return tuple(module_path.split("/")) if module_path else ()


def common(left: Place, right: Place) -> Place:
    """Nearest module that holds both."""
    row = []
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        row.append(one)
    return tuple(row)


def path_between(origin: Place, target: Place) -> Place:
    """Path by which code at `origin` reaches module `target`: `super`s, then names; `self` where it goes only down."""
    shared = len(common(origin, target))
    up = ("super",) * (len(origin) - shared)
    return (up or ("self",)) + target[shared:]


def visible_from(place: Place, ancestor: Place) -> str:
    """Least visibility with which an item at `place` is seen in all of `ancestor`; empty when it needs none."""
    levels = len(place) - len(ancestor)
    if levels <= 0:
        return ""
    return "pub(super)" if levels == 1 else f"pub(in {'::'.join(['super'] * levels)})"


@dataclass(frozen=True, slots=True)
class Tree:
    """Files of the modules: `parent` holds the mod lines, `folder` is where its child modules live."""

    parent: str
    folder: str

    def file(self, place: Place, folders: frozenset[Place]) -> str:
        """File of a module; a module with children is a folder with `mod.rs`."""
        if not place:
            return self.parent
        stem = PurePosixPath(self.folder, *place)
        return str(stem / "mod.rs") if place in folders else f"{stem}.rs"
