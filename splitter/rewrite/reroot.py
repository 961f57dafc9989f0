"""Re-roots paths that were written for one module so that they mean the same in another.

Invariant: a path that starts at the crate's root or in another crate is left as it is.
"""

from splitter.rewrite.places import Place, path_between
from splitter.rewrite.world import World


def reroot(world: World, path: tuple[str, ...], place: Place) -> tuple[str, ...]:
    """Path of a `use` leaf of the residue as it has to be written at `place`."""
    first = path[0]
    if first in ("", "crate"):
        return path
    if first == "self":
        return _local(world, path[1:], place) if len(path) > 1 else path_between(place, world.residue)
    if first == "super":
        return climbed(world, path, place)
    if first in world.definitions.types or first in world.definitions.values:
        return _local(world, path, place)
    twin = [leaf for _, leaf in world.leaves_by_name.get(first, ()) if leaf.path != path and not leaf.glob]
    if twin and twin[0].path[0] != first:
        return reroot(world, twin[0].path + path[1:], place)
    return path


def climbed(world: World, path: tuple[str, ...], place: Place) -> tuple[str, ...]:
    """A path that begins with `super`s, for code that moves from the residue's place to `place`."""
    climbs = next((i for i, part in enumerate(path) if part != "super"), len(path))
    level = len(world.origin) - climbs
    return ("super",) * (len(place) - level) + path[climbs:]


def _local(world: World, path: tuple[str, ...], place: Place) -> tuple[str, ...]:
    modules = world.folders | set(world.existing)
    depth = next((end for end in range(len(path), 0, -1) if path[:end] in modules), 0)
    if depth and world.residue == ():
        return path_between(place, path[:depth]) + path[depth:]
    homes = world.homes(path[0])
    if place in homes:
        return ("self", *path)
    home = next(iter(homes), world.residue)
    return path_between(place, home) + path
