"""Cargo's JSON as diagnostics, and the builds that printed each."""

import json

from splitter.system.diagnostics import read_diagnostics, tell_builds_apart

FILE = b"use a::b;\nmacro_call!();\n"


def locate(path):
    return (path, FILE if path == "src/lib.rs" else b"")


def line(code="unused_imports", kind="lib", name="a", start=4, end=8, **message):
    span = {
        "file_name": "src/lib.rs",
        "is_primary": True,
        "byte_start": start,
        "byte_end": end,
        "line_start": 1,
        "label": None,
        "expansion": None,
    }
    whole = {
        "level": "warning",
        "message": "unused import: `a::b`",
        "code": {"code": code},
        "spans": [span],
        "rendered": "",
    }
    target = {"kind": [kind], "name": name}
    return json.dumps({"reason": "compiler-message", "target": target, "message": whole | message})


def test_a_message_has_its_place_and_the_text_there():
    (found,) = read_diagnostics(line(), locate)
    assert (found.code, found.path, found.line, found.span_text, found.targets) == (
        "unused_imports",
        "src/lib.rs",
        1,
        "a::b",
        ("lib",),
    )


def test_counts_and_other_lines_are_no_diagnostics():
    noise = [
        line(message="2 warnings emitted", spans=[]),
        line(level="error", message="aborting due to 1 previous error", spans=[]),
        line(level="note"),
        '{"reason":"build-finished","success":true}',
        "Compiling a",
    ]
    assert read_diagnostics("\n".join(noise), locate) == ()


def test_what_a_foreign_macro_wrote_is_blamed_on_its_caller():
    call = {
        "file_name": "src/lib.rs",
        "byte_start": 10,
        "byte_end": 22,
        "line_start": 2,
        "label": None,
        "expansion": None,
    }
    inside = call | {"file_name": "/rustc/x/std.rs", "is_primary": True, "expansion": {"span": call}}
    (found,) = read_diagnostics(line(spans=[inside]), locate)
    assert (found.line, found.span_text) == (2, "macro_call!(")


def targets(everything, plain):
    read = [read_diagnostics("\n".join(lines), locate) if lines is not None else None for lines in (everything, plain)]
    return [d.targets for d in tell_builds_apart(*read)]


def test_the_replay_tells_the_library_from_its_test_build():
    assert targets([line(), line()], [line()]) == [("lib", "lib(test)")]
    assert targets([line()], [line()]) == [("lib",)]
    assert targets([line()], []) == [("lib(test)",)]


def test_without_a_replay_two_copies_mean_both():
    assert targets([line(), line()], None) == [("lib", "lib(test)")]
    assert targets([line()], None) == [("lib",)]


def test_other_targets_have_one_build():
    assert targets([line(kind="test", name="it")], []) == [("test:it",)]
