"""What a module shows to the code around it: names with their visibility and the condition under which they exist.

Source: The Rust Reference, "Visibility and privacy", "Use declarations", "Namespaces".
Invariant: read from the source alone; a re-export is followed only within the files of the split, any other is
known by the path that it names.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from splitter.graph.definitions import find_definitions
from splitter.model.evidence import Scope
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.source.item_tokens import core_tokens
from splitter.source.tokens import NESTING, TokenKind
from splitter.source.uses import UseLeaf, use_leaves
from splitter.verify.conditions import Condition
from splitter.verify.macro_calls import Rules, defined_in, rules_of
from splitter.verify.places import Path, absolute, in_monolith, module_of

#: Visibility as the module within which a name can be used; the empty path is the crate, `None` everywhere.
Reach = Path | None

_SILENT = (ItemKind.IMPL, ItemKind.NOTE, ItemKind.INNER, ItemKind.OPAQUE, ItemKind.USE)


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a name resolves: to what (`target`, in canonical form), how far it reaches, and when."""

    target: str
    reach: Reach
    cfgs: frozenset[str]
    file: str
    line: int


@dataclass(frozen=True)
class Modules:
    """The files of a tree by module path, and the condition and reach of each module's declaration."""

    scope: Scope
    files: dict[Path, SourceFile]
    gates: dict[Path, frozenset[str]]
    own: dict[Path, dict[str, list[Way]]]
    leaves: dict[Path, list[tuple[Item, UseLeaf]]]

    def ways(self, module: Path, name: str, seen: tuple[Path, ...] = (), *, public: bool = False) -> list[Way]:
        """All ways in which `name` resolves in `module`, or those that are `pub` from end to end."""
        source = self.files.get(module)
        if source is None or module in seen or name not in self.offered[module]:
            return []
        ways = list(self.own[module].get(name, ()))
        by_name = self.named[module]
        for item, leaf in (*by_name.get(name, ()), *by_name.get("*", ())):
            if not public or item.visibility == "pub":
                ways += self._through(module, source, item, leaf, name, seen, public=public)
        return [way for way in ways if way.reach is None] if public else ways

    @cached_property
    def named(self) -> dict[Path, dict[str, list[tuple[Item, UseLeaf]]]]:
        """Leaves of each module by the name that they bring; globs are under `*`."""
        found: dict[Path, dict[str, list[tuple[Item, UseLeaf]]]] = {}
        for module, leaves in self.leaves.items():
            rows = found.setdefault(module, {})
            for item, leaf in leaves:
                rows.setdefault(leaf.name, []).append((item, leaf))
        return found

    @cached_property
    def offered(self) -> dict[Path, set[str]]:
        """Names that each module defines or brings by `use`, those behind globs into other modules included."""
        found = {module: set(self.own[module]) | self.named[module].keys() for module in self.files}
        globs = [
            (module, self.path_of(leaf.path, module))
            for module in self.files
            for _, leaf in self.named[module].get("*", ())
        ]
        grew = True
        while grew:
            grew = False
            for module, target in globs:
                more = found.get(target, set()) - found[module]
                found[module] |= more
                grew = grew or bool(more)
        return found

    def _through(
        self,
        module: Path,
        source: SourceFile,
        item: Item,
        leaf: UseLeaf,
        name: str,
        seen: tuple[Path, ...],
        *,
        public: bool,
    ) -> list[Way]:
        """Ways by one leaf of a `use`: into a module of the split, or out of it."""
        reach = reach_of(item.visibility, module)
        own = frozenset(item.cfgs)
        path = self.path_of(leaf.path, module)
        target, last = (path, name) if leaf.glob else (path[:-1], path[-1] if path else "")
        if path and target in self.files:
            inner = self.ways(target, last, (*seen, module), public=public)
            gate = own | self.gates.get(target, frozenset())
            return [Way(w.target, _narrower(reach, w.reach), w.cfgs | gate, w.file, w.line) for w in inner]
        if leaf.glob or (not path and leaf.path[0] != "crate"):
            return [] if leaf.glob else [Way("::".join(leaf.path), reach, own, source.path, item.line)]
        known = "crate::" + "::".join(in_monolith(self.scope, path)) if path else "::".join(leaf.path)
        return [Way(known, reach, own, source.path, item.line)]

    def path_of(self, path: Path, module: Path) -> Path:
        """Path of a leaf from the crate's root; empty for one into another crate."""
        if path[0] in ("crate", "self", "super"):
            return absolute(path, module)
        below = (*module, path[0])
        return (*module, *path) if below in self.files else ()


def modules_of(sources: dict[str, SourceFile], scope: Scope) -> Modules:
    """The modules of a tree."""
    return join_modules({module_of(scope, path): source for path, source in sources.items()}, scope)


def join_modules(files: dict[Path, SourceFile], scope: Scope) -> Modules:
    """The modules of a tree whose place is known; inline ones may be among them."""
    gates: dict[Path, frozenset[str]] = {}
    for module, source in files.items():
        for item in source.items:
            if item.kind is ItemKind.MOD:
                gates[(*module, item.name)] = frozenset(item.cfgs)
    whole = {
        module: frozenset(cfg for end in range(len(module)) for cfg in gates.get(module[: end + 1], ()))
        for module in files
    }
    rules = rules_of(files.values())
    own = {module: shown(source, module, rules) for module, source in files.items()}
    leaves = {
        module: [
            (item, leaf) for item in source.items if item.kind is ItemKind.USE for leaf in use_leaves(source, item)
        ]
        for module, source in files.items()
    }
    return Modules(scope, files, whole, own, leaves)


def shown(source: SourceFile, module: Path, rules: Rules) -> dict[str, list[Way]]:
    """Names that the items of a file define with a visibility of their own, macros for all the crate included."""
    found: dict[str, list[Way]] = defaultdict(list)
    defined = find_definitions(source).by_item
    for item in source.items:
        if item.kind in _SILENT or item.name == "_":
            continue
        if item.kind is ItemKind.MACRO:
            exported = any(text.startswith("#[macro_export") for text in item.attributes)
            names = {item.name: None if exported else module}
        elif item.kind in (ItemKind.CALL, ItemKind.EXTERN):
            known = defined_in(source, item, rules)
            names = {one.name: reach_of(one.visibility, module) for one in known}
            names = names or _inside(source, item, module, defined.get(item.key, ()))
        else:
            names = {item.name: reach_of(item.visibility, module)}
        kind = "item" if item.kind in (ItemKind.CALL, ItemKind.EXTERN) else item.kind.value
        for name, reach in names.items():
            found[name].append(Way(f"{kind} {name}", reach, frozenset(item.cfgs), source.path, item.line))
    return found


def reach_of(visibility: str, module: Path) -> Reach:
    """How far a visibility written in `module` reaches."""
    words = visibility.replace("(", " ").replace(")", " ").replace("::", " ").split()
    if not words:
        return module
    if words == ["pub"]:
        return None
    return absolute(tuple(word for word in words[1:] if word != "in"), module)


def condition(ways: list[Way]) -> Condition:
    """When at least one of the ways exists."""
    return frozenset(way.cfgs for way in ways)


def widest(ways: list[Way]) -> Reach:
    """The farthest reach among ways; there has to be one."""
    reaches = [way.reach for way in ways]
    return None if None in reaches else min((r for r in reaches if r is not None), key=len)


def members(source: SourceFile, item: Item, module: Path) -> dict[tuple[str, int], Reach]:
    """Fields, methods and other things inside an item that have a visibility, numbered where a name repeats."""
    tokens = core_tokens(source, item)
    seen: dict[str, int] = defaultdict(int)
    found: dict[tuple[str, int], Reach] = {}
    depth = 0
    for at, token in enumerate(tokens):
        depth += NESTING.get(token.kind, 0)
        if token.text != b"pub" or not depth or (at and tokens[at - 1].text == b"$"):
            continue
        end, visibility = at + 1, "pub"
        if tokens[end].text == b"(" and tokens[end + 1].text in (b"crate", b"super", b"self", b"in"):
            close = next((i for i in range(end, len(tokens)) if tokens[i].text == b")"), end)
            visibility += "(" + " ".join(t.text.decode() for t in tokens[end + 1 : close]) + ")"
            end = close + 1
        name = " ".join(t.text.decode() for t in tokens[end : end + 3] if t.kind is TokenKind.IDENT)
        found[name, seen[name]] = reach_of(visibility, module)
        seen[name] += 1
    return found


def _inside(source: SourceFile, item: Item, module: Path, names: tuple[str, ...]) -> dict[str, Reach]:
    """Names inside a macro call or extern block that stand behind a `pub`."""
    tokens = core_tokens(source, item)
    found: dict[str, Reach] = {}
    visibility = ""
    for at, token in enumerate(tokens):
        if token.text == b"pub":
            close = next((i for i in range(at, len(tokens)) if tokens[i].text == b")"), at)
            restricted = at + 1 < len(tokens) and tokens[at + 1].text == b"("
            visibility = b" ".join(t.text for t in tokens[at : close + 1]).decode() if restricted else "pub"
        elif token.text in (b";", b"{", b"}"):
            visibility = ""
        elif visibility and token.text.decode("utf-8", "replace") in names:
            found[token.text.decode()] = reach_of(visibility, module)
            visibility = ""
    return found


def _narrower(one: Reach, other: Reach) -> Reach:
    if one is None or other is None:
        return other if one is None else one
    return one if len(one) >= len(other) else other
