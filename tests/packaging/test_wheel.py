"""The wheel works where there is no checkout: it brings the reference runtime and its plan along."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("wheel")

BUILD = """\
import sys
from hatchling.build import build_wheel
print(build_wheel(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The wheel, built by the backend itself: no network, nothing written into the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    done = run([sys.executable, "-c", BUILD, str(folder)], cwd=root)
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A fresh environment with the wheel; what it depends on is taken from the environment of the tests."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install"]
    run([*pip, "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--force-reinstall", str(wheel)])
    return folder / "bin"


def run(command, cwd=None, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done


def test_the_wheel_holds_the_package_the_runtime_and_the_plan(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {
        "splitter/cli.py",
        "splitter/planner/domains.toml",
        "splitter/_native_ref/Cargo.toml",
        "splitter/_native_ref/src/value/ffi.rs",
        "splitter/_plans/native_ref.toml",
    } <= names
    assert not [name for name in names if "/target/" in name or "__pycache__" in name]
    assert not [name for name in names if name.startswith("tests/")]


def test_the_demo_works_from_the_wheel(installed, tmp_path):
    done = run(
        [str(installed / "splitter"), "demo", "work", "--level", "source", "--format", "json"],
        cwd=tmp_path,
        GIT_CEILING_DIRECTORIES=str(tmp_path),
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        HOME=str(tmp_path / "nobody"),
    )
    shape = json.loads(done.stdout)
    assert shape["verdict"] == "passed"
    assert len(shape["phases"]) > 1
    assert (tmp_path / "work/src/value/ffi/memory.rs").is_file()
    receipts = sorted(map(str, (tmp_path / "work").glob(".splitter/receipts/*/*.json")))
    said = json.loads(run([str(installed / "splitter"), "certify", *receipts, "--format", "json"]).stdout)
    assert said["verdict"] == "accepted"
    assert {row["after"].split()[0] for row in said["receipts"]} == {"commit"}


def test_the_package_is_the_wheel_s_own(installed, tmp_path, root):
    code = "import splitter.cli, splitter.system.disk as d; print(splitter.cli.__file__, d.package_data('native_ref'))"
    done = run([str(installed / "python"), "-c", code], cwd=tmp_path)
    for found in done.stdout.split():
        assert Path(found).is_relative_to(installed.parent), found


def test_both_names_of_the_command(installed, tmp_path):
    for command in (("splitter",), ("cargo-splitter", "splitter"), ("cargo-splitter",)):
        done = run([str(installed / command[0]), *command[1:], "--help"], cwd=tmp_path)
        assert "Split a monolithic Rust file" in done.stdout
    assert run([str(installed / "splitter"), "--version"], cwd=tmp_path).stdout.startswith("splitter 0.")
