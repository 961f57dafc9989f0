"""The tree before a phase, and where each item of the residue goes.

Invariant: values only; `origin` is where the residue's code stands now, `residue` where it will stand.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from splitter.graph.definitions import Definitions, find_definitions
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.rewrite.names import ItemNames, expanded, names_of, trait_methods
from splitter.rewrite.places import Place, Tree, path_between
from splitter.rewrite.use_text import UseStyle
from splitter.source.item_tokens import core_tokens
from splitter.source.uses import UseLeaf, use_leaves

#: Names of so few letters are those of types (`repr(C)`), not of constants.
_SHORT = 2


@dataclass(frozen=True, slots=True)
class Hints:
    """What the compiler has said about an earlier attempt.

    Imports are named by place and text. `opened` are members (fields, methods) that need to be seen from outside
    their new module, `closed` the names that cannot be re-exported, `unreachable` the re-exports that nothing
    outside the crate gets at, `absent` those names that a macro call was taken to define and does not, `wanted`
    names that a place has to import, `called` those that only a macro call which holds them can define, `allowed`
    unused re-exports, `compiled` the builds (configuration, test or not) that are known to have a place.
    """

    dropped: frozenset[tuple[Place, str]] = frozenset()
    gated: tuple[tuple[Place, str, str], ...] = ()
    allowed: frozenset[tuple[Place, str]] = frozenset()
    opened: frozenset[tuple[str, str]] = frozenset()
    closed: frozenset[str] = frozenset()
    unreachable: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    wanted: frozenset[tuple[Place, str]] = frozenset()
    called: frozenset[str] = frozenset()
    compiled: frozenset[tuple[Place, tuple[str, bool]]] = frozenset()


@dataclass(frozen=True)
class World:
    """Everything that the rewriter may know.

    `parent` is the file with the mod lines where that is not the residue itself (legacy layout, from its second
    phase on). `outside` are identifiers in files below the monolith that are not ours. `by_names` says that no
    compiler will correct what names alone suggest, `quoting` are the crate's macros that take what they are given as
    text, `style` says how rustfmt sorts the crate's imports. `planned` are the places of all phases, `existing` the
    files that earlier phases made.
    """

    tree: Tree
    crate_path: tuple[str, ...]
    source: SourceFile
    residue_file: str
    origin: Place
    residue: Place
    places: dict[str, Place]
    docs: dict[Place, str]
    parent: SourceFile | None = None
    planned: frozenset[Place] = frozenset()
    existing: dict[Place, SourceFile] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()
    public_macros: frozenset[str] = frozenset()
    quoting: frozenset[str] = frozenset()
    by_names: bool = False
    style: UseStyle = field(default_factory=UseStyle)
    hints: Hints = field(default_factory=Hints)

    @cached_property
    def definitions(self) -> Definitions:
        """What the residue's items define."""
        return find_definitions(self.source, at_root=self.crate_path == ())

    @cached_property
    def names(self) -> dict[str, ItemNames]:
        """What each item names."""
        return _names(self.source, ("crate", *self.crate_path))

    @cached_property
    def leaves(self) -> tuple[tuple[Item, UseLeaf], ...]:
        """Leaves of the residue's `use` items."""
        uses = (item for item in self.source.items if item.kind is ItemKind.USE)
        return tuple((item, leaf) for item in uses for leaf in use_leaves(self.source, item))

    @cached_property
    def leaves_by_name(self) -> dict[str, list[tuple[Item, UseLeaf]]]:
        """The same, by the name that they bring."""
        found: dict[str, list[tuple[Item, UseLeaf]]] = defaultdict(list)
        for item, leaf in self.leaves:
            found[leaf.name].append((item, leaf))
        return found

    @cached_property
    def earlier_traits(self) -> dict[str, frozenset[str]]:
        """Traits that earlier phases took away, with what each declares."""
        declared = ((file, item) for file in self.existing.values() for item in file.items)
        return {item.name: trait_methods(file, item) for file, item in declared if item.kind is ItemKind.TRAIT}

    def _traits_called(self, names: ItemNames) -> list[str]:
        return [name for name, methods in self.earlier_traits.items() if methods & (names.members | names.plain)]

    def place(self, key: str) -> Place:
        """Where an item will stand."""
        return self.places.get(key, () if key in self.framing else self.residue)

    @property
    def mark(self) -> Item | None:
        """The byte order mark of the source."""
        return self.source.by_key.get("inner:bom")

    @cached_property
    def framing(self) -> frozenset[str]:
        """What belongs to the parent when the residue leaves it: inner attributes, and modules with files below it."""
        if self.residue == self.origin:
            return frozenset()
        return frozenset(
            item.key
            for item in self.source.items
            if item.kind is ItemKind.INNER
            or (item.kind is ItemKind.MOD and self.source.data[item.core.end - 1 : item.core.end] == b";")
        )

    @cached_property
    def members(self) -> dict[Place, list[Item]]:
        """Items by the place where they will stand, in file order."""
        found: dict[Place, list[Item]] = defaultdict(list)
        for item in self.source.items:
            found[self.place(item.key)].append(item)
        return found

    @cached_property
    def namers(self) -> dict[Place, dict[str, list[Item]]]:
        """For each place its items by the names that they use."""
        found: dict[Place, dict[str, list[Item]]] = defaultdict(dict)
        for item in self.source.items:
            rows = found[self.place(item.key)]
            for name in self.names[item.key].plain:
                rows.setdefault(name, []).append(item)
        return found

    @cached_property
    def order(self) -> dict[str, int]:
        """Positions of the items in their file, by key."""
        return {item.key: at for at, item in enumerate(self.source.items)}

    @cached_property
    def folders(self) -> frozenset[Place]:
        """Modules that have modules below them."""
        every = self.planned | set(self.existing) | set(self.places.values())
        return frozenset(place[:end] for place in every for end in range(1, len(place)))

    def file(self, place: Place) -> str:
        """File of a place."""
        return self.residue_file if place == self.residue else self.tree.file(place, self.folders)

    @cached_property
    def users(self) -> dict[str, frozenset[Place]]:
        """Places whose code names something, by that name; what is reached through the parent counts for the parent."""
        found: dict[str, set[Place]] = defaultdict(set)
        for item in self.source.items:
            names = self.names[item.key]
            for name in names.certain if self.by_names else names.plain:
                found[name].add(self.place(item.key))
            for name in names.through:
                found[name].add(self.residue)
            for name in names.absolute:
                found[name].add(())
            for name in self._traits_called(names) if self.by_names else ():
                found[name].add(self.place(item.key))
        for place, name in (*self.hints.wanted, *self._imported()):
            found[name].add(place)
        for name in self.outside:
            found[name].add(())
        return {name: frozenset(places) for name, places in found.items()}

    def _imported(self) -> list[tuple[Place, str]]:
        """What modules of earlier phases import from the residue."""
        row: list[tuple[Place, str]] = []
        for place, file in self.existing.items():
            up = path_between(place, self.origin)
            uses = (leaf.path for item in file.items if item.kind is ItemKind.USE for leaf in use_leaves(file, item))
            row += [(place, path[len(up)]) for path in uses if path[: len(up)] == up and len(path) > len(up)]
        return row

    @cached_property
    def includes(self) -> tuple[Item, ...]:
        """The first `include!` or `cfg_if!` of the file, if it has one: nobody knows here all that these define."""
        calls = (item for item in self.source.items if item.kind is ItemKind.CALL)
        return tuple(item for item in calls if item.stays or item.name == "include")[:1]

    def may_be_included(self, name: str) -> bool:
        """Say whether a name may come from an included file, for want of another place that defines it."""
        known = name in self.leaves_by_name or bool(self.homes(name)) or name in self.hints.absent
        likely = not self.by_names or (name.isupper() and len(name) > _SHORT)
        return bool(self.includes) and likely and not known

    def homes(self, name: str) -> dict[Place, list[Item]]:
        """Places where a name will be defined (macros aside), with the items that define it."""
        found: dict[Place, list[Item]] = defaultdict(list)
        if name in self.hints.absent:
            return found
        spaces = (self.definitions.types, self.definitions.values)
        for key in dict.fromkeys(key for space in spaces for key in space.get(name, ())):
            found[self.place(key)].append(self.source.by_key[key])
        for item in self.calls_with(name) if name in self.hints.called and not found else ():
            found[self.place(item.key)].append(item)
        return found

    def calls_with(self, name: str) -> list[Item]:
        """Macro calls among the items that are given a name: a macro of elsewhere may define it."""
        word = name.encode()
        calls = (item for item in self.source.items if item.kind is ItemKind.CALL)
        return [item for item in calls if any(token.text == word for token in core_tokens(self.source, item))]


@lru_cache(maxsize=4)
def _names(source: SourceFile, own: tuple[str, ...]) -> dict[str, ItemNames]:
    """Shared by the worlds of all attempts at a phase."""
    names = {item.key: names_of(source, item, own) for item in source.items}
    return expanded(names, find_definitions(source).macros)
