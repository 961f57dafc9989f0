"""Sources that cannot be read are named with reason and advice; the package finds what it brings."""

import errno
import os

import pytest

from splitter.errors import DiskError, SourceError, UsageError
from splitter.system import disk
from splitter.system.disk import copy_tree, package_data, read_source


def make_loop(folder):
    (folder / "a.rs").symlink_to("b.rs")
    (folder / "b.rs").symlink_to("a.rs")
    return folder / "a.rs"


def make_dangling(folder):
    (folder / "a.rs").symlink_to("nowhere.rs")
    return folder / "a.rs"


def make_pipe(folder):
    os.mkfifo(folder / "a.rs")
    return folder / "a.rs"


def make_below_file(folder):
    (folder / "a.rs").write_text("")
    return folder / "a.rs" / "b.rs"


def make_huge(folder):
    with (folder / "a.rs").open("wb") as file:
        file.truncate(65 * 2**20)
    return folder / "a.rs"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "a.rs", "there is no such file"),
        (lambda folder: folder, "this is a folder"),
        (make_loop, "it is a loop of symbolic links"),
        (make_dangling, "it is a symbolic link that leads nowhere"),
        (make_pipe, "this is no regular file"),
        (make_below_file, "a part of the path is a file"),
        (make_huge, "65 MiB is more than a source file has"),
        (lambda folder: folder / ("a" * 300), "the name is too long"),
        (lambda folder: folder / "a\0.rs", "this is no path"),
    ],
)
def test_what_cannot_be_read(tmp_path, make, said):
    path = make(tmp_path)
    with pytest.raises(SourceError) as caught:
        read_source(path)
    assert caught.value.message == f"{path}: {said}"
    assert caught.value.advice


def test_what_is_not_permitted(tmp_path, monkeypatch):
    path = tmp_path / "a.rs"
    path.write_text("")
    path.chmod(0)
    if os.geteuid() == 0:  # to whom everything is permitted
        monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(SourceError, match="reading it is not permitted"):
        read_source(path)


def refuse(*_):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_bytes_come_as_they_are(tmp_path):
    (tmp_path / "a.rs").write_bytes(b"\xef\xbb\xbffn a() {}\r\n\xff")
    (tmp_path / "link.rs").symlink_to("a.rs")
    assert read_source(tmp_path / "link.rs") == b"\xef\xbb\xbffn a() {}\r\n\xff"


def test_a_checkout_has_its_data_beside_the_package(root):
    assert package_data("native_ref") == root / "native_ref"


def test_an_installed_package_has_its_data_inside(tmp_path, monkeypatch):
    module = tmp_path / "site-packages/splitter/system/disk.py"
    data = tmp_path / "site-packages/splitter/_native_ref"
    data.mkdir(parents=True)
    monkeypatch.setattr(disk, "__file__", str(module))
    assert package_data("native_ref") == data
    with pytest.raises(DiskError, match="lacks plans"):
        package_data("plans")


def test_a_copy_has_all_but_what_was_built(tmp_path):
    source = tmp_path / "source"
    for path in ("src/lib.rs", "target/debug/lib.so", ".git/config", ".splitter/lock", "Cargo.toml"):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(path)
    (source / "src/lib.rs").chmod(0o600)
    copy_tree(source, tmp_path / "a/copy")
    copied = {p.relative_to(tmp_path / "a/copy").as_posix() for p in (tmp_path / "a/copy").rglob("*")}
    assert copied == {"src", "src/lib.rs", "Cargo.toml"}
    assert (tmp_path / "a/copy/src/lib.rs").stat().st_mode & 0o777 == 0o600


def test_a_copy_overwrites_nothing(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "empty").mkdir()
    copy_tree(tmp_path / "source", tmp_path / "empty")
    (tmp_path / "empty/file").write_text("")
    with pytest.raises(UsageError, match="not an empty folder"):
        copy_tree(tmp_path / "source", tmp_path / "empty")


def test_a_copy_that_fails_says_so(tmp_path):
    with pytest.raises(DiskError, match="copying to"):
        copy_tree(tmp_path / "nowhere", tmp_path / "copy")
