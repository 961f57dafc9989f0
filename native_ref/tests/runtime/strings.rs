use std::ptr;

use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn text_comes_back() {
    for source in ["", "abc", "grüße 🦀", "a\0b"] {
        let string = unsafe { rt_string_new(source.as_ptr(), source.len() as i64) };
        assert_eq!(rt_string_len(string), source.len() as i64);
        assert_eq!(read(string), source);
        let data = rt_string_data(string);
        assert!(!data.is_null());
        let bytes = unsafe { std::slice::from_raw_parts(data, source.len()) };
        assert_eq!(bytes, source.as_bytes());
        let copied = fetch(|out, cap| unsafe { rt_string_copy(string, out, cap) });
        assert_eq!(copied.as_deref(), Some(source));
    }
    assert_eq!(read(unsafe { rt_string_new(ptr::null(), 0) }), "");
}

#[test]
fn bad_text_gives_nil() {
    for (data, len) in [
        (ptr::null(), 1),
        (b"x".as_ptr(), -1),
        (b"x".as_ptr(), i64::MIN),
        ([0xc3_u8, 0x28].as_ptr(), 2),
    ] {
        assert_eq!(unsafe { rt_string_new(data, len) }, NIL);
        assert_eq!(take_error(), 11);
    }
}

#[test]
fn strangers_are_no_strings() {
    let mut others = strangers();
    others.push(rt_array_new(0));
    for value in others {
        assert_eq!(rt_string_len(value), -1);
        assert_eq!(rt_string_char_count(value), -1);
        assert!(rt_string_data(value).is_null());
        assert_eq!(unsafe { rt_string_copy(value, ptr::null_mut(), 0) }, -1);
        assert_eq!(rt_string_find(value, text(""), 0), -1);
        for result in [
            rt_string_concat(value, text("")),
            rt_string_concat(text(""), value),
            rt_string_slice(value, 0, 0),
            rt_string_to_upper(value),
            rt_string_to_lower(value),
            rt_string_trim(value),
            rt_string_repeat(value, 1),
        ] {
            assert_eq!(result, NIL);
        }
        assert_eq!(take_error(), 3);
    }
}

#[test]
fn joining_and_cutting() {
    let both = rt_string_concat(text("gr"), text("ün"));
    assert_eq!(read(both), "grün");
    assert_eq!((rt_string_len(both), rt_string_char_count(both)), (5, 4));
    assert_eq!(read(rt_string_slice(both, 2, 4)), "ü");
    assert_eq!(read(rt_string_slice(both, 5, 5)), "");
    for (start, end) in [
        (3, 4),
        (0, 6),
        (4, 2),
        (-1, 2),
        (0, i64::MAX),
        (i64::MIN, i64::MIN),
    ] {
        assert_eq!(rt_string_slice(both, start, end), NIL);
        assert_eq!(take_error(), 4);
    }
}

#[test]
fn finding() {
    let string = text("a🦀b🦀");
    assert_eq!(rt_string_find(string, text("🦀"), 0), 1);
    assert_eq!(rt_string_find(string, text("🦀"), 2), 6);
    assert_eq!(rt_string_find(string, text(""), 10), 10);
    for (part, from) in [("x", 0), ("a", 1), ("a", -1), ("", 11), ("a", i64::MAX)] {
        assert_eq!(rt_string_find(string, text(part), from), -1);
    }
}

#[test]
fn changing() {
    assert_eq!(read(rt_string_to_upper(text("straße"))), "STRASSE");
    assert_eq!(read(rt_string_to_lower(text("ÄB"))), "äb");
    assert_eq!(read(rt_string_trim(text("\t a b\n"))), "a b");
    assert_eq!(read(rt_string_repeat(text("ab"), 3)), "ababab");
    assert_eq!(read(rt_string_repeat(text("ab"), 0)), "");
    assert_eq!(read(rt_string_repeat(text(""), i64::MAX)), "");
    for count in [-1, i64::MIN, i64::MAX, 1 << 40] {
        assert_eq!(rt_string_repeat(text("ab"), count), NIL);
    }
}

#[test]
fn a_short_buffer_gets_the_beginning() {
    let mut out = [b'.'; 4];
    let string = text("abcdef");
    assert_eq!(unsafe { rt_string_copy(string, out.as_mut_ptr(), 2) }, 6);
    assert_eq!(&out, b"ab..");
    assert_eq!(unsafe { rt_string_copy(string, out.as_mut_ptr(), -1) }, -1);
    assert_eq!(unsafe { rt_string_copy(string, ptr::null_mut(), 1) }, -1);
}

#[test]
fn any_value_has_a_text() {
    assert_eq!(show(float(1.0)), "1.0");
    assert_eq!(show(float(f64::NEG_INFINITY)), "-inf");
    assert_eq!(show(text("a\"")), "a\"");
    assert_eq!(
        show(array(&[text("a\""), NIL, tuple(&[])])),
        "[\"a\\\"\", nil, ()]"
    );
    let dict = rt_dict_new(0);
    assert!(rt_dict_set(dict, text("k"), dict) && rt_dict_set(dict, int(1), float(0.5)));
    assert_eq!(show(dict), "{\"k\": ..., 1: 0.5}");
    for value in strangers() {
        assert!(!show(value).is_empty());
    }
}

#[test]
#[cfg_attr(miri, ignore = "writes a megabyte before it ends")]
fn the_text_of_a_huge_value_ends() {
    let mut value = text("x");
    for _ in 0..64 {
        value = array(&[value, value]);
    }
    let shown = show(value);
    assert!(shown.ends_with("...") && shown.len() < 2_000_000);
}
