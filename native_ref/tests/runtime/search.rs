//! Patterns for file names, and text in files. More patterns are in `fixtures/vectors/search.toml`.

use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

fn fits(pattern: &str, path: &str) -> i64 {
    unsafe { rt_glob_match(pattern.as_ptr(), len(pattern), path.as_ptr(), len(path)) }
}

fn is_valid(pattern: &str) -> bool {
    unsafe { rt_glob_is_valid(pattern.as_ptr(), len(pattern)) }
}

fn glob(root: &str, pattern: &str) -> RuntimeValue {
    unsafe { rt_glob_list(root.as_ptr(), len(root), pattern.as_ptr(), len(pattern)) }
}

fn search(path: &str, wanted: &str, limit: i64) -> RuntimeValue {
    unsafe {
        rt_search_text(
            path.as_ptr(),
            len(path),
            wanted.as_ptr(),
            len(wanted),
            limit,
        )
    }
}

fn count(path: &str, wanted: &str) -> i64 {
    unsafe { rt_search_count(path.as_ptr(), len(path), wanted.as_ptr(), len(wanted)) }
}

#[test]
fn hostile_patterns_take_no_time() {
    let start = Instant::now();
    let text = "a".repeat(2_000);
    assert_eq!(fits(&("*a".repeat(30) + "b"), &text), 0);
    assert_eq!(fits(&("*a".repeat(30) + "*"), &text), 1);
    let deep = "a/".repeat(1_000);
    assert_eq!(fits(&("**/a/".repeat(20) + "b"), &deep), 0);
    assert_eq!(fits(&("**/*/".repeat(20) + "**"), &deep), 1);
    assert!(!is_valid(&"{".repeat(4_000)) && !is_valid(&"[".repeat(4_000)));
    assert!(is_valid(&("{".repeat(500) + &"}".repeat(500))));
    assert!(is_valid(&"{a,b}".repeat(10)) && !is_valid(&"{a,b}".repeat(11)));
    assert!(!is_valid(&("{a,b}".repeat(10) + &"{c}".repeat(800))));
    assert!(is_valid(&"a".repeat(4_096)) && !is_valid(&"a".repeat(4_097)));
    assert_eq!(fits("*", &"a".repeat(8_192)), 1);
    assert_eq!(fits("*", &"a".repeat(8_193)), -1);
    assert!(start.elapsed() < Duration::from_secs(5));
    rt_error_clear();
}

#[test]
fn an_escaped_text_fits_only_itself() {
    for odd in [
        "*", "a?b", "[x]", "{a,b}", "\\", "**/x", "[!a]", "ü*", "a/b",
    ] {
        let pattern =
            text_of(|out, cap| unsafe { rt_glob_escape(odd.as_ptr(), len(odd), out, cap) });
        let pattern = pattern.expect("a pattern");
        assert_eq!(fits(&pattern, odd), 1, "{odd}");
        assert_eq!(fits(&pattern, &format!("{odd}x")), 0, "{odd}");
    }
    unsafe {
        assert_eq!(rt_glob_escape(null(), 1, null_mut(), 0), -1);
        assert_eq!(rt_glob_escape([0xff].as_ptr(), 1, null_mut(), 0), -1);
        assert_eq!(rt_glob_match([0xff].as_ptr(), 1, null(), 0), -1);
        assert_eq!(rt_glob_match(b"a".as_ptr(), 1, [0xff].as_ptr(), 1), -1);
        assert_eq!(rt_glob_match(null(), 0, null(), 0), 1);
        assert!(!rt_glob_is_valid(null(), 1) && !rt_glob_is_valid(b"a".as_ptr(), i64::MIN));
    }
    rt_error_clear();
}

#[test]
fn files_are_found_by_pattern() {
    let folder = Folder::new("glob");
    for path in [
        "b.rs",
        "a.rs",
        "src/c.rs",
        "src/deep/d.rs",
        "src/deep/e.txt",
        ".f.rs",
    ] {
        folder.file(path, "");
    }
    let root = folder.root();
    for (pattern, paths) in [
        ("*.rs", &[".f.rs", "a.rs", "b.rs"][..]),
        (
            "**/*.rs",
            &[".f.rs", "a.rs", "b.rs", "src/c.rs", "src/deep/d.rs"],
        ),
        ("src/*", &["src/c.rs", "src/deep"]),
        ("src/*/?.*", &["src/deep/d.rs", "src/deep/e.txt"]),
        ("src/**/d.*", &["src/deep/d.rs"]),
        ("**/deep", &["src/deep"]),
        ("{a,b}.rs", &["a.rs", "b.rs"]),
        ("[!b].rs", &["a.rs"]),
        ("a.rs", &["a.rs"]),
        ("*/../a.rs", &[]),
        ("/a.rs", &[]),
        ("", &[]),
    ] {
        assert_eq!(texts(glob(root, pattern)), paths, "{pattern}");
    }
    assert_eq!(texts(glob(root, "**")).len(), 8);
    assert_eq!(
        (glob(root, "["), glob(&folder.path("missing"), "*")),
        (NIL, NIL)
    );
    assert_eq!((glob(&folder.path("a.rs"), "*"), glob("", "*")), (NIL, NIL));
    unsafe { assert_eq!(rt_glob_list(root.as_ptr(), len(root), null(), 1), NIL) };
    rt_error_clear();
}

#[cfg(unix)]
#[test]
fn links_are_entered_by_name_only() {
    let folder = Folder::new("glob-links");
    folder.file("real/file", "");
    std::os::unix::fs::symlink("..", folder.path("real/up")).expect("a link");
    let root = folder.root();
    assert_eq!(texts(glob(root, "**/file")), ["real/file"]);
    assert_eq!(
        texts(glob(root, "real/up/real/*")),
        ["real/up/real/file", "real/up/real/up"]
    );
    assert_eq!(texts(glob(root, "**/up/*")), ["real/up/real"]);
    assert_eq!(texts(glob(root, "**")), ["real", "real/file", "real/up"]);
}

#[test]
fn text_is_found_with_its_place() {
    let folder = Folder::new("search");
    folder.file("b/two.txt", "needle\nhay\nneedle needle");
    folder.file("a.txt", "hay\nsome needle\n");
    folder.file("binary", [0xff, b'n', b'e', b'e', b'd', b'l', b'e']);
    let root = folder.root();
    assert_eq!(
        show(search(root, "needle", 100)),
        r#"[("a.txt", 2, "some needle"), ("b/two.txt", 1, "needle"), ("b/two.txt", 3, "needle needle")]"#
    );
    assert_eq!(
        show(search(root, "needle", 1)),
        r#"[("a.txt", 2, "some needle")]"#
    );
    let single = folder.path("a.txt");
    assert_eq!(show(search(&single, "hay", 5)), r#"[("", 1, "hay")]"#);
    assert_eq!(
        (count(root, "needle"), count(root, "hay"), count(root, "no")),
        (3, 2, 0)
    );
    rt_error_clear();
    for limit in [0, -1, (1 << 20) + 1, i64::MAX, i64::MIN] {
        assert_eq!((search(root, "needle", limit), take_error()), (NIL, 4));
    }
    assert_eq!((search(root, "", 1), count(root, "")), (NIL, -1));
    assert_eq!(count(&folder.path("missing"), "x"), -1);
    assert_eq!(count(&folder.path("binary"), "needle"), -1);
    unsafe { assert_eq!(rt_search_count(root.as_ptr(), len(root), null(), 1), -1) };
    rt_error_clear();
}

#[test]
fn files_are_found_by_a_part_of_their_name() {
    let folder = Folder::new("names");
    for path in ["x/notes.md", "note", "other", "notes/plan"] {
        folder.file(path, "");
    }
    let names = |root: &str, part: &str| unsafe {
        rt_search_names(root.as_ptr(), len(root), part.as_ptr(), len(part))
    };
    assert_eq!(texts(names(folder.root(), "note")), ["note", "x/notes.md"]);
    assert_eq!(texts(names(folder.root(), "")).len(), 4);
    assert_eq!(names(&folder.path("missing"), "x"), NIL);
    rt_error_clear();
}
