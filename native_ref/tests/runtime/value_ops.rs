use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

#[test]
fn numbers_come_back() {
    for value in [
        0,
        1,
        -1,
        1 << 60,
        1 << 61,
        -(1 << 61) - 1,
        i64::MIN,
        i64::MAX,
    ] {
        assert_eq!(rt_value_as_int(rt_value_int(value)), value);
        assert!(rt_value_is_int(rt_value_int(value)));
        assert!(!rt_value_is_heap(rt_value_int(value)));
    }
    for value in [
        0.0,
        -0.0,
        0.1,
        1e308,
        5e-324,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        let back = rt_value_as_float(rt_value_float(value));
        assert_eq!(back.to_bits(), value.to_bits());
        assert!(rt_value_is_float(rt_value_float(value)));
    }
    assert!(rt_value_as_float(rt_value_float(f64::NAN)).is_nan());
}

#[test]
fn zero_and_nil_are_falsy() {
    for falsy in [
        int(0),
        float(0.0),
        float(-0.0),
        rt_value_bool(false),
        rt_value_nil(),
    ] {
        assert!(!rt_value_truthy(falsy), "{}", show(falsy));
    }
    for truthy in [
        int(-1),
        int(i64::MIN),
        float(5e-324),
        float(f64::NAN),
        rt_value_bool(true),
        text(""),
        array(&[]),
    ] {
        assert!(rt_value_truthy(truthy), "{}", show(truthy));
    }
}

#[test]
fn each_value_has_one_type() {
    let questions: [(&str, extern "C" fn(RuntimeValue) -> bool); 5] = [
        ("nil", rt_value_is_nil),
        ("int", rt_value_is_int),
        ("float", rt_value_is_float),
        ("bool", rt_value_is_bool),
        ("heap", rt_value_is_heap),
    ];
    for (value, expected) in [
        (NIL, "nil"),
        (int(i64::MAX), "int"),
        (float(1e-300), "float"),
        (rt_value_bool(false), "bool"),
        (text("x"), "heap"),
        (stale(), "heap"),
        (RuntimeValue::from_bits(u64::MAX), ""),
    ] {
        for (name, question) in questions {
            assert_eq!(question(value), name == expected, "{name} of {value:?}");
        }
    }
}

#[test]
fn other_types_give_the_zero_of_the_wanted_one() {
    for value in [NIL, text("1"), rt_value_bool(true), stale()] {
        assert_eq!(rt_value_as_int(value), 0);
        assert_eq!(rt_value_as_float(value).to_bits(), 0);
    }
    assert_eq!(rt_value_as_int(float(3.0)), 0);
    assert_eq!(rt_value_as_float(int(3)).to_bits(), 0);
    assert!(!rt_value_as_bool(int(1)) && rt_value_as_bool(rt_value_bool(true)));
}

#[test]
fn nil_is_the_zero_word() {
    assert_eq!(rt_value_nil().to_bits(), 0);
    assert!(rt_value_is_nil(RuntimeValue::from_bits(0)));
}
