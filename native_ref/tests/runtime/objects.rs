use std::ptr;

use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn objects_have_fields() {
    let object = rt_object_new(42, 2);
    assert_eq!(
        (rt_object_class_id(object), rt_object_field_count(object)),
        (42, 2)
    );
    assert_eq!(rt_object_field_get(object, 0), NIL);
    assert!(rt_object_field_set(object, 1, object));
    assert_eq!(rt_object_field_get(object, 1), object);
    assert_eq!(show(object), "object#42(nil, ...)");
    for field in [-1, 2, i64::MIN, i64::MAX] {
        assert_eq!(rt_object_field_get(object, field), NIL);
        assert!(!rt_object_field_set(object, field, NIL));
        assert_eq!(take_error(), 4);
    }
    for count in [-1, i64::MAX] {
        assert_eq!(rt_object_new(1, count), NIL);
        assert_eq!(take_error(), 4);
    }
}

#[test]
fn closures_keep_their_captures() {
    let code = [0_u8; 2];
    let closure = rt_closure_new(code.as_ptr(), 1);
    assert_eq!(rt_closure_func_ptr(closure), code.as_ptr());
    assert!(rt_closure_set_capture(closure, 0, float(2.5)));
    assert_eq!(rt_closure_get_capture(closure, 0), float(2.5));
    assert_eq!(rt_closure_get_capture(closure, 1), NIL);
    assert!(!rt_closure_set_capture(closure, -1, NIL));
    assert_eq!(take_error(), 4);
    assert_eq!(rt_closure_new(ptr::null(), 0), NIL);
    assert_eq!(take_error(), 11);
    assert_eq!(rt_closure_new(code.as_ptr(), -1), NIL);
    assert_eq!(take_error(), 4);
}

#[test]
fn enums_carry_a_payload() {
    let variant = rt_enum_new(1, i64::MIN, text("p"));
    assert_eq!(rt_enum_discriminant(variant), i64::MIN);
    assert_eq!(read(rt_enum_payload(variant)), "p");
    assert_eq!(rt_enum_payload(rt_enum_new(1, 0, NIL)), NIL);
}

#[test]
fn uniques_hold_one_value() {
    let unique = rt_unique_new(int(1));
    assert_eq!(rt_unique_get(unique), int(1));
    assert!(rt_unique_set(unique, unique));
    assert_eq!(rt_unique_get(unique), unique);
    assert!(rt_heap_free(unique));
    assert_eq!(rt_unique_get(unique), NIL);
    assert!(!rt_unique_set(unique, NIL));
    assert_eq!(take_error(), 3);
}

#[test]
fn kinds_do_not_mix() {
    let mut others = strangers();
    others.extend([text(""), tuple(&[int(1)])]);
    for value in others {
        assert_eq!(
            (rt_object_class_id(value), rt_object_field_count(value)),
            (-1, -1)
        );
        assert_eq!(rt_object_field_get(value, 0), NIL);
        assert!(!rt_object_field_set(value, 0, NIL));
        assert_eq!(rt_closure_get_capture(value, 0), NIL);
        assert!(!rt_closure_set_capture(value, 0, NIL));
        assert!(rt_closure_func_ptr(value).is_null());
        assert_eq!(
            (rt_enum_discriminant(value), rt_enum_payload(value)),
            (-1, NIL)
        );
        assert_eq!(rt_unique_get(value), NIL);
        assert!(!rt_unique_set(value, NIL));
        assert_eq!(take_error(), 3);
    }
}
