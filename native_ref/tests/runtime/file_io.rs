//! Whole files, and files that are open.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

const IO: i64 = 8;
const ARGUMENT: i64 = 11;

fn open(path: &str, mode: &str) -> i64 {
    unsafe { rt_file_open(path.as_ptr(), len(path), mode.as_ptr(), len(mode)) }
}

fn write_text(path: &str, text: &str) -> i64 {
    unsafe { rt_file_write_text(path.as_ptr(), len(path), text.as_ptr(), len(text)) }
}

fn append_text(path: &str, text: &str) -> i64 {
    unsafe { rt_file_append_text(path.as_ptr(), len(path), text.as_ptr(), len(text)) }
}

fn read_text(path: &str) -> RuntimeValue {
    unsafe { rt_file_read_text(path.as_ptr(), len(path)) }
}

fn read_bytes(path: &str) -> Result<Vec<u8>, i64> {
    bytes_of(|out, cap| unsafe { rt_file_read_bytes(path.as_ptr(), len(path), out, cap) })
}

fn read_lines(path: &str) -> RuntimeValue {
    unsafe { rt_file_read_lines(path.as_ptr(), len(path)) }
}

fn size(path: &str) -> i64 {
    unsafe { rt_file_size(path.as_ptr(), len(path)) }
}

fn read_some(file: i64, count: usize) -> String {
    let mut bytes = vec![b'.'; count];
    let read = unsafe { rt_file_read(file, bytes.as_mut_ptr(), count as i64) };
    bytes.truncate(usize::try_from(read).expect("a file that can be read"));
    String::from_utf8(bytes).expect("UTF-8")
}

fn put(file: i64, text: &str) -> i64 {
    unsafe { rt_file_write(file, text.as_ptr(), len(text)) }
}

#[test]
fn texts_and_bytes_come_back() {
    let folder = Folder::new("whole");
    let path = folder.path("größe.txt");
    assert!(!unsafe { rt_file_exists(path.as_ptr(), len(&path)) });
    assert_eq!(size(&path), -1);
    assert_eq!(write_text(&path, "grüße\n"), 8);
    assert!(unsafe { rt_file_exists(path.as_ptr(), len(&path)) });
    assert_eq!(read(read_text(&path)), "grüße\n");
    assert_eq!(append_text(&path, "x"), 1);
    assert_eq!(
        (size(&path), read(read_text(&path)).as_str()),
        (9, "grüße\nx")
    );
    let data = [0, 0xff, 0xfe, b'\n'];
    unsafe {
        assert_eq!(
            rt_file_write_bytes(path.as_ptr(), len(&path), data.as_ptr(), 4),
            4
        );
        assert_eq!(
            rt_file_append_bytes(path.as_ptr(), len(&path), data.as_ptr(), 2),
            2
        );
        assert_eq!(
            rt_file_write_bytes(path.as_ptr(), len(&path), null(), 1),
            -1
        );
        assert_eq!(
            rt_file_write_text(path.as_ptr(), len(&path), data.as_ptr(), 4),
            -1
        );
    }
    assert_eq!(read_bytes(&path), Ok(vec![0, 0xff, 0xfe, b'\n', 0, 0xff]));
    rt_error_clear();
    assert_eq!((read_text(&path), take_error()), (NIL, IO));
    assert_eq!(write_text(&path, ""), 0);
    assert_eq!((size(&path), read(read_text(&path)).as_str()), (0, ""));
}

#[test]
fn lines_lose_their_ends() {
    let folder = Folder::new("lines");
    for (content, lines) in [
        ("", &[][..]),
        ("\n", &[""]),
        ("a", &["a"]),
        ("a\nb\n", &["a", "b"]),
        ("a\n\nb", &["a", "", "b"]),
        ("ä\n", &["ä"]),
    ] {
        let path = folder.file("lines", content);
        assert_eq!(texts(read_lines(&path)), lines, "{content:?}");
        let count = unsafe { rt_file_count_lines(path.as_ptr(), len(&path)) };
        assert_eq!(count, lines.len() as i64);
    }
    let path = folder.file("binary", [0xff, b'\n', 0xff]);
    assert_eq!(read_lines(&path), NIL);
    assert_eq!(unsafe { rt_file_count_lines(path.as_ptr(), len(&path)) }, 2);
    rt_error_clear();
}

#[test]
fn what_is_no_file_is_an_error() {
    let folder = Folder::new("no-file");
    let (missing, root) = (folder.path("missing/file"), folder.root());
    for path in [missing.as_str(), root, "", "a\0b"] {
        rt_error_clear();
        assert_eq!(read_text(path), NIL, "{path:?}");
        let code = take_error();
        assert!(code == IO || code == ARGUMENT, "{path:?}: {code}");
        assert_eq!((read_bytes(path), read_lines(path)), (Err(-1), NIL));
        assert_eq!((write_text(path, "x"), append_text(path, "x")), (-1, -1));
        assert_eq!((size(path), open(path, "r")), (-1, -1));
        assert!(take_error() > 0);
    }
    assert!(unsafe { rt_file_exists(root.as_ptr(), len(root)) });
    unsafe {
        assert!(!rt_file_exists(null(), 1) && !rt_file_exists(root.as_ptr(), -1));
        assert_eq!(rt_file_read_text(null(), 0), NIL);
        assert_eq!(
            rt_file_read_bytes(root.as_ptr(), i64::MAX, null_mut(), 0),
            -1
        );
    }
    rt_error_clear();
}

#[test]
fn an_atomic_write_leaves_no_draft() {
    let folder = Folder::new("atomic");
    let path = folder.file("content", "old");
    let write = |path: &str, text: &str| unsafe {
        rt_file_write_atomic(path.as_ptr(), len(path), text.as_ptr(), len(text))
    };
    assert_eq!(write(&path, "newer"), 5);
    assert_eq!(read(read_text(&path)), "newer");
    assert_eq!(write(&folder.path("other"), ""), 0);
    assert_eq!(write(&folder.path("missing/file"), "x"), -1);
    assert_eq!(
        (write("/", "x"), write("..", "x"), write("", "x")),
        (-1, -1, -1)
    );
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    assert_eq!(write(&folder.path("folder"), "x"), -1);
    let names = std::fs::read_dir(folder.root()).expect("a folder").count();
    assert_eq!(names, 3);
    rt_error_clear();
}

#[cfg(unix)]
#[test]
fn an_atomic_write_keeps_the_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("atomic-mode");
    let path = folder.file("content", "old");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&path, mode).expect("a file of ours");
    unsafe { rt_file_write_atomic(path.as_ptr(), len(&path), b"x".as_ptr(), 1) };
    let found = std::fs::metadata(&path).expect("a file").permissions();
    assert_eq!(found.mode() & 0o777, 0o640);
}

#[test]
fn the_digest_is_that_of_the_content() {
    let folder = Folder::new("digest");
    let path = folder.file("abc", "abc");
    let digest = |path: &str| {
        text_of(|out, cap| unsafe { rt_file_sha256(path.as_ptr(), len(path), out, cap) })
    };
    let whole = text_of(|out, cap| unsafe { rt_sha256_hex(b"abc".as_ptr(), 3, out, cap) });
    assert_eq!(digest(&path), whole);
    assert_eq!(digest(&folder.path("missing")), Err(-1));
    rt_error_clear();
}

#[test]
fn an_open_file_is_read_piece_by_piece() {
    let folder = Folder::new("reading");
    let path = folder.file("text", "first\nsecond\n\nlast");
    let file = open(&path, "r");
    assert!(file > 0);
    assert_eq!(read(rt_file_read_line(file)), "first");
    assert_eq!(rt_file_tell(file), 6);
    assert_eq!(read_some(file, 3), "sec");
    assert_eq!(read(rt_file_read_line(file)), "ond");
    assert_eq!(read(rt_file_read_line(file)), "");
    assert_eq!(
        (rt_file_at_end(file), read_some(file, 100).as_str()),
        (0, "last")
    );
    assert_eq!(
        (rt_file_at_end(file), read_some(file, 100).as_str()),
        (1, "")
    );
    rt_error_clear();
    assert_eq!((rt_file_read_line(file), rt_error_has()), (NIL, false));
    assert_eq!(
        (rt_file_seek(file, -4, 2), read_some(file, 2).as_str()),
        (14, "la")
    );
    assert_eq!(
        (rt_file_seek(file, -1, 1), read_some(file, 1).as_str()),
        (15, "a")
    );
    assert_eq!(
        (rt_file_seek(file, 0, 0), read_some(file, 0).as_str()),
        (0, "")
    );
    for (offset, origin) in [(-1, 0), (0, 3), (0, -1), (i64::MIN, 1), (i64::MIN, 2)] {
        assert_eq!(rt_file_seek(file, offset, origin), -1);
        assert!(take_error() > 0);
    }
    assert_eq!((rt_file_tell(file), put(file, "x")), (0, -1));
    assert!(!rt_file_set_len(file, 1));
    assert!(rt_file_close(file) && !rt_file_close(file));
    assert_eq!((rt_file_tell(file), rt_file_at_end(file)), (-1, -1));
    rt_error_clear();
}

#[test]
fn writing_goes_where_reading_stopped() {
    let folder = Folder::new("writing");
    let path = folder.file("text", "0123456789");
    let file = open(&path, "r+b");
    assert_eq!(read_some(file, 3), "012");
    assert_eq!((put(file, "abc"), rt_file_tell(file)), (3, 6));
    assert_eq!(read_some(file, 2), "67");
    assert_eq!(read(read_text(&path)), "012abc6789");
    assert!(rt_file_set_len(file, 4) && rt_file_sync(file));
    assert_eq!((rt_file_tell(file), read_some(file, 9).as_str()), (8, ""));
    assert_eq!((put(file, "x"), size(&path)), (1, 9));
    assert_eq!(read_bytes(&path), Ok(b"012a\0\0\0\0x".to_vec()));
    for length in [-1, i64::MIN, i64::MAX, (1 << 40) + 1] {
        assert!(!rt_file_set_len(file, length));
    }
    unsafe {
        assert_eq!(rt_file_write(file, null(), 1), -1);
        assert_eq!(rt_file_read(file, null_mut(), 1), -1);
        assert_eq!(rt_file_read(file, null_mut(), 0), 0);
        assert_eq!(rt_file_read(file, null_mut(), -1), -1);
    }
    assert!(rt_file_close(file));
    rt_error_clear();
}

#[test]
fn the_modes_are_those_of_c() {
    let folder = Folder::new("modes");
    let path = folder.path("text");
    assert_eq!((open(&path, "r"), open(&path, "r+")), (-1, -1));
    for (mode, written, content) in [
        ("x", 1, "1"),
        ("a", 1, "11"),
        ("w", 1, "1"),
        ("a+", 1, "11"),
        ("r+", 1, "11"),
        ("w+b", 1, "1"),
        ("rb", -1, "1"),
    ] {
        let file = open(&path, mode);
        assert!(file > 0, "{mode}");
        assert_eq!(put(file, "1"), written, "{mode}");
        assert!(rt_file_close(file));
        assert_eq!(read(read_text(&path)), content, "{mode}");
    }
    for mode in ["x", "x+", "", "q", "rw", "r++", "R", "bb"] {
        assert_eq!(open(&path, mode), -1, "{mode}");
    }
    for handle in BAD_HANDLES {
        assert!(!rt_file_close(handle) && !rt_file_sync(handle));
        assert_eq!((put(handle, "x"), rt_file_seek(handle, 0, 0)), (-1, -1));
    }
    rt_error_clear();
}

#[cfg(unix)]
#[test]
fn devices_and_pipes_do_not_hang() {
    let folder = Folder::new("pipe");
    let pipe = folder.path("pipe");
    let arguments = array(&[text(&pipe)]);
    if unsafe { rt_process_run("mkfifo".as_ptr(), 6, arguments) } == 0 {
        assert_eq!((read_text(&pipe), write_text(&pipe, "x")), (NIL, -1));
        assert_eq!((open(&pipe, "r"), open(&pipe, "w")), (-1, -1));
    }
    assert_eq!(write_text("/dev/null", "gone"), 4);
    assert_eq!(read(read_text("/dev/null")), "");
    let zeros = open("/dev/zero", "r");
    assert_eq!(read_some(zeros, 3), "\0\0\0");
    assert!(rt_file_tell(zeros) >= -1);
    assert!(rt_file_close(zeros));
    rt_error_clear();
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = Folder::new("odd-names");
    let path = [folder.root().as_bytes(), b"/\xff\xfe"].concat();
    let written = unsafe { rt_file_write_text(path.as_ptr(), len(&path), "odd".as_ptr(), 3) };
    assert_eq!(written, 3);
    assert_eq!(
        read(unsafe { rt_file_read_text(path.as_ptr(), len(&path)) }),
        "odd"
    );
    let names = std::fs::read_dir(folder.root()).expect("a folder");
    let names: Vec<_> = names
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, [std::ffi::OsStr::from_bytes(b"\xff\xfe")]);
}
