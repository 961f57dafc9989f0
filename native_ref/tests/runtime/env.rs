//! Environment: variables and the working directory.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

use crate::support::{bytes_of, len, process_lock, text_of};

fn get(name: &str) -> Result<String, i64> {
    text_of(|out, cap| unsafe { rt_env_get(name.as_ptr(), len(name), out, cap) })
}

fn set(name: &str, value: &str) -> bool {
    unsafe { rt_env_set(name.as_ptr(), len(name), value.as_ptr(), len(value)) }
}

fn has(name: &str) -> bool {
    unsafe { rt_env_has(name.as_ptr(), len(name)) }
}

fn unset(name: &str) -> bool {
    unsafe { rt_env_unset(name.as_ptr(), len(name)) }
}

#[test]
fn variables_come_and_go() {
    let _process = process_lock();
    let name = "NATIVE_REF_TEST_VARIABLE";
    assert!(!has(name) && !unset(name));
    assert_eq!(get(name), Err(-1));
    let before = rt_env_count();
    assert!(set(name, "grüße = 1"));
    assert_eq!(get(name).as_deref(), Ok("grüße = 1"));
    assert_eq!(std::env::var(name).as_deref(), Ok("grüße = 1"));
    assert_eq!(rt_env_count(), before + 1);
    assert!(set(name, ""));
    assert!(has(name));
    assert_eq!(get(name).as_deref(), Ok(""));
    assert!(unset(name) && !has(name) && !unset(name));
    assert_eq!(rt_env_count(), before);
}

#[test]
fn impossible_names_and_values_are_refused() {
    let _process = process_lock();
    for name in ["", "A=B", "=", "A\0B"] {
        assert!(!set(name, "x") && !has(name) && !unset(name), "{name:?}");
        assert_eq!(get(name), Err(-1));
    }
    assert!(!set("NATIVE_REF_TEST_NUL", "a\0b"));
    assert!(!has("NATIVE_REF_TEST_NUL"));
    let invalid = [b'A', 0xff];
    unsafe {
        assert!(!rt_env_set(invalid.as_ptr(), 2, b"x".as_ptr(), 1));
        assert!(!rt_env_set(b"A".as_ptr(), 1, invalid.as_ptr(), 2));
        assert!(!rt_env_set(null(), 1, null(), 0));
        assert!(!rt_env_has(null(), 3) && !rt_env_has(b"A".as_ptr(), -1));
        assert!(!rt_env_unset(null(), i64::MAX));
        assert_eq!(rt_env_get(b"PATH".as_ptr(), i64::MIN, null_mut(), 0), -1);
        assert_eq!(rt_env_get(b"PATH".as_ptr(), 4, null_mut(), 1), -1);
    }
}

#[test]
fn the_list_holds_every_variable_in_order() {
    let _process = process_lock();
    set("NATIVE_REF_TEST_LIST_B", "2");
    set("NATIVE_REF_TEST_LIST_A", "1=1");
    let list = bytes_of(|out, cap| unsafe { rt_env_list(out, cap) }).unwrap();
    let count = rt_env_count();
    unset("NATIVE_REF_TEST_LIST_A");
    unset("NATIVE_REF_TEST_LIST_B");
    assert_eq!(list.last(), Some(&0));
    let entries: Vec<&[u8]> = list[..list.len() - 1].split(|byte| *byte == 0).collect();
    assert_eq!(entries.len() as i64, count);
    let at = entries
        .iter()
        .position(|entry| *entry == b"NATIVE_REF_TEST_LIST_A=1=1")
        .expect("listed");
    assert_eq!(entries[at + 1], b"NATIVE_REF_TEST_LIST_B=2");
}

#[test]
fn the_working_directory_can_be_changed() {
    let _process = process_lock();
    let cwd = || text_of(|out, cap| unsafe { rt_env_cwd(out, cap) }).unwrap();
    let change = |path: &str| unsafe { rt_env_set_cwd(path.as_ptr(), len(path)) };
    let before = cwd();
    assert!(change("src"));
    let inside = cwd();
    assert!(!change("no/such/directory") && !change("") && !change("a\0b"));
    assert_eq!(cwd(), inside);
    assert!(change(&before));
    assert!(inside.starts_with(&before) && inside.ends_with("src"));
    assert!(!unsafe { rt_env_set_cwd(null(), 1) });
}

#[test]
fn home_and_temporary_directory() {
    let _process = process_lock();
    let temp = text_of(|out, cap| unsafe { rt_env_temp_dir(out, cap) }).unwrap();
    assert_eq!(std::path::Path::new(&temp), std::env::temp_dir());
    let home = || text_of(|out, cap| unsafe { rt_env_home(out, cap) });
    let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let before = std::env::var_os(variable);
    set(variable, "/srv/of/nobody");
    assert_eq!(home().as_deref(), Ok("/srv/of/nobody"));
    set(variable, "");
    assert_eq!(home(), Err(-1));
    unset(variable);
    assert_eq!(home(), Err(-1));
    if let Some(before) = before {
        std::env::set_var(variable, before);
    }
}
