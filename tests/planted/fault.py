"""Faults as data: what a bad split looks like, written down as edits of a sound one.

Invariant: pure; an edit has one place to go to, or the fault is refused: no fault is planted by half.
"""

import tomllib
from dataclasses import dataclass

#: A name has to leave room for a column for each check.
LONGEST = 30


@dataclass(frozen=True)
class Fault:
    """A kind of bad split: edits of the split tree as file, what stands there once, what comes in its place.

    `first` is the first of the checks that has to see it; where it says nothing, any check will do.
    """

    name: str
    edits: tuple[tuple[str, str, str], ...]
    first: str = ""


@dataclass(frozen=True)
class Recipe:
    """A crate, how it is split, and the faults to plant in that.

    It lies in a `folder` of the repository, or cargo fetches it by its name in that `version`.
    """

    name: str
    plan: str
    faults: tuple[Fault, ...]
    folder: str = ""
    version: str = ""
    features: tuple[str, ...] = ()


def read_recipe(text):
    """The recipe in a TOML text; raises `ValueError` for a fault that could not be told from others in a table."""
    raw = tomllib.loads(text)
    faults = tuple(
        Fault(row["name"], tuple((file, was, becomes) for file, was, becomes in row["edits"]), row.get("first", ""))
        for row in raw["fault"]
    )
    names = [fault.name for fault in faults]
    wrong = [name for name in names if len(name) > LONGEST or names.count(name) > 1]
    if wrong:
        message = f"names of faults are too long or there twice: {wrong}"
        raise ValueError(message)
    crate = {key: tuple(value) if isinstance(value, list) else value for key, value in raw["crate"].items()}
    return Recipe(faults=faults, **crate)


def plant(files, fault):
    """The files with the fault in them; raises `ValueError` where an edit has no place, or more than one."""
    planted = dict(files)
    for path, was, becomes in fault.edits:
        data, old = planted.get(path, b""), was.encode()
        if not was:
            planted[path] = data + becomes.encode()
            continue
        if data.count(old) != 1:
            message = f"{fault.name}: {path} holds {was!r} {data.count(old)} times"
            raise ValueError(message)
        planted[path] = data.replace(old, becomes.encode())
    if planted == files:
        message = f"{fault.name}: changes nothing"
        raise ValueError(message)
    return planted
