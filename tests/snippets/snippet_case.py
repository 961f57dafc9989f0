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
`edition`, `features`, `refused` (words of the message with which the plan is refused). A `src/lib.rs` that declares
`pub mod ffi;` is there unless the case has one; files that stand under no `after` stay as they are; one that goes
away is `[gone]`. What an editor would not keep is said behind a file's name: `[crlf, bom, no final newline]`.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from splitter.model.plan import Layout, Module, Phase, Plan

MARK = re.compile(r"^//--- (before|after): (\S+)(?: \[(.+)\])?\n", re.MULTILINE)
SETTING = re.compile(r"^(source|layout|edition|features|refused|by-names): (.+)$")
MODULE = re.compile(r"^(?:phase (\d+): +| +)([\w/]+) += (.+)$")
GONE = "gone"
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
    def needs_compiler(self):
        """Whether names alone do not tell what this case has to import."""
        return self.settings.get("by-names") == "not enough"

    @property
    def expected(self):
        """Every file of the tree after."""
        every = self.before | self.after
        return {path: data for path, data in every.items() if data is not None}


def load_cases(folder):
    return [load_case(folder, path) for path in sorted(folder.rglob("*.rs"))]


def load_case(folder, path):
    text = path.read_text(encoding="utf-8")
    head, *parts = MARK.split(text)
    lines = [line.removeprefix("//").removeprefix(" ") for line in head.splitlines()]
    settings = {m[1]: m[2] for line in lines if (m := SETTING.match(line))}
    files = {"before": {}, "after": {}}
    for when, name, flags, body in zip(parts[::4], parts[1::4], parts[2::4], parts[3::4], strict=True):
        files[when][name] = as_bytes(body, flags or "")
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
    return tuple(Phase(number, f"phase {number}", "", tuple(modules)) for number, modules in phases.items())


def as_bytes(body, flags):
    if flags == GONE:
        return None
    data = body.strip("\n").encode() + b"\n"
    if "no final newline" in flags:
        data = data[:-1]
    if "crlf" in flags:
        data = data.replace(b"\n", b"\r\n")
    return b"\xef\xbb\xbf" + data if "bom" in flags else data


def flags_of(data):
    if data is None:
        return GONE
    flags = {
        "crlf": b"\r\n" in data,
        "bom": data.startswith(b"\xef\xbb\xbf"),
        "no final newline": not data.endswith(b"\n"),
    }
    return ", ".join(flag for flag, given in flags.items() if given)


def as_text(data):
    return data.decode().removeprefix("\ufeff").replace("\r\n", "\n").strip("\n")


def write_after(case, files):
    """Put what came out in place of what the case expects."""
    text = case.file.read_text(encoding="utf-8")
    text = text.split("//--- after:")[0].rstrip("\n") + "\n"
    gone = dict.fromkeys(name for name in case.before if name not in files)
    for name, data in sorted({**files, **gone}.items()):
        if case.before.get(name) != data:
            flags = flags_of(data)
            text += f"\n//--- after: {name}{f' [{flags}]' if flags else ''}\n"
            text += f"{as_text(data)}\n" if data else ""
    case.file.write_text(text, encoding="utf-8")
