use std::ptr;

use native_ref::value::ffi::*;

use crate::support::*;

fn mock(text: &str) {
    assert!(unsafe { rt_stdin_mock_set(text.as_ptr(), text.len() as i64) });
}

#[test]
fn lines_are_read_one_by_one() {
    mock("one\n\nthrée\nend");
    assert!(rt_stdin_mock_active() && !rt_print_is_terminal(0));
    assert_eq!(read(rt_stdin_read_line()), "one");
    assert_eq!(read(rt_stdin_read_line()), "");
    assert_eq!(rt_stdin_mock_remaining(), 10);
    assert_eq!(read(rt_stdin_read_line()), "thrée");
    assert_eq!(read(rt_stdin_read_line()), "end");
    assert_eq!(rt_stdin_read_line(), NIL);
    assert_eq!(rt_stdin_mock_remaining(), 0);
    assert!(rt_stdin_mock_clear());
}

#[test]
fn characters_and_the_rest() {
    mock("é\0x\nrest");
    assert_eq!(rt_stdin_read_char(), 0xe9);
    assert_eq!(rt_stdin_read_char(), 0);
    assert_eq!(read(rt_stdin_read_line()), "x");
    assert_eq!(read(rt_stdin_read_all()), "rest");
    assert_eq!(read(rt_stdin_read_all()), "");
    assert_eq!(rt_stdin_read_char(), -1);
    assert!(rt_stdin_mock_clear() && !rt_stdin_mock_clear());
}

#[test]
fn a_new_mock_takes_the_place() {
    mock("old");
    mock("new");
    assert_eq!(rt_stdin_mock_remaining(), 3);
    for (data, len) in [(ptr::null(), 1), (b"x".as_ptr(), -1), ([0xff].as_ptr(), 1)] {
        assert!(!unsafe { rt_stdin_mock_set(data, len) });
    }
    assert_eq!(read(rt_stdin_read_all()), "new");
    assert!(rt_stdin_mock_clear());
    assert!(!rt_stdin_mock_active());
    assert_eq!(rt_stdin_mock_remaining(), -1);
}

#[test]
fn an_empty_mock_is_the_end() {
    assert!(unsafe { rt_stdin_mock_set(ptr::null(), 0) });
    assert!(rt_stdin_mock_active());
    assert_eq!((rt_stdin_read_line(), rt_stdin_read_char()), (NIL, -1));
    assert!(rt_stdin_mock_clear());
}
