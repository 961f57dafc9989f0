use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn floats_follow_ieee() {
    assert!(!rt_value_eq(float(f64::NAN), float(f64::NAN)));
    assert!(rt_value_eq(float(0.0), float(-0.0)));
    assert!(rt_value_eq(float(f64::INFINITY), float(f64::INFINITY)));
    assert!(!rt_value_eq(float(f64::INFINITY), float(f64::NEG_INFINITY)));
    assert!(rt_value_eq(float(1e300), float(1e300)));
    let nan = array(&[float(f64::NAN)]);
    assert!(!rt_value_eq(nan, nan) && rt_value_identical(nan, nan));
}

#[test]
fn types_do_not_mix() {
    let values = [
        NIL,
        int(0),
        float(0.0),
        rt_value_bool(false),
        text(""),
        array(&[]),
        tuple(&[]),
        rt_dict_new(0),
    ];
    for (i, &left) in values.iter().enumerate() {
        for (j, &right) in values.iter().enumerate() {
            assert_eq!(rt_value_eq(left, right), i == j, "{i} {j}");
        }
    }
    assert!(rt_value_eq(int(i64::MAX), int(i64::MAX)));
}

#[test]
fn containers_are_compared_by_content() {
    let build = |last| {
        let dict = rt_dict_new(0);
        assert!(rt_dict_set(dict, text("k"), tuple(&[int(1), text("v")])));
        let object = rt_object_new(3, 1);
        assert!(rt_object_field_set(object, 0, dict));
        array(&[object, rt_enum_new(1, 2, last)])
    };
    assert!(rt_value_eq(build(int(9)), build(int(9))));
    assert!(!rt_value_eq(build(int(9)), build(int(8))));
    assert!(!rt_value_eq(rt_object_new(1, 0), rt_object_new(2, 0)));
    assert!(!rt_value_eq(rt_enum_new(1, 1, NIL), rt_enum_new(1, 2, NIL)));
    assert!(!rt_value_eq(rt_enum_new(1, 1, NIL), rt_enum_new(2, 1, NIL)));
    assert!(!rt_value_eq(array(&[int(1)]), array(&[int(1), int(2)])));
    assert!(!rt_value_eq(array(&[int(1)]), tuple(&[int(1)])));
}

#[test]
fn dicts_ignore_the_order() {
    let (one, two) = (rt_dict_new(0), rt_dict_new(0));
    for key in 0..100 {
        assert!(rt_dict_set(one, int(key), int(key)));
        assert!(rt_dict_set(two, int(99 - key), int(99 - key)));
    }
    assert!(rt_value_eq(one, two));
    assert!(rt_dict_set(two, int(5), NIL));
    assert!(!rt_value_eq(one, two));
    assert!(rt_dict_remove(two, int(5)));
    assert!(!rt_value_eq(one, two));
}

#[test]
fn closures_uniques_and_pointers_are_only_themselves() {
    let function = 0_u8;
    for make in [
        || rt_unique_new(int(1)),
        || rt_closure_new(b"code".as_ptr(), 0),
    ] {
        let value = make();
        assert!(rt_value_eq(value, value) && !rt_value_eq(value, make()));
    }
    let closure = rt_closure_new(&function, 1);
    assert!(rt_closure_set_capture(closure, 0, float(f64::NAN)));
    assert!(rt_value_eq(closure, closure));
}

#[test]
fn cycles_end() {
    let (one, two) = (rt_array_new(0), rt_array_new(0));
    assert!(rt_array_push(one, one) && rt_array_push(two, two));
    assert!(rt_value_eq(one, two) && rt_value_eq(one, one));
    let dict = rt_dict_new(0);
    assert!(rt_dict_set(dict, int(1), dict));
    assert!(rt_value_eq(dict, dict));
    assert!(rt_array_push(two, int(1)));
    assert!(!rt_value_eq(one, two));
}

#[test]
fn shared_parts_do_not_explode() {
    let (mut left, mut right) = (array(&[]), array(&[]));
    for _ in 0..64 {
        left = array(&[left, left]);
        right = array(&[right, right]);
    }
    assert!(rt_value_eq(left, right));
}

#[test]
fn stale_values_equal_nothing() {
    let gone = stale();
    assert!(!rt_value_eq(gone, gone) && rt_value_identical(gone, gone));
    assert!(!rt_value_eq(gone, text("gone")));
    assert_eq!(rt_value_hash(gone), -1);
    assert_eq!(rt_value_compare(gone, gone), 2);
}

#[test]
fn hashes_are_never_negative_for_keys() {
    for value in [
        int(0),
        int(-1),
        float(-0.5),
        NIL,
        rt_value_bool(true),
        text("a"),
        tuple(&[int(1), tuple(&[])]),
        rt_enum_new(1, 1, int(1)),
        rt_unique_new(array(&[])),
    ] {
        assert!(rt_value_hash(value) >= 0, "{}", show(value));
    }
    for value in [
        float(f64::NAN),
        array(&[]),
        rt_dict_new(0),
        rt_object_new(0, 0),
        tuple(&[array(&[])]),
        rt_enum_new(0, 0, float(f64::NAN)),
    ] {
        assert_eq!(rt_value_hash(value), -1, "{}", show(value));
    }
    assert_eq!(rt_value_hash(float(0.0)), rt_value_hash(float(-0.0)));
    assert_eq!(rt_value_hash(text("ab")), rt_value_hash(text("ab")));
    assert_ne!(rt_value_hash(text("ab")), rt_value_hash(text("ba")));
}

#[test]
fn only_like_values_have_an_order() {
    assert_eq!(rt_value_compare(int(i64::MIN), int(i64::MAX)), -1);
    assert_eq!(rt_value_compare(float(1.5), float(1.5)), 0);
    assert_eq!(rt_value_compare(text("b"), text("abc")), 1);
    assert_eq!(rt_value_compare(float(f64::NAN), float(1.0)), 2);
    assert_eq!(rt_value_compare(int(1), float(1.0)), 2);
    assert_eq!(rt_value_compare(array(&[]), array(&[])), 2);
}
