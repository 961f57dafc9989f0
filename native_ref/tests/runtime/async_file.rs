//! Files that load in the background.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;

use crate::support::*;

/// A file of its own for each test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("native_ref-async-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("a writable folder");
        Self(path)
    }

    fn create(&self) -> i64 {
        create(self.0.to_str().expect("UTF-8"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn create(path: &str) -> i64 {
    unsafe { rt_async_file_create(path.as_ptr(), len(path)) }
}

#[test]
fn a_file_goes_through_its_states() {
    let scratch = Scratch::new("states", "grüße\n".as_bytes());
    let file = scratch.create();
    assert!(file > 0);
    assert_eq!(rt_async_file_get_state(file), 0);
    assert!(!rt_async_file_is_ready(file));
    assert!(rt_async_file_start_loading(file));
    assert!(!rt_async_file_start_loading(file));
    let begun = Instant::now();
    while !rt_async_file_is_ready(file) {
        assert!((1..=2).contains(&rt_async_file_get_state(file)));
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    assert_eq!(rt_async_file_get_state(file), 2);
    assert_eq!(read(rt_async_file_wait(file, 0)), "grüße\n");
    // Loaded once: what becomes of the file then does not matter.
    std::fs::write(&scratch.0, "later").unwrap();
    assert_eq!(read(rt_async_file_wait(file, -1)), "grüße\n");
    assert!(rt_async_file_free(file) && !rt_async_file_free(file));
}

#[test]
fn waiting_starts_the_loading() {
    let content = "x".repeat(3_000_000);
    let scratch = Scratch::new("large", content.as_bytes());
    let files: Vec<_> = (0..8).map(|_| scratch.create()).collect();
    for file in files {
        let loaded = rt_async_file_wait(file, -1);
        assert_eq!(rt_string_len(loaded), 3_000_000);
        assert!(read(loaded) == content);
        rt_heap_free(loaded);
        rt_async_file_free(file);
    }
    let empty = Scratch::new("empty", b"");
    let file = empty.create();
    assert_eq!(read(rt_async_file_wait(file, 60_000)), "");
    rt_async_file_free(file);
}

#[test]
fn several_threads_wait_for_one_file() {
    let scratch = Scratch::new("shared", b"shared");
    let file = scratch.create();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || assert_eq!(read(rt_async_file_wait(file, -1)), "shared"));
        }
    });
    rt_async_file_free(file);
}

#[test]
fn failures_are_told_when_waiting() {
    let binary = Scratch::new("binary", &[0xff, 0xfe, 0x00]);
    let folder = std::env::temp_dir();
    let missing = folder.join("native_ref-no-such-file");
    let files = [
        binary.create(),
        create(folder.to_str().unwrap()),
        create(missing.to_str().unwrap()),
        create("with\0zero"),
    ];
    for file in files {
        assert!(rt_async_file_start_loading(file));
        assert_eq!(rt_async_file_wait(file, -1), NIL);
        assert_eq!(take_error(), 8);
        assert_eq!(rt_async_file_get_state(file), 3);
        assert!(rt_async_file_is_ready(file) && !rt_async_file_start_loading(file));
        assert!(rt_async_file_free(file));
    }
}

#[cfg(unix)]
#[test]
fn devices_and_pipes_are_no_files() {
    for path in ["/dev/zero", "/dev/null"] {
        let file = create(path);
        assert_eq!(rt_async_file_wait(file, -1), NIL);
        assert_eq!(take_error(), 8);
        rt_async_file_free(file);
    }
}

#[test]
fn bad_arguments_are_refused() {
    unsafe {
        for (path, len) in [
            (std::ptr::null(), 0),
            (std::ptr::null(), 1),
            ([0xff_u8].as_ptr(), 1),
            ("a".as_ptr(), 0),
            ("a".as_ptr(), -1),
            ("a".as_ptr(), i64::MAX),
        ] {
            assert_eq!(rt_async_file_create(path, len), 0);
            assert_eq!(take_error(), 11);
        }
    }
    let gone = create("gone");
    rt_async_file_free(gone);
    for bad in BAD_HANDLES.into_iter().chain([gone]) {
        assert!(!rt_async_file_start_loading(bad) && !rt_async_file_is_ready(bad));
        assert_eq!(rt_async_file_get_state(bad), -1);
        assert_eq!(rt_async_file_wait(bad, -1), NIL);
        assert_eq!(take_error(), 11);
        assert!(!rt_async_file_free(bad));
    }
}
