"""A file's module path is found by `mod` declarations alone, wherever they stand."""

from pathlib import PurePosixPath

import pytest

from splitter.system.modules import find_module

CASES = {
    "the root itself": ({"src/lib.rs": ""}, "src/lib.rs", (), "src"),
    "a plain file": ({"src/lib.rs": "mod a;", "src/a.rs": ""}, "src/a.rs", ("a",), "src/a"),
    "a folder with mod.rs": ({"src/lib.rs": "mod a;", "src/a/mod.rs": ""}, "src/a/mod.rs", ("a",), "src/a"),
    "below a plain file": (
        {"src/lib.rs": "pub mod a;", "src/a.rs": "pub(crate) mod b;", "src/a/b.rs": ""},
        "src/a/b.rs",
        ("a", "b"),
        "src/a/b",
    ),
    "a path attribute": (
        {"src/lib.rs": '#[path = "odd/name.rs"]\nmod a;', "src/odd/name.rs": "mod b;", "src/odd/b.rs": ""},
        "src/odd/b.rs",
        ("a", "b"),
        "src/odd/b",
    ),
    "a path attribute in a file that is no mod.rs": (
        {"src/lib.rs": "mod a;", "src/a.rs": '#[path = "b_old.rs"]\n#[cfg(unix)]\nmod b;', "src/b_old.rs": ""},
        "src/b_old.rs",
        ("a", "b"),
        "src",
    ),
    "inside an inline module": (
        {"src/lib.rs": "mod a;", "src/a.rs": "mod inner { fn f() { {} } mod b; }", "src/a/inner/b.rs": ""},
        "src/a/inner/b.rs",
        ("a", "inner", "b"),
        "src/a/inner/b",
    ),
    "inside an inline module with a path": (
        {"src/lib.rs": '#[path = "files"] mod t { #[path = "tls.rs"] mod l; }', "src/files/tls.rs": ""},
        "src/files/tls.rs",
        ("t", "l"),
        "src/files",
    ),
    "inside a macro call": (
        {"src/lib.rs": "cfg_if! { if #[cfg(unix)] { mod a; } }", "src/a.rs": ""},
        "src/a.rs",
        ("a",),
        "src/a",
    ),
    "a raw name": ({"src/lib.rs": "mod r#fn;", "src/fn.rs": ""}, "src/fn.rs", ("r#fn",), "src/fn"),
    "a loop of files": (
        {"src/lib.rs": 'mod a; #[path = "lib.rs"] mod z;', "src/a.rs": ""},
        "src/a.rs",
        ("a",),
        "src/a",
    ),
}


def find(files, source):
    def read(path):
        text = files.get(str(path))
        return None if text is None else text.encode()

    return find_module(PurePosixPath("src/lib.rs"), PurePosixPath(source), read)


@pytest.mark.parametrize("case", CASES)
def test_a_file_is_found(case):
    files, source, path, children = CASES[case]
    place = find(files, source)
    assert place is not None
    assert (place.path, str(place.children)) == (path, children)


def test_a_file_that_no_declaration_leads_to_is_not_found():
    assert find({"src/lib.rs": '// mod a;\nfn f() { "mod a;"; }', "src/a.rs": ""}, "src/a.rs") is None
