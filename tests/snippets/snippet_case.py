"""Reads a case: one file that says what it shows, the plan, the files before and the files after.

    // A static that two modules use stays with the parent.
    //
    // What follows the title is for the reader.
    //
    // phase 1: take = fn:rt_take
    //          peek = fn:rt_peek, note:peeking

    //--- before: src/ffi.rs
    ...
    //--- after: src/ffi/take.rs
    ...

Settings stand in the head as `// name: value`: `source` (what is split, `src/ffi.rs` if not said), `layout`,
`edition`, `features`, `bytes` (`crlf`, `bom`, `no final newline`), `refused` (words of the message with which
the plan is refused), `names alone` (`short`: only the compiler can tell what is missing). A `src/lib.rs` that
declares `pub mod ffi;` is there unless the case has one; files that stand under no `after` stay as they are.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from splitter.model.plan import Layout, Module, Phase, Plan

MARK = re.compile(r"^//--- (before|after): (\S+)\n", re.MULTILINE)
SETTING = re.compile(r"^(source|layout|edition|features|bytes|refused|names alone): (.+)$")
MODULE = re.compile(r"^(?:phase (\d+): +| +)([\w/]+) += (.+)$")
KEYS = re.compile(r", (?=[a-z]+:)")


@dataclass(frozen=True)
class Case:
    name: str
    file: Path
    title: str
    plan: Plan
    before: dict[str, bytes]
    after: dict[str, bytes]
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def edition(self):
        return self.settings.get("edition", "2021")

    @property
    def features(self):
        return tuple(self.settings.get("features", "").split())

    @property
    def refused(self):
        return self.settings.get("refused", "")

    @property
    def expected(self):
        """Every file of the tree after."""
        return self.before | self.after


def load_cases(folder):
    return [load_case(folder, path) for path in sorted(folder.rglob("*.rs"))]


def load_case(folder, path):
    text = path.read_text(encoding="utf-8")
    head, *parts = MARK.split(text)
    lines = [line.removeprefix("//").removeprefix(" ") for line in head.splitlines()]
    settings = {m[1]: m[2] for line in lines if (m := SETTING.match(line))}
    files = {"before": {}, "after": {}}
    for when, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        files[when][name] = as_bytes(body, settings.get("bytes", ""))
    before = {"src/lib.rs": b"pub mod ffi;\n", **files["before"]}
    if "src/main.rs" in files["before"] and "src/lib.rs" not in files["before"]:
        del before["src/lib.rs"]
    source = settings.get("source", "src/ffi.rs")
    plan = Plan(
        source,
        hashlib.sha256(before[source]).hexdigest(),
        phases_of(lines),
        Layout(settings.get("layout", "inline")),
    )
    name = path.relative_to(folder).with_suffix("").as_posix()
    return Case(name, path, lines[0], plan, before, files["after"], settings)


def phases_of(lines):
    phases: dict[int, list[Module]] = {}
    for line in lines:
        found = MODULE.match(line)
        if found:
            number = int(found[1]) if found[1] else max(phases)
            phases.setdefault(number, []).append(Module(found[2], "", tuple(KEYS.split(found[3]))))
    return tuple(
        Phase(number, f"phase {number}", "", tuple(modules)) for number, modules in phases.items()
    )


def as_bytes(body, flags):
    data = body.strip("\n").encode() + b"\n"
    if "no final newline" in flags:
        data = data[:-1]
    if "crlf" in flags:
        data = data.replace(b"\n", b"\r\n")
    return b"\xef\xbb\xbf" + data if "bom" in flags else data


def as_text(data):
    return data.decode().removeprefix("\ufeff").replace("\r\n", "\n").strip("\n")


def write_after(case, files):
    """Put what came out in place of what the case expects."""
    text = case.file.read_text(encoding="utf-8")
    text = text.split("//--- after:")[0].rstrip("\n") + "\n"
    for name, data in sorted(files.items()):
        if case.before.get(name) != data:
            text += f"\n//--- after: {name}\n{as_text(data)}\n"
    case.file.write_text(text, encoding="utf-8")
