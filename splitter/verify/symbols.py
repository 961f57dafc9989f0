"""Check `symbols`: the built library exports the same names, and the source gives them the same signatures.

Invariant: names come from the built file, signatures from the source; neither stands in for the other.
"""

from collections.abc import Iterator

from splitter.graph.symbols import find_symbols
from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.model.graph import Symbol
from splitter.model.source import SourceFile
from splitter.verify.canonical import Place, canonical_text
from splitter.verify.conditions import flattened
from splitter.verify.macro_calls import Rules, defined_in, rules_of
from splitter.verify.missing import absent
from splitter.verify.places import module_of, parsed, unreadable, within

_Signed = dict[tuple[str, str, tuple[str, ...]], tuple[Symbol, str]]


def check_symbols(before: Evidence, after: Evidence, scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare exported names in each configuration, and signatures of exported functions and statics."""
    if isinstance(before.symbols, Missing) or isinstance(after.symbols, Missing):
        return absent("symbols", before.symbols, after.symbols)
    broken = unreadable(before.files) or unreadable(after.files)
    if broken is not None:
        return CheckResult("symbols", Outcome.SKIPPED, reason=broken.message)
    old, new = _signed(before, within(scope, before)), _signed(after, within(scope, after))
    places = {key[0]: symbol for key, (symbol, _) in (*new.items(), *old.items())}
    files = {key[0]: path for signed in (new, old) for key, (_, path) in signed.items()}
    findings: list[Finding] = []
    compared = equal = 0
    for name, names in before.symbols.items():
        now = after.symbols.get(name, frozenset())
        compared += len(names)
        equal += len(names & now)
        for symbol in sorted(names ^ now):
            change = "is exported no more" if symbol in names else "was not exported before"
            known = places.get(symbol)
            item, line = (known.item, known.line) if known else ("", 1)
            path, line = _stands(item, after) or (files.get(symbol, scope.monolith), line)
            findings.append(Finding(item, path, line, f"`{symbol}` {change} ({name})"))
    compared += len(old)
    equal += len(old.keys() & new.keys())
    findings += _signatures(old, new, after)
    if not compared and not findings:
        return CheckResult("symbols", Outcome.NOT_APPLICABLE, reason="the file exports nothing")
    built = {symbol for names in before.symbols.values() for symbol in names}
    unbuilt = sorted({key[0] for key in old} - built)
    note = (f"exported in no configuration that was built: {', '.join(unbuilt)}",) if unbuilt else ()
    return judge("symbols", compared, equal, tuple(findings), lawful=note)


def _stands(key: str, evidence: Evidence) -> tuple[str, int] | None:
    """File and line of an item in a tree, by its key: there its export has to be mended."""
    sources = parsed(evidence.files).values()
    return next(((source.path, source.by_key[key].line) for source in sources if key in source.by_key), None)


def _signed(evidence: Evidence, scope: Scope) -> _Signed:
    """Symbols by name, canonical signature and `cfg`s, with their files."""
    found: _Signed = {}
    sources = parsed(evidence.files)
    rules = rules_of(sources.values())
    for path, source in sources.items():
        place = Place(scope, path, module_of(scope, path))
        around = scope.stands[path].cfgs if path in scope.stands else ()
        for symbol in symbols_of(source, rules):
            cfgs = tuple(sorted(flattened((*around, *symbol.cfgs))))
            found[symbol.name, canonical_text(symbol.signature, place), cfgs] = (symbol, path)
    return found


def symbols_of(source: SourceFile, rules: Rules) -> Iterator[Symbol]:
    """Exports of a file; what a macro call brings is told by the macro, which may stand in another file."""
    known = {item.key: defined_in(source, item, rules) for item in source.items}
    yield from (symbol for symbol in find_symbols(source) if not known[symbol.item])
    for item in source.items:
        exported = (one for one in known[item.key] if one.exported)
        yield from (Symbol(one.name, item.key, one.signature, item.line, item.cfgs) for one in exported)


def _signatures(old: _Signed, new: _Signed, after: Evidence) -> Iterator[Finding]:
    for key in sorted(old.keys() - new.keys()):
        symbol, path = old[key]
        now = next((other for other in new if other[0] == key[0] and other not in old), None)
        if now is None:
            place = _stands(symbol.item, after) or (path, symbol.line)
            yield Finding(symbol.item, *place, f"`{symbol.name}` is declared as an export no more")
            continue
        stands, file = new[now]
        was, became = (key[1], now[1]) if key[1] != now[1] else (f"cfg {key[2]}", f"cfg {now[2]}")
        yield Finding(symbol.item, file, stands.line, f"`{symbol.name}` was `{was}`, is `{became}`")
    for key in sorted(new.keys() - old.keys()):
        if not any(other[0] == key[0] for other in old):
            symbol, path = new[key]
            yield Finding(symbol.item, path, symbol.line, f"`{symbol.name}` was not declared as an export before")
