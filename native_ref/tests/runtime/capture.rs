use native_ref::value::ffi::*;

use crate::support::*;

fn print(text: &str) {
    assert_eq!(
        unsafe { rt_print_str(text.as_ptr(), text.len() as i64) },
        text.len() as i64
    );
}

fn eprint(text: &str) {
    assert_eq!(
        unsafe { rt_eprint_str(text.as_ptr(), text.len() as i64) },
        text.len() as i64
    );
}

#[test]
fn both_streams_are_apart() {
    assert!(rt_capture_stdout_start() && rt_capture_stderr_start());
    print("out");
    eprint("err");
    assert_eq!(read(rt_capture_stdout_get()), "out");
    print("2");
    assert_eq!(read(rt_capture_stdout_stop()), "out2");
    assert_eq!(read(rt_capture_stderr_stop()), "err");
}

#[test]
fn starting_twice_keeps_the_text() {
    assert!(!rt_capture_stdout_is_active());
    assert!(rt_capture_stdout_start());
    print("a");
    assert!(!rt_capture_stdout_start() && rt_capture_stdout_is_active());
    assert_eq!(read(rt_capture_stdout_get()), "a");
    assert!(rt_capture_stdout_clear());
    assert_eq!(read(rt_capture_stdout_stop()), "");
    assert!(!rt_capture_stdout_is_active());
}

#[test]
fn nothing_captured_gives_nil() {
    for value in [
        rt_capture_stdout_stop(),
        rt_capture_stdout_get(),
        rt_capture_stderr_stop(),
        rt_capture_stderr_get(),
    ] {
        assert_eq!(value, NIL);
    }
    assert!(!rt_capture_stdout_clear() && !rt_capture_stderr_clear());
    assert!(!rt_capture_stderr_is_active());
}

#[test]
fn other_threads_are_not_captured() {
    assert!(rt_capture_stderr_start());
    std::thread::spawn(|| {
        assert!(!rt_capture_stderr_is_active() && rt_capture_stderr_start());
        eprint("inner");
        assert_eq!(read(rt_capture_stderr_stop()), "inner");
    })
    .join()
    .unwrap();
    assert_eq!(read(rt_capture_stderr_stop()), "");
}
