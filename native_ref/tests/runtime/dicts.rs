use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn a_hundred_thousand_entries() {
    let count = times(100_000, 200);
    let dict = rt_dict_new(0);
    for key in 0..count {
        assert!(rt_dict_set(dict, int(key * 7919), int(key)));
    }
    assert_eq!(rt_dict_len(dict), count);
    for key in 0..count {
        assert_eq!(rt_dict_get(dict, int(key * 7919)), int(key));
    }
    for key in (0..count).step_by(2) {
        assert!(rt_dict_remove(dict, int(key * 7919)));
    }
    assert_eq!(rt_dict_len(dict), count / 2);
    assert!(!rt_dict_contains(dict, int(0)) && rt_dict_contains(dict, int(7919)));
}

#[test]
fn keys_of_every_type() {
    let dict = rt_dict_new(16);
    let keys = [
        NIL,
        int(1),
        int(i64::MIN),
        float(1.0),
        float(f64::INFINITY),
        rt_value_bool(true),
        text("1"),
        tuple(&[]),
        tuple(&[int(1), text("a")]),
        rt_enum_new(1, 1, int(1)),
        rt_unique_new(NIL),
        rt_closure_new(&0, 0),
    ];
    for (number, &key) in keys.iter().enumerate() {
        assert!(rt_dict_set(dict, key, int(number as i64)));
    }
    assert_eq!(rt_dict_len(dict), keys.len() as i64);
    for (number, &key) in keys.iter().enumerate() {
        assert_eq!(rt_dict_get(dict, key), int(number as i64));
    }
    assert_eq!(rt_dict_get(dict, text("1")), int(6));
    assert!(rt_dict_set(dict, float(0.0), NIL) && rt_dict_contains(dict, float(-0.0)));
}

#[test]
fn values_without_a_hash_are_no_keys() {
    let dict = rt_dict_new(0);
    for key in [
        float(f64::NAN),
        array(&[]),
        rt_dict_new(0),
        dict,
        rt_object_new(0, 0),
        stale(),
        tuple(&[array(&[])]),
    ] {
        assert!(!rt_dict_set(dict, key, int(1)));
        assert_eq!(take_error(), 3);
        assert_eq!(rt_dict_get(dict, key), NIL);
        assert!(!rt_dict_contains(dict, key) && !rt_dict_remove(dict, key));
    }
    assert_eq!(rt_dict_len(dict), 0);
    rt_error_clear();
}

#[test]
fn the_order_of_insertion_stays() {
    let dict = rt_dict_new(0);
    for key in ["b", "a", "c"] {
        assert!(rt_dict_set(dict, text(key), text(key)));
    }
    assert!(rt_dict_set(dict, text("b"), int(2)) && rt_dict_remove(dict, text("a")));
    assert!(rt_dict_set(dict, text("a"), NIL));
    assert_eq!(show(rt_dict_keys(dict)), "[\"b\", \"c\", \"a\"]");
    assert_eq!(show(rt_dict_values(dict)), "[2, \"c\", nil]");
    assert_eq!(rt_dict_get(dict, text("a")), NIL);
    assert!(rt_dict_contains(dict, text("a")) && !rt_dict_contains(dict, text("z")));
}

#[test]
fn clearing_makes_it_empty() {
    let dict = rt_dict_new(4);
    assert!(rt_dict_set(dict, int(1), int(1)) && rt_dict_clear(dict));
    assert_eq!((rt_dict_len(dict), rt_dict_get(dict, int(1))), (0, NIL));
    assert!(rt_dict_set(dict, int(1), int(2)));
    assert_eq!(rt_dict_len(dict), 1);
}

#[test]
fn capacities_are_checked() {
    for capacity in [-1, i64::MIN, i64::MAX] {
        assert_eq!(rt_dict_new(capacity), NIL);
        assert_eq!(take_error(), 4);
    }
}

#[test]
fn strangers_are_no_dicts() {
    let mut others = strangers();
    others.push(array(&[]));
    for value in others {
        assert_eq!(rt_dict_len(value), -1);
        assert!(!rt_dict_set(value, int(1), NIL) && !rt_dict_clear(value));
        assert!(!rt_dict_contains(value, int(1)) && !rt_dict_remove(value, int(1)));
        assert_eq!(rt_dict_get(value, int(1)), NIL);
        assert_eq!((rt_dict_keys(value), rt_dict_values(value)), (NIL, NIL));
        assert_eq!(take_error(), 3);
    }
}

#[test]
fn a_freed_key_is_never_found() {
    let (dict, key) = (rt_dict_new(0), text("k"));
    assert!(rt_dict_set(dict, key, int(1)) && rt_heap_free(key));
    assert_eq!(rt_dict_get(dict, text("k")), NIL);
    assert!(rt_dict_set(dict, text("k"), int(2)));
    assert_eq!(rt_dict_get(dict, text("k")), int(2));
    assert!(!rt_value_eq(dict, dict));
}
