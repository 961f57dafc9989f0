use std::ptr;

use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn text_and_values_are_printed() {
    assert!(rt_capture_stdout_start() && rt_capture_stderr_start());
    let before = rt_print_total_bytes();
    unsafe {
        assert_eq!(rt_print_str("ä".as_ptr(), 2), 2);
        assert_eq!(rt_println_str(b"b".as_ptr(), 1), 2);
        assert_eq!(rt_eprint_str(b"c".as_ptr(), 1), 1);
        assert_eq!(rt_eprintln_str(ptr::null(), 0), 1);
    }
    assert_eq!(rt_print_value(float(1.0)), 3);
    assert_eq!(rt_println_value(array(&[text("x")])), 6);
    assert_eq!(rt_eprint_value(NIL), 3);
    assert_eq!(rt_eprintln_value(text("x")), 2);
    assert!(rt_print_total_bytes() >= before + 20);
    assert_eq!(read(rt_capture_stdout_stop()), "äb\n1.0[\"x\"]\n");
    assert_eq!(read(rt_capture_stderr_stop()), "c\nnilx\n");
}

#[test]
fn the_old_name_still_works() {
    assert!(rt_capture_stdout_start());
    #[allow(deprecated)]
    let printed = unsafe { rt_puts(b"old".as_ptr(), 3) };
    assert_eq!(printed, 4);
    assert_eq!(read(rt_capture_stdout_stop()), "old\n");
}

#[test]
fn unreadable_text_prints_nothing() {
    assert!(rt_capture_stdout_start() && rt_capture_stderr_start());
    for (data, len) in [(ptr::null(), 1), (b"x".as_ptr(), -1), ([0xff].as_ptr(), 1)] {
        unsafe {
            assert_eq!(
                (rt_print_str(data, len), rt_println_str(data, len)),
                (-1, -1)
            );
            assert_eq!(
                (rt_eprint_str(data, len), rt_eprintln_str(data, len)),
                (-1, -1)
            );
        }
        assert_eq!(take_error(), 11);
    }
    assert_eq!(read(rt_capture_stdout_stop()), "");
    assert_eq!(read(rt_capture_stderr_stop()), "");
}

#[test]
fn strangers_are_printed_too() {
    assert!(rt_capture_stdout_start());
    for value in strangers() {
        assert!(rt_print_value(value) > 0);
    }
    assert!(read(rt_capture_stdout_stop()).starts_with("nil7-9223372036854775808nan0.1true<"));
}

#[test]
fn streams_are_asked() {
    assert!(rt_print_flush());
    assert!(rt_capture_stdout_start() && rt_capture_stderr_start());
    assert!(!rt_print_is_terminal(1) && !rt_print_is_terminal(2));
    rt_capture_stdout_stop();
    rt_capture_stderr_stop();
    for stream in [-1, 3, i64::MIN, i64::MAX] {
        assert!(!rt_print_is_terminal(stream));
        assert_eq!(rt_print_stream_fd(stream), -1);
    }
    let descriptors = [0, 1, 2].map(|stream| rt_print_stream_fd(stream));
    assert_eq!(descriptors, if cfg!(unix) { [0, 1, 2] } else { [-1; 3] });
}
