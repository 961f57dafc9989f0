"""A toolchain that cannot be used is told with what to do about it."""

import pytest

from splitter.errors import ToolError
from splitter.system.toolchain import find_toolchain

NOT_INSTALLED = """\
error: toolchain 'nightly-2025-05-01-x86_64-unknown-linux-gnu' is not installed
help: run `rustup toolchain install` to install it

Stack backtrace:
   0: anyhow::error::from
"""


@pytest.fixture
def cargo(tmp_path, monkeypatch):
    """Puts a `cargo` that fails with a message first on PATH, and gives a folder to ask in."""

    def put(message):
        program = tmp_path / "bin/cargo"
        program.parent.mkdir()
        (tmp_path / "message").write_text(message)
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/message >&2\nexit 1\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return tmp_path

    return put


def test_a_toolchain_that_the_crate_asks_for_is_named_in_the_advice(cargo):
    with pytest.raises(ToolError) as found:
        find_toolchain(cargo(NOT_INSTALLED))
    assert "rustup toolchain install nightly-2025-05-01-x86_64-unknown-linux-gnu" in found.value.advice
    assert "backtrace" not in str(found.value)


def test_without_a_name_the_stable_one_is_advised(cargo):
    with pytest.raises(ToolError) as found:
        find_toolchain(cargo("error: could not choose a version of cargo to run\n"))
    assert "could not choose a version" in str(found.value)
    assert "rustup toolchain install stable" in found.value.advice
