use std::ptr;

use native_ref::value::ffi::*;

use crate::support::*;

fn check(condition: i64, kind: i64, name: &str) -> i64 {
    unsafe { simple_contract_check(condition, kind, name.as_ptr(), name.len() as i64) }
}

fn error_message() -> Option<String> {
    fetch(|out, cap| unsafe { rt_error_last_message(out, cap) })
}

#[test]
fn a_kept_contract_changes_nothing() {
    rt_error_clear();
    for condition in [1, -1, i64::MIN] {
        assert_eq!(check(condition, 0, "f"), 1);
    }
    assert!(!rt_error_has());
}

#[test]
fn a_violation_is_recorded() {
    let before = rt_contract_violation_count();
    for (kind, name) in [
        (0, "precondition"),
        (1, "postcondition"),
        (2, "error postcondition"),
        (3, "entry invariant"),
        (4, "exit invariant"),
        (5, "assertion"),
    ] {
        assert_eq!(check(0, kind, "f"), 0);
        assert_eq!(
            error_message(),
            Some(format!("{name} of `f` does not hold"))
        );
        assert_eq!(take_error(), 5);
    }
    assert!(rt_contract_violation_count() >= before + 6);
}

#[test]
fn the_last_violation_is_a_handle() {
    let (name, message) = ("sqrt", "x >= 0");
    let checked = unsafe { simple_contract_check_msg(0, 0, name.as_ptr(), 4, message.as_ptr(), 6) };
    assert_eq!((checked, take_error()), (0, 5));
    let last = rt_contract_violation_last();
    assert_ne!(last, rt_contract_violation_last());
    assert_eq!(rt_contract_violation_kind(last), 0);
    let parts = [
        fetch(|out, cap| unsafe { rt_contract_violation_func_name(last, out, cap) }),
        fetch(|out, cap| unsafe { rt_contract_violation_message(last, out, cap) }),
        fetch(|out, cap| unsafe { rt_contract_violation_text(last, out, cap) }),
    ];
    let parts = parts.map(Option::unwrap);
    assert_eq!(
        parts,
        [
            "sqrt",
            "x >= 0",
            "precondition of `sqrt` does not hold: x >= 0"
        ]
    );
    assert!(rt_contract_violation_free(last) && !rt_contract_violation_free(last));
    std::thread::spawn(|| assert_eq!(rt_contract_violation_last(), -1))
        .join()
        .unwrap();
}

#[test]
fn contracts_can_be_off() {
    assert!(rt_contract_set_enabled(false));
    assert_eq!(check(0, 0, "f"), 1);
    assert_eq!(check(0, 9, "f"), -1);
    assert!(!rt_contract_set_enabled(true));
    assert_eq!(check(0, 0, "f"), 0);
    assert_eq!(take_error(), 5);
}

#[test]
fn bad_input_gives_minus_one() {
    for kind in [-1, 6, i64::MIN, i64::MAX] {
        assert_eq!(check(1, kind, "f"), -1);
    }
    unsafe {
        assert_eq!(simple_contract_check(0, 0, ptr::null(), 1), -1);
        assert_eq!(simple_contract_check(0, 0, b"f".as_ptr(), -1), -1);
        assert_eq!(
            simple_contract_check_msg(0, 0, b"f".as_ptr(), 1, [0xff].as_ptr(), 1),
            -1
        );
        assert_eq!(
            rt_contract_violation_new(6, b"f".as_ptr(), 1, ptr::null(), 0),
            -1
        );
        assert_eq!(
            rt_contract_violation_new(0, ptr::null(), 5, ptr::null(), 0),
            -1
        );
    }
}

#[test]
fn stale_handles_are_known() {
    let handle = unsafe { rt_contract_violation_new(4, b"f".as_ptr(), 1, ptr::null(), 0) };
    assert!(handle > 0);
    assert_eq!(rt_contract_violation_kind(handle), 4);
    assert!(rt_contract_violation_free(handle));
    for bad in [handle, 0, -1, 1, i64::MIN, i64::MAX] {
        assert_eq!(rt_contract_violation_kind(bad), -1);
        assert!(!rt_contract_violation_free(bad));
        unsafe {
            assert_eq!(rt_contract_violation_func_name(bad, ptr::null_mut(), 0), -1);
            assert_eq!(rt_contract_violation_message(bad, ptr::null_mut(), 0), -1);
            assert_eq!(rt_contract_violation_text(bad, ptr::null_mut(), 0), -1);
        }
    }
}
