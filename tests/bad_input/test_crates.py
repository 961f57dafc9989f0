"""Crates and toolchains with which nothing can be proved: that is said before anything is changed."""

import shutil

import pytest
from trial import PLAN, SOURCE

from splitter.system.toolchain import find_toolchain

pytestmark = pytest.mark.xdist_group("trial")


@pytest.fixture(autouse=True)
def _fresh_toolchain():
    """Which Rust is there is asked once a process; here it changes."""
    find_toolchain.cache_clear()
    yield
    find_toolchain.cache_clear()


def refused(trial, *more, code=3):
    """`apply` and `verify` need cargo; a dry run does, too."""
    said = trial.refused(code, "apply", PLAN, *more)
    shape = trial.refused(code, "apply", PLAN, *more, "--format", "json").json
    assert shape["error"]
    assert shape["error"] in said.err
    trial.refused(code, "apply", PLAN, "--dry-run", *more)
    return said


def test_a_crate_that_does_not_build_before_we_start(built):
    built.path("src/lib.rs").write_text("pub mod ffi;\nmod loud;\nfn broken() -> u8 {}\n")
    said = refused(built)
    assert "the crate does not build as it is: src/lib.rs:3: mismatched types" in said.err
    assert "cargo check --all-targets" in said.err
    built.apply()  # level source needs no build


def test_a_test_that_does_not_build_before_we_start(built):
    built.path("tests/outside.rs").write_text("#[test]\nfn a() { tiny::nothing(); }\n")
    assert "does not build as it is: tests/outside.rs:2" in refused(built).err


def test_a_manifest_that_cargo_cannot_read(built):
    built.path("Cargo.toml").write_text("[package]\nname = ")
    said = refused(built)
    assert "cargo cannot read this package" in said.err


def test_no_manifest(built, monkeypatch):
    built.path("Cargo.toml").unlink()
    said = refused(built)
    assert "no Cargo.toml stands above this file" in said.err
    assert "--level source" in said.err


def test_a_source_that_no_module_leads_to(built):
    built.path("src/lib.rs").write_text("mod loud;\n")
    said = refused(built)
    assert "no `mod` declaration leads to this file" in said.err


def test_a_package_that_is_not_there(built):
    assert "Packages are: tiny" in refused(built, "-p", "huge").err


def test_a_feature_that_is_not_there(built):
    said = refused(built, "--features", "nothing")
    assert "nothing" in said.err


def test_no_cargo(built, monkeypatch, tmp_path):
    only_git(monkeypatch, tmp_path)
    said = refused(built)
    assert "`cargo` could not be started" in said.err
    assert "PATH" in said.err
    for command in (("plan", SOURCE), ("status", PLAN), ("graph", SOURCE, "-o", "graph.svg")):
        built.done(*command)
    built.apply()
    built.done("verify", PLAN, "--level", "source")
    assert "cargo" in built.refused(3, "verify", PLAN).err
    built.done("undo", PLAN)


def test_a_cargo_that_is_too_old(built, monkeypatch, tmp_path):
    folder = only_git(monkeypatch, tmp_path)
    program(folder, "cargo", "echo 'cargo 1.65.0 (4bc8f24d3 2022-10-20)'")
    said = refused(built)
    assert "cargo 1.65.0 (4bc8f24d3 2022-10-20) is too old: 1.78 is needed" in said.err
    assert "rustup update" in said.err


def test_a_shim_without_a_toolchain(built, monkeypatch, tmp_path):
    folder = only_git(monkeypatch, tmp_path)
    program(folder, "cargo", "echo 'error: no default toolchain is configured' >&2; exit 1")
    said = refused(built)
    assert "no default toolchain is configured" in said.err
    assert "rustup toolchain install" in said.err


def test_a_cargo_that_says_nothing_sensible(built, monkeypatch, tmp_path):
    folder = only_git(monkeypatch, tmp_path)
    program(folder, "cargo", "echo hello")
    assert "hello is too old" in refused(built).err


def test_a_cache_folder_that_cannot_be_written(built, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    said = refused(built)
    assert "XDG_CACHE_HOME" in said.err


def only_git(monkeypatch, tmp_path):
    """A PATH with git and the shell, and no Rust."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh"):
        (folder / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder, name, body):
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)
