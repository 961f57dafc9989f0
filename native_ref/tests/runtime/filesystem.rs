//! Folders, links and what the system knows about files.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

type Action = unsafe extern "C" fn(*const u8, i64) -> bool;
type Pair = unsafe extern "C" fn(*const u8, i64, *const u8, i64) -> i64;

fn act(action: Action, path: &str) -> bool {
    unsafe { action(path.as_ptr(), len(path)) }
}

fn pair(action: Pair, from: &str, to: &str) -> i64 {
    unsafe { action(from.as_ptr(), len(from), to.as_ptr(), len(to)) }
}

fn list(path: &str) -> RuntimeValue {
    unsafe { rt_fs_list(path.as_ptr(), len(path)) }
}

fn walk(path: &str, depth: i64, follow: bool) -> RuntimeValue {
    unsafe { rt_fs_walk(path.as_ptr(), len(path), depth, follow) }
}

fn metadata(path: &str, follow: bool) -> Option<[i64; 8]> {
    let mut fields = [-7; 8];
    let count = unsafe { rt_fs_metadata(path.as_ptr(), len(path), follow, fields.as_mut_ptr(), 8) };
    (count == 8).then_some(fields)
}

fn kind(path: &str) -> i64 {
    unsafe { rt_fs_kind(path.as_ptr(), len(path)) }
}

#[test]
fn folders_come_and_go() {
    let folder = Folder::new("folders");
    let (one, deep) = (folder.path("one"), folder.path("one/two/three"));
    assert!(!act(rt_fs_mkdir, &deep) && act(rt_fs_mkdir, &one) && !act(rt_fs_mkdir, &one));
    assert!(act(rt_fs_mkdir_all, &deep) && act(rt_fs_mkdir_all, &deep));
    assert!(act(rt_fs_is_dir, &deep) && act(rt_fs_exists, &deep) && !act(rt_fs_is_file, &deep));
    let file = folder.file("one/file", "x");
    assert!(act(rt_fs_is_file, &file) && !act(rt_fs_is_dir, &file));
    assert!(!act(rt_fs_mkdir_all, &folder.path("one/file/below")));
    assert!(!act(rt_fs_remove_dir, &one) && !act(rt_fs_remove, &one));
    assert!(act(rt_fs_remove, &file) && !act(rt_fs_remove, &file));
    assert!(act(rt_fs_remove_dir, &deep) && !act(rt_fs_exists, &deep));
    folder.file("one/two/a/b/c", "x");
    assert!(act(rt_fs_remove_all, &one) && !act(rt_fs_remove_all, &one));
    assert_eq!(texts(list(folder.root())), Vec::<String>::new());
    rt_error_clear();
}

#[test]
fn bad_paths_are_refused() {
    let actions = [
        rt_fs_mkdir,
        rt_fs_mkdir_all,
        rt_fs_remove,
        rt_fs_remove_dir,
        rt_fs_remove_all,
        rt_fs_touch,
        rt_fs_is_dir,
        rt_fs_is_file,
        rt_fs_is_symlink,
        rt_fs_exists,
    ];
    for action in actions {
        assert!(!act(action, "") && !act(action, "a\0b"));
        unsafe {
            assert!(!action(null(), 1) && !action(null(), i64::MAX));
            assert!(!action(b"a".as_ptr(), -1) && !action(b"a".as_ptr(), i64::MIN));
        }
    }
    for path in ["/", ".", "..", "no-such-folder/..", "./"] {
        assert!(!act(rt_fs_remove_all, path), "{path}");
    }
    assert_eq!((kind(""), kind("/"), kind("no-such-file")), (0, 2, 0));
    assert_eq!(
        (list("no-such-folder"), walk("no-such-folder", -1, false)),
        (NIL, NIL)
    );
    assert_eq!(walk("", -1, true), NIL);
    assert!(take_error() > 0);
}

#[test]
fn files_are_moved_and_copied() {
    let folder = Folder::new("copies");
    let (a, b) = (folder.file("a", "content"), folder.path("b"));
    assert_eq!(pair(rt_fs_copy, &a, &b), 7);
    assert_eq!(pair(rt_fs_same_file, &a, &b), 0);
    assert_eq!(pair(rt_fs_copy, &a, &a), -1);
    assert_eq!(pair(rt_fs_copy, &a, &folder.path("x/../a")), -1);
    assert_eq!(pair(rt_fs_copy, folder.root(), &b), -1);
    assert_eq!(pair(rt_fs_copy, &folder.path("missing"), &b), -1);
    assert_eq!(std::fs::read(&a).expect("a file"), b"content");
    assert_eq!(pair(rt_fs_rename, &a, &folder.path("c")), 0);
    assert_eq!(pair(rt_fs_rename, &a, &folder.path("d")), -1);
    assert_eq!(pair(rt_fs_rename, &folder.path("c"), &b), 0);
    assert_eq!(pair(rt_fs_hard_link, &b, &a), 0);
    assert_eq!(pair(rt_fs_same_file, &a, &b), 1);
    assert_eq!(pair(rt_fs_copy, &a, &b), -1);
    assert_eq!(pair(rt_fs_same_file, &a, &folder.path("missing")), -1);
    assert_eq!(metadata(&a, true).map(|fields| fields[1]), Some(7));
    assert_eq!(texts(list(folder.root())), ["a", "b"]);
    unsafe { assert_eq!(rt_fs_copy(null(), 0, null(), 0), -1) };
    rt_error_clear();
}

#[test]
fn a_tree_is_copied_whole() {
    let folder = Folder::new("trees");
    folder.file("from/a", "1");
    folder.file("from/deep/er/b", "22");
    std::fs::create_dir(folder.path("from/empty")).expect("a folder");
    let (from, to) = (folder.path("from"), folder.path("to"));
    assert_eq!(pair(rt_fs_copy_all, &from, &to), 5);
    assert_eq!(texts(walk(&to, -1, false)), texts(walk(&from, -1, false)));
    assert_eq!(pair(rt_fs_copy_all, &from, &to), -1);
    assert_eq!(
        pair(rt_fs_copy_all, &from, &folder.path("from/deep/copy")),
        -1
    );
    assert_eq!(
        pair(rt_fs_copy_all, &folder.path("from/a"), &folder.path("x")),
        -1
    );
    let size = |path: &str| unsafe { rt_fs_tree_size(path.as_ptr(), len(path)) };
    assert_eq!((size(&to), size(&folder.path("from/a"))), (3, 1));
    assert_eq!(size(&folder.path("missing")), -1);
    rt_error_clear();
}

#[test]
fn walks_go_as_deep_as_was_said() {
    let folder = Folder::new("walks");
    for path in ["b/2", "b/1/x", "a", ".hidden", "b.txt"] {
        folder.file(path, "");
    }
    let all = [".hidden", "a", "b", "b/1", "b/1/x", "b/2", "b.txt"];
    let root = folder.root();
    assert_eq!(texts(walk(root, -1, false)), all);
    assert_eq!(texts(walk(root, i64::MAX, true)), all);
    assert_eq!(texts(walk(root, 1, false)), [".hidden", "a", "b", "b.txt"]);
    assert_eq!(texts(walk(root, 2, true)).len(), 6);
    assert_eq!(texts(walk(root, 0, false)), Vec::<String>::new());
    assert_eq!(texts(list(root)), [".hidden", "a", "b", "b.txt"]);
    assert_eq!(
        (walk(&folder.path("a"), -1, false), list(&folder.path("a"))),
        (NIL, NIL)
    );
    let raw = bytes_of(|out, cap| unsafe { rt_fs_list_raw(root.as_ptr(), len(root), out, cap) });
    assert_eq!(raw, Ok(b".hidden\0a\0b\0b.txt\0".to_vec()));
    rt_error_clear();
}

#[cfg(unix)]
#[test]
fn a_circle_of_links_ends() {
    let folder = Folder::new("circle");
    folder.file("a/b/file", "x");
    folder.file("c/other", "x");
    assert_eq!(pair(rt_fs_symlink, "../..", &folder.path("a/b/up")), 0);
    assert_eq!(pair(rt_fs_symlink, "../c", &folder.path("a/side")), 0);
    assert_eq!(pair(rt_fs_symlink, "../a", &folder.path("c/back")), 0);
    assert_eq!(pair(rt_fs_symlink, "self", &folder.path("self")), 0);
    assert_eq!(pair(rt_fs_symlink, "nowhere", &folder.path("self")), -1);
    let plain = texts(walk(folder.root(), -1, false));
    assert_eq!(
        plain,
        ["a", "a/b", "a/b/file", "a/b/up", "a/side", "c", "c/back", "c/other", "self"]
    );
    // `c` is met first by the link to it.
    let followed = texts(walk(folder.root(), -1, true));
    assert_eq!(
        followed,
        [
            "a",
            "a/b",
            "a/b/file",
            "a/b/up",
            "a/side",
            "a/side/back",
            "a/side/other",
            "c",
            "self"
        ]
    );
    let (link, lost) = (folder.path("c/back"), folder.path("self"));
    assert!(act(rt_fs_is_symlink, &link) && act(rt_fs_is_dir, &link));
    assert!(act(rt_fs_exists, &lost) && !act(rt_fs_is_file, &lost));
    assert_eq!((kind(&link), kind(&lost)), (3, 3));
    assert_eq!(metadata(&link, false).map(|fields| fields[0]), Some(3));
    assert_eq!(metadata(&link, true).map(|fields| fields[0]), Some(2));
    assert_eq!(metadata(&lost, true), None);
    let target =
        text_of(|out, cap| unsafe { rt_fs_read_link(link.as_ptr(), len(&link), out, cap) });
    assert_eq!(target.as_deref(), Ok("../a"));
    let real = text_of(|out, cap| unsafe { rt_fs_canonical(link.as_ptr(), len(&link), out, cap) });
    let expected = std::fs::canonicalize(folder.path("a")).expect("a folder");
    assert_eq!(real.as_deref().ok(), expected.to_str());
    unsafe {
        assert_eq!(
            rt_fs_read_link(folder.root().as_ptr(), len(folder.root()), null_mut(), 0),
            -1
        );
        assert_eq!(
            rt_fs_canonical(lost.as_ptr(), len(&lost), null_mut(), 0),
            -1
        );
    }
    // A link is removed, not what it leads to; a copy has links where there were links.
    assert_eq!(
        pair(
            rt_fs_copy_all,
            folder.root(),
            &format!("{}-copy", folder.root())
        ),
        9
    );
    let copy = format!("{}-copy", folder.root());
    assert_eq!(
        (
            kind(&format!("{copy}/a/side")),
            texts(walk(&copy, -1, false))
        ),
        (3, plain)
    );
    assert!(act(rt_fs_remove_all, &copy) && act(rt_fs_remove_all, &link));
    assert!(act(rt_fs_is_file, &folder.path("a/b/file")));
    rt_error_clear();
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_are_listed() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = Folder::new("listed");
    let odd = std::path::Path::new(folder.root()).join(std::ffi::OsStr::from_bytes(b"o\xffd"));
    std::fs::create_dir(&odd).expect("a folder");
    std::fs::write(odd.join("inside"), "x").expect("a file");
    let root = folder.root();
    assert_eq!(texts(list(root)), ["o\u{fffd}d"]);
    assert_eq!(
        texts(walk(root, -1, true)),
        ["o\u{fffd}d", "o\u{fffd}d/inside"]
    );
    let raw = bytes_of(|out, cap| unsafe { rt_fs_list_raw(root.as_ptr(), len(root), out, cap) });
    assert_eq!(raw, Ok(b"o\xffd\0".to_vec()));
    let bytes = odd.as_os_str().as_bytes();
    assert!(unsafe { rt_fs_remove_all(bytes.as_ptr(), len(bytes)) });
}

#[test]
fn times_and_sizes_are_told() {
    let folder = Folder::new("times");
    let path = folder.file("file", "12345");
    let found = metadata(&path, true).expect("a file");
    assert_eq!((found[0], found[1], found[7]), (1, 5, 0));
    assert!((rt_datetime_now() - found[2]).abs() < 3_600_000);
    let set = |instant| unsafe { rt_fs_set_modified(path.as_ptr(), len(&path), instant) };
    for instant in [0, 1_000_000_000_123, -5_000] {
        assert!(set(instant));
        assert_eq!(metadata(&path, true).map(|fields| fields[2]), Some(instant));
    }
    assert!(!set(i64::MIN));
    assert!(act(rt_fs_touch, &path));
    let touched = metadata(&path, true).expect("a file");
    assert!((rt_datetime_now() - touched[2]).abs() < 3_600_000 && touched[1] == 5);
    assert!(act(rt_fs_touch, &folder.path("new")) && act(rt_fs_touch, folder.root()));
    assert!(!act(rt_fs_touch, &folder.path("missing/new")));
    assert_eq!(
        metadata(&folder.path("new"), false).map(|fields| fields[1]),
        Some(0)
    );
    let mut few = [-7; 3];
    unsafe {
        let (start, size) = (path.as_ptr(), len(&path));
        assert_eq!(rt_fs_metadata(start, size, true, few.as_mut_ptr(), 2), 8);
        assert_eq!(rt_fs_metadata(start, size, true, null_mut(), 0), 8);
        assert_eq!(rt_fs_metadata(start, size, true, null_mut(), 1), -1);
        assert_eq!(rt_fs_metadata(start, size, true, few.as_mut_ptr(), -1), -1);
    }
    assert_eq!(few, [1, 5, -7]);
    assert_eq!(
        metadata(folder.root(), false).map(|fields| fields[0]),
        Some(2)
    );
    assert_eq!(metadata(&folder.path("missing"), false), None);
    rt_error_clear();
}

#[cfg(unix)]
#[test]
fn permissions_are_set() {
    let folder = Folder::new("permissions");
    let path = folder.file("file", "");
    let set = |mode| unsafe { rt_fs_set_mode(path.as_ptr(), len(&path), mode) };
    assert!(set(0o444));
    let found = metadata(&path, true).expect("a file");
    assert_eq!((found[5], found[6], found[7]), (0o444, 1, 1));
    assert!(set(0o600) && !set(-1) && !set(0o10000) && !set(i64::MAX));
    assert_eq!(metadata(&path, true).map(|fields| fields[5]), Some(0o600));
    rt_error_clear();
}

#[test]
fn folders_for_temporary_files_are_new() {
    let make = |prefix: &str| unsafe { rt_fs_temp_dir(prefix.as_ptr(), len(prefix)) };
    let (one, two) = (read(make("native_ref-temp")), read(make("native_ref-temp")));
    assert!(one != two && one.contains("native_ref-temp"));
    for path in [&one, &two] {
        assert!(act(rt_fs_is_dir, path) && act(rt_fs_remove_dir, path));
    }
    assert_eq!(
        (make("a/b"), make("a\0"), make(&"x".repeat(5_000))),
        (NIL, NIL, NIL)
    );
    unsafe {
        assert_eq!(rt_fs_temp_dir(null(), 0), NIL);
        assert_eq!(rt_fs_temp_dir([0xff].as_ptr(), 1), NIL);
    }
    rt_error_clear();
}
