"""Check `header`: the C headers made of the crate's sources declare the same, in whatever order.

Invariant: declarations are compared with their comments and with the conditions that they stand in, as a multiset.
"""

from collections import Counter

from splitter.graph.symbols import find_symbols
from splitter.model.change import ChangeSet
from splitter.model.check import CheckResult, Finding, Outcome, judge
from splitter.model.evidence import Evidence, Missing, Scope
from splitter.model.source import SourceFile
from splitter.verify.c_declarations import Declaration, read_declarations
from splitter.verify.missing import absent
from splitter.verify.places import parsed, unreadable


def check_header(before: Evidence, after: Evidence, _scope: Scope, _change: ChangeSet | None) -> CheckResult:
    """Compare the headers of two trees, configuration by configuration and file by file."""
    if isinstance(before.headers, Missing) or isinstance(after.headers, Missing):
        return absent("header", before.headers, after.headers)
    broken = unreadable(before.files) or unreadable(after.files)
    if broken is not None:
        return CheckResult("header", Outcome.SKIPPED, reason=broken.message)
    sources = {**parsed(before.files), **parsed(after.files)}
    compared = equal = 0
    findings: list[Finding] = []
    lawful: list[str] = []
    for configuration, headers in before.headers.items():
        now = after.headers.get(configuration, {})
        for name in sorted({*headers, *now}):
            old, new = read_declarations(headers.get(name, "")), read_declarations(now.get(name, ""))
            found = _compare(name, old, new, sources)
            findings += found
            compared += len(old)
            equal += max(0, len(old) - len(found))
            if not found and [d.text for d in old] != [d.text for d in new]:
                lawful.append(f"order of declarations in {name}")
    return judge("header", compared, equal, tuple(dict.fromkeys(findings)), lawful=tuple(dict.fromkeys(lawful)))


def _compare(
    header: str, old: list[Declaration], new: list[Declaration], sources: dict[str, SourceFile]
) -> list[Finding]:
    lost = _left(old, Counter(declaration.text for declaration in new))
    extra = _left(new, Counter(declaration.text for declaration in old))
    findings = []
    for declaration in lost:
        twin = next((other for other in extra if other.name == declaration.name), None)
        if twin is None:
            findings.append(_finding(header, declaration, sources, "is declared no more"))
            continue
        extra.remove(twin)
        was, now = _around(declaration.text, twin.text)
        findings.append(_finding(header, twin, sources, f"was `{was}`, is `{now}`"))
    findings += [_finding(header, declaration, sources, "was not declared before") for declaration in extra]
    return findings


def _finding(header: str, declaration: Declaration, sources: dict[str, SourceFile], message: str) -> Finding:
    """A finding at the Rust item that a declaration comes from, or in the header where none is known."""
    for path, source in reversed(sources.items()):
        exported = next((s for s in find_symbols(source) if s.name == declaration.name), None)
        named = next((i for i in source.items if declaration.name and i.name == declaration.name), None)
        if exported is not None or named is not None:
            key = exported.item if exported is not None else named.key if named is not None else ""
            line = exported.line if exported is not None else named.line if named is not None else 1
            return Finding(key, path, line, f"`{declaration.name}` in {header} {message}")
    what = declaration.name or declaration.text[:60]
    return Finding("", header, declaration.line, f"`{what}` {message}")


def _left(declarations: list[Declaration], others: Counter[str]) -> list[Declaration]:
    """Declarations that find no equal among the others."""
    spare = Counter(others)
    left = []
    for declaration in declarations:
        spare[declaration.text] -= 1
        if spare[declaration.text] < 0:
            left.append(declaration)
    return left


def _around(was: str, now: str) -> tuple[str, str]:
    """The stretch of two texts in which they begin to differ."""
    at = next((at for at, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    start = max(0, at - 20)
    return was[start : at + 50].strip(), now[start : at + 50].strip()
