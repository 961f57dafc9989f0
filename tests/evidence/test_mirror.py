"""The mirror is the user's tree, byte for byte, and rewrites no more than what changed."""

import os
from pathlib import Path

import pytest

from splitter.errors import LockedError
from splitter.system.mirror import open_mirror
from splitter.system.package import Package, Target


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SPLITTER_TARGET_DIR", raising=False)
    root = tmp_path / "tree"
    files = {
        "Cargo.toml": "[package]",
        "src/lib.rs": "mod a;",
        "src/a.rs": "fn a() {}",
        "src/target/mod.rs": "",
        "target/debug/x": "built",
        "made/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55",
        ".git/HEAD": "ref",
        ".splitter/lock": "",
        ".gitignore": "data/",
        "data/needed.txt": "words",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/Cargo.toml").write_text("[package]")
    return root


@pytest.fixture
def package(tree):
    target = Target("lib", "a", tree / "src/lib.rs", "2021", ("lib",))
    beside = (tree.parent / "beside",)
    return Package("a", tree, tree, {}, target, (target,), beside, tree / "src/a.rs", ("a",), tree / "src/a")


def listing(mirror):
    folder = mirror.inside(Path())
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


SOUND = {"Cargo.toml", "src/lib.rs", "src/a.rs", "src/target/mod.rs", ".gitignore", "data/needed.txt"}


def test_it_holds_what_a_build_needs_and_nothing_that_was_built(tree, package):
    with open_mirror(tree, package) as mirror:
        assert listing(mirror) == SOUND
        assert (mirror.inside(tree.parent / "beside") / "Cargo.toml").read_text() == "[package]"


def test_only_what_changed_is_written_again(tree, package):
    with open_mirror(tree, package) as mirror:
        copies = {path: mirror.inside(Path(path)) for path in ("src/lib.rs", "src/a.rs")}
        for copy in copies.values():
            os.utime(copy, (1, 1))
        (tree / "src/a.rs").write_text("fn a() { }")
        mirror.sync()
        assert copies["src/lib.rs"].stat().st_mtime == 1
        assert copies["src/a.rs"].stat().st_mtime > 1
        assert copies["src/a.rs"].read_text() == "fn a() { }"


def test_what_is_gone_from_the_tree_is_gone_from_the_mirror(tree, package):
    with open_mirror(tree, package) as mirror:
        (tree / "src/a.rs").unlink()
        mirror.sync()
        assert listing(mirror) == SOUND - {"src/a.rs"}


def test_a_tree_is_written_and_taken_back(tree, package):
    with open_mirror(tree, package) as mirror:
        first = mirror.digest
        mirror.write({"src/a/b.rs": b"fn b() {}", "src/a.rs": b"mod b;", "src/lib.rs": None})
        assert listing(mirror) == (SOUND - {"src/lib.rs"}) | {"src/a/b.rs"}
        assert mirror.digest != first
        mirror.sync()
        assert listing(mirror) == SOUND
        assert not (mirror.inside(Path("src/a"))).exists()
        assert mirror.digest == first
    assert (tree / "src/lib.rs").read_text() == "mod a;"


def test_the_digest_is_that_of_the_content_and_not_of_the_place(tree, package):
    with open_mirror(tree, package) as mirror:
        first = mirror.digest
        (tree / "src/a.rs").touch()
        mirror.sync()
        assert mirror.digest == first
        (tree / "src/a.rs").chmod(0o755)
        mirror.sync()
        assert mirror.digest != first


def test_a_run_that_was_killed_while_writing_leaves_no_wrong_copy_behind(tree, package):
    with open_mirror(tree, package) as mirror:
        copy, index = mirror.inside(Path("src/a.rs")), mirror.folder / "index.json"
        copy.write_text("half writ")
        index.unlink()
    with open_mirror(tree, package):
        assert copy.read_text() == "fn a() {}"


def test_links_stay_links_and_lead_into_the_mirror(tree, package):
    (tree / "src/near.rs").symlink_to("a.rs")
    (tree / "src/far").symlink_to(tree / "data")
    with open_mirror(tree, package) as mirror:
        assert mirror.inside(Path("src/near.rs")).readlink() == Path("a.rs")
        assert mirror.inside(Path("src/far")).resolve() == mirror.inside(Path("data")).resolve()


def test_paths_that_a_compiler_prints_lead_back_to_the_tree(tree, package):
    with open_mirror(tree, package) as mirror:
        assert mirror.relative("src/a.rs", tree) == "src/a.rs"
        assert mirror.relative(str(mirror.inside(Path("src/a.rs"))), tree) == "src/a.rs"
        assert mirror.relative("../a.rs", tree / "src/target") == "src/a.rs"
        assert mirror.relative("/rustc/abc/library/core/src/num.rs", tree) == "/rustc/abc/library/core/src/num.rs"


def test_settings_above_the_workspace_come_along(tree, package):
    (tree.parent / ".cargo").mkdir()
    (tree.parent / ".cargo/config.toml").write_text("[build]")
    with open_mirror(tree, package) as mirror:
        assert mirror.inside(tree.parent / ".cargo/config.toml").read_text() == "[build]"


def test_two_runs_do_not_share_it(tree, package):
    with open_mirror(tree, package), pytest.raises(LockedError), open_mirror(tree, package, wait=False):
        pass
