//! What the runner of examples in documentation calls: paths are string values.

use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn files_are_told_from_folders() {
    let folder = Folder::new("doctest");
    let (file, root) = (text(&folder.file("a.txt", "grüße")), text(folder.root()));
    let missing = text(&folder.path("missing"));
    assert_eq!(read(doctest_read_file(file)), "grüße");
    assert!(doctest_is_file(file) && !doctest_is_dir(file) && doctest_path_exists(file));
    assert!(!doctest_is_file(root) && doctest_is_dir(root) && doctest_path_exists(root));
    assert!(!doctest_is_file(missing) && !doctest_is_dir(missing));
    assert!(!doctest_path_exists(missing));
    rt_error_clear();
    for path in [missing, root, text(""), text("a\0b")] {
        assert_eq!(doctest_read_file(path), NIL);
        assert!(take_error() > 0);
    }
}

#[test]
fn strangers_are_no_paths() {
    let (path, nothing) = (text("a"), text(""));
    for odd in strangers() {
        assert_eq!(doctest_read_file(odd), NIL);
        assert!(!doctest_is_file(odd) && !doctest_is_dir(odd) && !doctest_path_exists(odd));
        assert!(!doctest_path_contains(odd, nothing) && !doctest_path_contains(path, odd));
        assert!(!doctest_path_has_extension(odd, nothing));
        assert!(!doctest_path_has_extension(path, odd));
        assert_eq!(doctest_walk_directory(odd, NIL, NIL), NIL);
        if odd != NIL {
            assert_eq!(doctest_walk_directory(text("."), odd, NIL), NIL);
            assert_eq!(doctest_walk_directory(text("."), NIL, array(&[odd])), NIL);
        }
    }
    rt_error_clear();
}

#[test]
fn a_walk_takes_what_fits() {
    let folder = Folder::new("doctest-walk");
    for path in [
        "b.md",
        "a.md",
        "src/x.rs",
        "src/x.md",
        "target/y.md",
        "target/deep/z.rs",
    ] {
        folder.file(path, "");
    }
    let root = text(folder.root());
    let patterns = |patterns: &[&str]| {
        let patterns: Vec<_> = patterns.iter().map(|pattern| text(pattern)).collect();
        array(&patterns)
    };
    for (include, exclude, paths) in [
        (
            &[][..],
            &["target"][..],
            &["a.md", "b.md", "src/x.md", "src/x.rs"][..],
        ),
        (&["*.rs"], &[], &["src/x.rs", "target/deep/z.rs"]),
        (&["src/*", "b.*"], &["*.rs"], &["b.md", "src/x.md"]),
        (&["**/*.md"], &["target/**"], &["a.md", "b.md", "src/x.md"]),
        (&["*.txt"], &[], &[]),
    ] {
        let found = texts(doctest_walk_directory(
            root,
            patterns(include),
            patterns(exclude),
        ));
        let paths: Vec<_> = paths.iter().map(|path| folder.path(path)).collect();
        assert_eq!(found, paths, "{include:?} {exclude:?}");
    }
    assert_eq!(texts(doctest_walk_directory(root, NIL, NIL)).len(), 6);
    rt_error_clear();
    assert_eq!(doctest_walk_directory(root, patterns(&["["]), NIL), NIL);
    assert_eq!(take_error(), 6);
    assert_eq!(
        doctest_walk_directory(text(&folder.path("a.md")), NIL, NIL),
        NIL
    );
    assert!(take_error() > 0);
}
