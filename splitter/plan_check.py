"""What is wrong with a plan in the face of its source: unknown items, unmovable ones, some torn apart.

Invariant: pure; sees every problem, not the first.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from splitter.errors import Problem
from splitter.graph.definitions import find_definitions
from splitter.model.graph import SymbolGraph, Tie
from splitter.model.plan import Phase, Plan
from splitter.model.source import Item, ItemKind, SourceFile
from splitter.plan_lines import Place, find_lines, line_of
from splitter.plan_shape import did_you_mean
from splitter.source.item_tokens import core_tokens
from splitter.source.positions import askers

_TYPES = (ItemKind.STRUCT, ItemKind.ENUM, ItemKind.UNION)
_FRAME = {
    ItemKind.USE: "each module gets the imports that it needs",
    ItemKind.INNER: "inner docs and attributes belong to the file that they stand in",
    ItemKind.EXTERN_CRATE: "`extern crate` brings a name into the file that it stands in",
    ItemKind.OPAQUE: "the parser does not know its syntax yet",
}


@dataclass(slots=True)
class _Checking:
    """The plan as the checks see it: who goes where, and on which line that is said."""

    path: str
    graph: SymbolGraph
    lines: dict[Place, int]
    phases: list[tuple[int, Phase]]
    done: set[str]
    homes: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str, suggestion: str = "") -> None:
        self.problems.append(Problem(self.path, line_of(self.lines, place), message, suggestion))


def check(
    plan: Plan,
    text: str,
    path: str,
    graph: SymbolGraph,
    reserved: frozenset[str],
    done: frozenset[int] = frozenset(),
) -> tuple[Problem, ...]:
    """Problems of a plan that need the source to be seen, in the order of lines.

    `text` and `path` are the plan file's; `graph` is the source as it stands; `reserved` are names that no
    module may take (imports, modules and crates in use). Phases in `done` have moved already and are passed
    over.
    """
    phases = [(index, phase) for index, phase in enumerate(plan.phases) if phase.number not in done]
    gone = {module.path for phase in plan.phases if phase.number in done for module in phase.modules}
    made = _Checking(path, graph, find_lines(text.removeprefix("\ufeff")), phases, gone)
    for index, phase in phases:
        for at, module in enumerate(phase.modules):
            for number, key in enumerate(module.items):
                made.homes[key] = module.path
                made.places[key] = ("phase", index, "module", at, "items", number)
    _check_items(made)
    _check_accepted(made, plan)
    _check_twins(made)
    _check_impls(made)
    _check_macros(made)
    _check_module_names(made, reserved)
    return tuple(sorted(made.problems, key=lambda problem: problem.line))


def _check_items(made: _Checking) -> None:
    known = made.graph.source.by_key
    for key, place in made.places.items():
        item = known.get(key)
        if item is None:
            free = [other for other in known if other not in made.homes]
            advice = did_you_mean(key, free) or did_you_mean(key, known)
            made.add(place, f"`{key}` is not in {made.graph.source.path}", advice)
            continue
        reason = _stays(made.graph, item)
        if reason:
            made.add(place, f"`{key}` may not move: {reason}", "delete it here: it stays in the source")


def _check_accepted(made: _Checking, plan: Plan) -> None:
    """Each accepted difference names an item, wherever it stands by now, or what items ask by."""
    source = made.graph.source
    known = {*source.by_key, *plan.placed, *(askers(source) if plan.accepted else ())}
    for number, name in enumerate(plan.accepted):
        if name not in known:
            advice = did_you_mean(name, known) or "name an item by its key, or what items ask by: `line!`"
            made.add(
                ("lawful", "accepted", number), f"`{name}` is no item of {source.path}, and nobody asks by it", advice
            )


def _stays(graph: SymbolGraph, item: Item) -> str:
    """Why an item may not move, or nothing."""
    if not item.movable:
        return item.stays or _FRAME.get(item.kind, "it belongs to the frame of the file")
    if item.kind is ItemKind.MOD:
        tokens = core_tokens(graph.source, item)
        if tokens[-1].text == b";":
            return "a `mod` declaration says where its file is"
        if any(token.text == b"super" for token in tokens):
            return "the module uses `super`, which would mean another module there"
    if item.kind is ItemKind.MACRO:
        if any(attribute.startswith("#[macro_export") for attribute in item.attributes):
            return "an exported macro is found by its path in the crate"
        if len(find_definitions(graph.source).macros.get(item.name, ())) > 1:
            return "the macro is defined more than once, and which one is meant follows from the order of the file"
    return ""


def _check_macros(made: _Checking) -> None:
    """A macro is seen only below its definition in one file; what a macro makes private stays so."""
    source = made.graph.source
    definitions = find_definitions(source)
    for key, place in made.places.items():
        item = source.by_key.get(key)
        if item is None or item.kind not in (ItemKind.MACRO, ItemKind.CALL):
            continue
        made_by_rules = [definitions.by_call[n] for n in definitions.by_item[key] if n in definitions.by_call]
        fixed = [one.name for one in made_by_rules if not one.visibility]
        elsewhere = sorted(user for user in made.graph.users.get(key, ()) if made.homes.get(user) != made.homes[key])
        if item.kind is ItemKind.CALL:
            named = [user for user in elsewhere if _names_any(source, user, fixed)]
            if fixed and named:
                user = f"`{named[0]}` in {_where(made.homes.get(named[0]))}"
                made.add(
                    place,
                    f"`{key}` makes `{fixed[0]}` private, and {user} uses it",
                    "keep the two together, or leave both in the source",
                )
        elif elsewhere:
            message = f"`{key}` is used by `{elsewhere[0]}` in {_where(made.homes.get(elsewhere[0]))}"
            made.add(place, f"{message}, where it would not be seen", "delete it here: it stays in the source")


def _names_any(source: SourceFile, key: str, names: list[str]) -> bool:
    return any(token.text.decode() in names for token in core_tokens(source, source.by_key[key]))


def _check_twins(made: _Checking) -> None:
    """All items of one name under different `cfg`s stay together: a path can lead to one module only."""
    known = made.graph.source.by_key
    groups: dict[str, set[str]] = defaultdict(set)
    for reference in made.graph.references:
        if reference.tie is Tie.TWIN and known[reference.src].kind is not ItemKind.CALL:
            first, other = sorted((reference.src, reference.dst), key=lambda key: known[key].span)
            groups[first] |= {first, other}
    for keys in groups.values():
        twins = sorted(keys, key=lambda key: known[key].span)
        homes = {key: made.homes.get(key) for key in twins}
        if len(set(homes.values())) > 1:
            last = max((made.places[key] for key in twins if key in made.places), key=lambda place: place[1::2])
            told = ", ".join(f"`{key}` is in {_where(home)}" for key, home in homes.items())
            made.add(last, f"twins of one name have to stay together: {told}", "move all of them, or none")


def _check_impls(made: _Checking) -> None:
    known = made.graph.source.by_key
    seen: set[str] = set()
    for reference in made.graph.references:
        impl, target = known[reference.src], known[reference.dst]
        is_own = reference.tie is Tie.IMPLEMENTS and target.kind in _TYPES and target.name == impl.name
        home = made.homes.get(impl.key), made.homes.get(target.key)
        if not is_own or home[0] == home[1] or impl.key in seen:
            continue
        seen.add(impl.key)
        place = made.places.get(impl.key) or made.places[target.key]
        advice = f"put both into `{home[1] or home[0]}`" if all(home) else "move both, or neither"
        message = f"`{impl.key}` has to go with its type `{target.key}`"
        told = f"one is in {_where(home[0])}, the other in {_where(home[1])}"
        made.add(place, f"{message}: {told}", advice)


def _where(home: str | None) -> str:
    return f"`{home}`" if home else "the source"


def _check_module_names(made: _Checking, reserved: frozenset[str]) -> None:
    source = made.graph.source
    types = find_definitions(source).types
    told: set[str] = set()
    for index, phase in made.phases:
        for at, module in enumerate(phase.modules):
            parts = module.path.split("/")
            for depth, part in enumerate(parts):
                prefix = "/".join(parts[: depth + 1])
                if prefix in told or any(f"{path}/".startswith(f"{prefix}/") for path in made.done):
                    continue
                told.add(prefix)
                scope = "/".join(parts[:depth])
                named = [key for key in types.get(part, ()) if not depth or made.homes.get(key) == scope]
                place = ("phase", index, "module", at, "path")
                if named:
                    advice = f"{source.path}:{source.by_key[named[0]].line}; choose another name"
                    made.add(place, f"module `{prefix}` shadows `{named[0]}`", advice)
                elif part in reserved:
                    message = f"module `{prefix}` shadows `{part}`, which is in use"
                    made.add(place, message, f"try `{part}_fns` or `{part}_ops`")
