use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn a_new_tuple_is_full_of_nil() {
    let tuple = rt_tuple_new(3);
    assert_eq!(rt_tuple_len(tuple), 3);
    assert_eq!(rt_tuple_get(tuple, 2), NIL);
    assert!(rt_tuple_set(tuple, 2, int(i64::MAX)));
    assert_eq!(rt_tuple_get(tuple, 2), int(i64::MAX));
    assert_eq!(show(tuple), "(nil, nil, 9223372036854775807)");
    assert_eq!(rt_tuple_len(rt_tuple_new(0)), 0);
}

#[test]
fn lengths_and_indices_are_checked() {
    for len in [-1, i64::MIN, i64::MAX, (1 << 24) + 1] {
        assert_eq!(rt_tuple_new(len), NIL);
        assert_eq!(take_error(), 4);
    }
    let tuple = rt_tuple_new(1);
    for index in [-1, 1, i64::MIN, i64::MAX] {
        assert_eq!(rt_tuple_get(tuple, index), NIL);
        assert!(!rt_tuple_set(tuple, index, NIL));
        assert_eq!(take_error(), 4);
    }
}

#[test]
fn a_key_is_sealed() {
    let inner = tuple(&[int(1)]);
    let key = tuple(&[inner, text("x")]);
    let dict = rt_dict_new(0);
    assert!(rt_dict_set(dict, key, int(5)));
    assert!(!rt_tuple_set(key, 0, NIL) && !rt_tuple_set(inner, 0, NIL));
    assert_eq!(take_error(), 11);
    assert_eq!(
        rt_dict_get(dict, tuple(&[tuple(&[int(1)]), text("x")])),
        int(5)
    );
}

#[test]
fn strangers_are_no_tuples() {
    let mut others = strangers();
    others.extend([array(&[int(1)]), rt_object_new(0, 1)]);
    for value in others {
        assert_eq!((rt_tuple_len(value), rt_tuple_get(value, 0)), (-1, NIL));
        assert!(!rt_tuple_set(value, 0, NIL));
        assert_eq!(take_error(), 3);
    }
}
