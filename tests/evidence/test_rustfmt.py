"""What rustfmt would change is found with the line where it begins."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from splitter.model.evidence import Missing
from splitter.system import rustfmt
from splitter.system.mirror import open_mirror
from splitter.system.package import Package, Target

FILES = {
    "src/lib.rs": "pub fn a() {}\n\npub fn b() {}\n\npub fn c() {\n    a();\n}\n\npub fn d( ) {}\n",
    "src/clean.rs": "pub fn a() {}\n",
    "src/first.rs": "pub  fn a() {}\n\npub fn b( ) {}\n",
}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SPLITTER_TARGET_DIR", raising=False)
    root = tmp_path / "tree"
    for name, text in {"Cargo.toml": "[package]", **FILES}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    target = Target("lib", "a", root / "src/lib.rs", "2021", ("lib",))
    package = Package("a", root, root, {}, target, (target,), (), root / "src/lib.rs", (), root / "src/lib")
    with open_mirror(root, package) as opened:
        yield opened


def answer(monkeypatch, text, words=""):
    done = SimpleNamespace(stdout=text, status=1, last_words=words)
    monkeypatch.setattr(rustfmt, "run", lambda *_: done)


@pytest.mark.usefixtures("cargo")
@pytest.mark.skipif(shutil.which("rustfmt") is None, reason="rustfmt is not installed with this toolchain")
def test_files_that_rustfmt_would_change_and_where(mirror):
    found = rustfmt.unformatted(mirror, FILES, "2021", Path())
    assert found == {"src/lib.rs": 9, "src/first.rs": 1}


def test_older_releases_write_the_line_in_words(mirror, monkeypatch):
    path = mirror.inside(Path("src/lib.rs"))
    answer(monkeypatch, f"Diff in {path} at line 6:\n     a();\n }}\n \n-pub fn d( ) {{}}\n+pub fn d() {{}}\n")
    assert rustfmt.unformatted(mirror, FILES, "2021", Path()) == {"src/lib.rs": 9}


def test_a_file_that_rustfmt_does_not_understand_leaves_it_open(mirror, monkeypatch):
    answer(monkeypatch, "", "error: no")
    assert rustfmt.unformatted(mirror, FILES, "2021", Path()) == Missing("rustfmt could not read the files: error: no")
