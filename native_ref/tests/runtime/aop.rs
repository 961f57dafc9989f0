//! Advice around functions.

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

extern "C" fn double(argument: RuntimeValue) -> RuntimeValue {
    int(rt_value_as_int(argument) * 2)
}

extern "C" fn skip(argument: RuntimeValue) -> RuntimeValue {
    argument
}

extern "C" fn twice(argument: RuntimeValue) -> RuntimeValue {
    rt_aop_proceed(rt_aop_proceed(argument))
}

extern "C" fn plus_one(argument: RuntimeValue) -> RuntimeValue {
    int(rt_value_as_int(rt_aop_proceed(argument)) + 1)
}

extern "C" fn doubled_twice(argument: RuntimeValue) -> RuntimeValue {
    rt_aop_invoke_around(Some(double), Some(twice), argument)
}

extern "C" fn proceeding_target(argument: RuntimeValue) -> RuntimeValue {
    rt_aop_proceed(argument)
}

extern "C" fn endless(argument: RuntimeValue) -> RuntimeValue {
    rt_aop_invoke_around(Some(endless), Some(plus_one), argument)
}

#[test]
fn advice_runs_the_target_as_often_as_it_likes() {
    for (advice, expected) in [
        (skip as extern "C" fn(RuntimeValue) -> RuntimeValue, 5),
        (plus_one, 11),
        (twice, 20),
    ] {
        let result = rt_aop_invoke_around(Some(double), Some(advice), int(5));
        assert_eq!(rt_value_as_int(result), expected);
    }
}

#[test]
fn nested_advice_proceeds_to_its_own_target() {
    let result = rt_aop_invoke_around(Some(doubled_twice), Some(plus_one), int(3));
    assert_eq!(rt_value_as_int(result), 13);
    let result = rt_aop_invoke_around(Some(doubled_twice), Some(twice), int(3));
    assert_eq!(rt_value_as_int(result), 48);
}

#[test]
fn there_is_nothing_to_proceed_to_outside_advice() {
    rt_error_clear();
    assert!(rt_aop_proceed(int(1)).is_nil());
    assert_eq!(take_error(), 11);
    // A target is no advice, though it runs inside one.
    assert!(rt_aop_invoke_around(Some(proceeding_target), Some(twice), int(1)).is_nil());
    assert_eq!(take_error(), 11);
    for (target, advice) in [(None, Some(skip as _)), (Some(double as _), None)] {
        assert!(rt_aop_invoke_around(target, advice, int(1)).is_nil());
        assert_eq!(take_error(), 11);
    }
}

#[test]
fn endless_advice_stops() {
    rt_error_clear();
    endless(int(0));
    assert_eq!(take_error(), 12);
    assert_eq!(rt_value_as_int(doubled_twice(int(1))), 4);
}
