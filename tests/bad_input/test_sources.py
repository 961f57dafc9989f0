"""Sources that cannot be split: each is refused in a sentence with advice, and the tree stays as it was."""

import hashlib
import os

import pytest
from trial import PLAN, SOURCE

from splitter.system import disk

BAD = {
    "Python": (b"import os\n\ndef f(x):\n    return x\n", "src/ffi.rs:1: this does not parse as Rust", "cargo check"),
    "HTML": (b"<html><body>hello</body></html>\n", "src/ffi.rs:1: this does not parse as Rust", "cargo check"),
    "torn": (b"fn a() {}\n\nfn b( {\n}\n", "src/ffi.rs:3: this does not parse as Rust", "cargo check"),
    "merge conflict": (
        b"fn a() {}\n<<<<<<< HEAD\nfn b() {}\n=======\nfn c() {}\n>>>>>>> other\n",
        "this does not parse as Rust",
        "cargo check",
    ),
    "null byte": (b"fn a() {}\n\0\n", "this does not parse as Rust", "cargo check"),
    "empty": (b"", "the file is empty", "with functions in it"),
    "blank": (b"\n \n\t\n", "the file is empty", "with functions in it"),
    "only a BOM": (b"\xef\xbb\xbf", "there is no item in this file", "with functions in it"),
    "Latin-1": (b"fn a() {}\n// caf\xe9\n", "src/ffi.rs:2: byte 0xe9 is not UTF-8", "UTF-8"),
    "UTF-16": ("fn a() {}\n".encode("utf-16"), "byte 0xff is not UTF-8", "UTF-8"),
}


def folder(path):
    path.mkdir()


def loop(path):
    path.symlink_to("other.rs")
    (path.parent / "other.rs").symlink_to(path.name)


def dangling(path):
    path.symlink_to("nowhere.rs")


PLACES = {
    folder: ("this is a folder", "Name the Rust source file in it"),
    loop: ("it is a loop of symbolic links", "Name the file itself"),
    dangling: ("it is a symbolic link that leads nowhere", "Name the file itself"),
    os.mkfifo: ("this is no regular file", "Name a Rust source file"),
    (lambda path: None): ("there is no such file", "Check the path"),
}


def commands(trial):
    """Everything that reads the source, by the source itself and by its plan."""
    return (
        ("plan", SOURCE),
        ("plan", SOURCE, "-o", "fresh.toml"),
        ("graph", SOURCE, "-o", "graph.svg"),
        ("status", PLAN),
        ("plan", PLAN, "--refresh"),
        ("plan", PLAN, "--check"),
        ("plan", PLAN, "--explain", "fn:rt_alloc"),
        ("plan", PLAN, "--move", "fn:rt_alloc=heap"),
        ("apply", PLAN, "--level", "source"),
        ("apply", PLAN, "--dry-run", "--level", "source"),
    )


@pytest.mark.parametrize("name", BAD)
def test_content_that_is_no_rust(trial, name):
    data, told, advice = BAD[name]
    trial.path().write_bytes(data)
    text = trial.path(PLAN).read_text()
    old = text.split('sha256 = "')[1][:64]
    trial.path(PLAN).write_text(text.replace(old, hashlib.sha256(data).hexdigest()))
    trial.commit()
    for command in commands(trial):
        said = trial.refused(3, *command)
        assert told in said.err
        assert advice in said.err


@pytest.mark.parametrize("make", PLACES, ids=lambda make: make.__name__)
def test_a_path_that_leads_to_no_file(trial, make):
    told, advice = PLACES[make]
    trial.path().unlink()
    make(trial.path())
    for command in commands(trial):
        said = trial.refused(3, *command)
        assert told in said.err
        assert advice in said.err


def test_a_file_that_may_not_be_read(trial, monkeypatch):
    source = trial.path()
    before = source.read_bytes()
    source.chmod(0)
    if os.geteuid() == 0:  # to whom everything is permitted
        read = type(source).read_bytes
        monkeypatch.setattr(type(source), "read_bytes", lambda path: denied() if path == source else read(path))
    for command in commands(trial):
        said = trial.run(*command)
        assert said.code == 3
        assert f"{SOURCE}: reading it is not permitted" in said.err
        assert "chmod u+r" in said.err
    monkeypatch.undo()
    source.chmod(0o644)
    assert source.read_bytes() == before
    assert not trial.path("fresh.toml").exists()


def denied():
    raise PermissionError(13, os.strerror(13))


def test_a_source_that_is_too_large_to_be_one(trial, monkeypatch):
    monkeypatch.setattr(disk, "_LARGEST", 1000)
    assert "more than a source file has" in trial.refused(3, "plan", SOURCE).err


def test_what_only_our_parser_does_not_know_stays_where_it_is(trial):
    """`safe fn` in an extern block is sound Rust, which the grammar does not know."""
    trial.edit("// ---- values ----", 'unsafe extern "C" {\n    safe fn labs(x: i64) -> i64;\n}\n\n// ---- values ----')
    trial.commit()
    said = trial.done("plan", PLAN, "--refresh")
    assert "src/ffi.rs:13: `opaque:labs` stays" in said.out
    trial.done("plan", PLAN, "--check")
    trial.commit()
    trial.apply("--all")
    assert b"    safe fn labs(x: i64) -> i64;\n}\n" in trial.path().read_bytes()


def test_a_linked_source_is_split_where_it_really_is(trial):
    """A link inside the tree is followed; the link itself stays one."""
    trial.path().rename(trial.path("src/real.rs"))
    trial.path().symlink_to("real.rs")
    trial.commit()
    trial.apply()
    assert trial.path().is_symlink()
    assert b"mod memory;" in trial.path("src/real.rs").read_bytes()
    trial.done("undo", PLAN)


def test_a_linked_source_outside_the_tree_is_left_alone(trial, tmp_path):
    outside = tmp_path / "outside.rs"
    trial.path().rename(outside)
    trial.path().symlink_to(outside)
    trial.commit()
    before = outside.read_bytes()
    said = trial.refused(3, "apply", PLAN, "--level", "source")
    assert "leads out of the tree" in said.err
    assert outside.read_bytes() == before


def test_a_module_file_that_is_there_already(trial):
    trial.path("src/ffi").mkdir()
    trial.path("src/ffi/memory.rs").write_text("// by somebody\n")
    said = trial.refused(2, "apply", PLAN, "--level", "source")
    assert "src/ffi/memory.rs already exists" in said.err


def test_a_folder_of_modules_that_is_a_file(trial):
    trial.path("src/ffi").write_text("a file\n")
    said = trial.refused(3, "apply", PLAN, "--level", "source")
    assert "src/ffi" in said.err
