use std::ptr;

use native_ref::value::ffi::*;

use crate::support::*;

fn message() -> String {
    fetch(|out, cap| unsafe { rt_error_last_message(out, cap) }).expect("a message")
}

#[test]
fn an_error_is_kept_until_cleared() {
    rt_error_clear();
    assert!(!rt_error_has() && !rt_error_clear());
    assert_eq!((rt_error_last_code(), message()), (0, String::new()));
    let total = rt_error_total();
    assert!(unsafe { rt_error_set(8, "disk füll".as_ptr(), 10) });
    assert!(rt_error_total() > total);
    assert_eq!(
        (rt_error_last_code(), message()),
        (8, "disk füll".to_owned())
    );
    assert!(rt_error_has() && rt_error_clear() && !rt_error_has());
}

#[test]
fn bad_errors_change_nothing() {
    rt_error_clear();
    for (code, data, len) in [
        (0, b"x".as_ptr(), 1),
        (13, b"x".as_ptr(), 1),
        (-1, b"x".as_ptr(), 1),
        (3, ptr::null(), 1),
        (3, b"x".as_ptr(), -1),
        (3, [0xff_u8].as_ptr(), 1),
    ] {
        assert!(!unsafe { rt_error_set(code, data, len) });
    }
    assert!(!rt_error_has());
}

#[test]
fn each_thread_has_its_own() {
    rt_error_clear();
    std::thread::spawn(|| assert_eq!(rt_array_len(NIL), -1))
        .join()
        .unwrap();
    assert!(!rt_error_has());
}

#[test]
fn codes_are_described() {
    for code in 0..=12 {
        let text = fetch(|out, cap| unsafe { rt_error_describe(code, out, cap) });
        assert!(!text.expect("a text").is_empty());
    }
    for code in [-1, 13, i64::MIN, i64::MAX] {
        assert_eq!(unsafe { rt_error_describe(code, ptr::null_mut(), 0) }, -1);
    }
    assert_eq!(unsafe { rt_error_describe(0, ptr::null_mut(), 5) }, -1);
    assert_eq!(unsafe { rt_error_last_message(ptr::null_mut(), -1) }, -1);
}

#[test]
fn missing_names_are_reported() {
    assert!(rt_capture_stderr_start());
    unsafe {
        assert_eq!(rt_function_not_found(b"draw".as_ptr(), 4), NIL);
        assert_eq!(take_error(), 1);
        assert_eq!(
            rt_method_not_found(b"Point".as_ptr(), 5, b"norm".as_ptr(), 4),
            NIL
        );
    }
    assert_eq!(message(), "method `norm` of type `Point` does not exist");
    assert_eq!(take_error(), 2);
    unsafe {
        assert_eq!(rt_function_not_found(ptr::null(), 3), NIL);
        assert_eq!(
            rt_method_not_found([0xff].as_ptr(), 1, ptr::null(), -1),
            NIL
        );
    }
    assert_eq!(
        read(rt_capture_stderr_stop()),
        "runtime error: function-not-found: function `draw` does not exist\n\
         runtime error: method-not-found: method `norm` of type `Point` does not exist\n\
         runtime error: function-not-found: function `<unknown>` does not exist\n\
         runtime error: method-not-found: method `<unknown>` of type `<unknown>` does not exist\n"
    );
    assert_eq!(take_error(), 2);
}
