"""Messages of `cargo check --message-format=json` as diagnostics.

Invariant: pure but for the sources that spans point into, which are read through a function; messages that
carry no news (`aborting due to …`, counts of warnings) are left out.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from splitter.model.evidence import Diagnostic

Locate = Callable[[str], tuple[str, bytes]]
"""From a path as rustc prints it to the path in the tree and the file's bytes."""

_COUNTS = (
    "aborting due to",
    "warnings emitted",
    "warning emitted",
    "Some errors have detailed",
    "For more information",
)


def read_diagnostics(output: str, locate: Locate) -> tuple[Diagnostic, ...]:
    """Errors and warnings in cargo's JSON output, each once for every build unit that printed it."""
    return tuple(
        diagnostic
        for message in messages(output, "compiler-message")
        if message["message"]["level"].startswith(("error", "warning"))
        and not any(count in message["message"]["message"] for count in _COUNTS)
        for diagnostic in _diagnostics(message["message"], label_of(message["target"]), locate)
    )


def messages(output: str, reason: str) -> Iterator[dict[str, Any]]:
    """JSON objects with that `reason` among the lines of cargo's output."""
    for line in output.splitlines():
        if line.startswith("{"):
            message: dict[str, Any] = json.loads(line)
            if message.get("reason") == reason:
                yield message


def label_of(target: dict[str, Any]) -> str:
    """Name of a cargo target: `lib`, `bin:x`, `test:x`, `example:x`, `bench:x`, `build`."""
    kinds = target["kind"]
    kind = next((kind for kind in ("bin", "test", "example", "bench") if kind in kinds), "")
    if kind:
        return f"{kind}:{target['name']}"
    return "build" if "custom-build" in kinds else "lib"


def tell_builds_apart(
    everything: tuple[Diagnostic, ...], plain: tuple[Diagnostic, ...] | None
) -> tuple[Diagnostic, ...]:
    """Merge equal diagnostics, naming the builds that printed each.

    A lib or bin is built twice by `--all-targets`, as itself and as its test harness, and cargo does not say which of
    the two a message is from; `plain` are the messages of the builds that are no harness. Without those, two copies
    mean both.
    """
    counts: Counter[Diagnostic] = Counter(everything)
    ordinary = Counter(plain or ())
    merged: dict[Diagnostic, tuple[str, ...]] = {}
    for diagnostic, count in counts.items():
        label = diagnostic.targets[0]
        doubled = label == "lib" or label.startswith("bin:")
        alone = min(count, ordinary[diagnostic] if plain is not None else 1) if doubled else count
        builds = (*((label,) if alone else ()), *((f"{label}(test)",) if count > alone else ()))
        key = replace(diagnostic, targets=())
        merged[key] = tuple(dict.fromkeys((*merged.get(key, ()), *builds)))
    return tuple(replace(diagnostic, targets=builds) for diagnostic, builds in merged.items())


def _diagnostics(message: dict[str, Any], label: str, locate: Locate) -> Iterator[Diagnostic]:
    """One diagnostic; for unused imports one for each of them, since one message may name several."""
    primary = [span for span in message["spans"] if span["is_primary"]]
    if (message.get("code") or {}).get("code") != "unused_imports" or len(primary) < 2:
        yield _diagnostic(message, label, locate)
        return
    for span in primary:
        yield _diagnostic(message | {"spans": [span]}, label, locate)


def _diagnostic(message: dict[str, Any], label: str, locate: Locate) -> Diagnostic:
    code = (message.get("code") or {}).get("code", "")
    spans = message["spans"]
    primary = next((span for span in spans if span["is_primary"]), None)
    common = {"level": message["level"].split(":")[0], "code": code, "message": message["message"]}
    rendered = message.get("rendered") or ""
    if primary is None:
        return Diagnostic(**common, rendered=rendered, targets=(label,))
    # What a macro of another crate wrote is blamed on the place that called it.
    while primary["expansion"] and not locate(primary["file_name"])[1]:
        primary = primary["expansion"]["span"]
    path, data = locate(primary["file_name"])
    outermost = primary
    while outermost["expansion"]:
        outermost = outermost["expansion"]["span"]
    start, end = primary["byte_start"], primary["byte_end"]
    return Diagnostic(
        **common,
        path=path,
        line=primary["line_start"],
        start=start,
        end=end,
        span_text=data[start:end].decode("utf-8", "replace"),
        label=primary["label"] or "",
        rendered=rendered,
        targets=(label,),
        caller="" if outermost is primary else locate(outermost["file_name"])[0],
    )
