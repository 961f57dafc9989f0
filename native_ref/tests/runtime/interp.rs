use std::ptr;

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

fn eval(source: &str) -> RuntimeValue {
    unsafe { rt_interp_eval(source.as_ptr(), source.len() as i64) }
}

fn call(name: &str, arguments: &[RuntimeValue]) -> RuntimeValue {
    let argc = arguments.len() as i64;
    unsafe { rt_interp_call(name.as_ptr(), name.len() as i64, argc, arguments.as_ptr()) }
}

fn set(name: &str, value: RuntimeValue) -> bool {
    unsafe { rt_interp_set_var(name.as_ptr(), name.len() as i64, value) }
}

fn get(name: &str) -> RuntimeValue {
    unsafe { rt_interp_get_var(name.as_ptr(), name.len() as i64) }
}

extern "C" fn count_arguments(argc: i64, _argv: *const RuntimeValue) -> RuntimeValue {
    rt_value_int(argc)
}

extern "C" fn echo_call(
    name: *const u8,
    len: i64,
    argc: i64,
    _argv: *const RuntimeValue,
) -> RuntimeValue {
    // Handlers may change the handlers.
    assert!(rt_interp_set_call_handler(None));
    let name = unsafe { rt_string_new(name, len) };
    array(&[name, rt_value_int(argc)])
}

extern "C" fn echo_source(source: *const u8, len: i64) -> RuntimeValue {
    unsafe { rt_string_new(source, len) }
}

#[test]
fn expressions_have_values() {
    let _guard = process_lock();
    for (source, shown) in [
        ("1 + 2 * 3 - 4", "3"),
        ("2 ** 10 % 1000", "24"),
        ("2 ** -1", "0.5"),
        ("1e3 / 3 > 333", "true"),
        ("0.0 / 0.0", "nan"),
        ("1 / 0.0", "inf"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("\"a\" + \"b\\n\"", "ab\n"),
        ("\"b\" > \"a\" and not nil", "true"),
        ("1 != 1.0 or \"x\"", "x"),
        ("nil == nil", "true"),
        ("len(\"grün\") + len(str(12.5))", "9"),
        ("type(1.5); type(nil)", "nil"),
        ("int(\"12\") + int(3.9) + int(-3.9)", "12"),
        ("sqrt(16) + floor(-0.5) + float(1)", "4.0"),
        ("\n 1 ;; \n", "1"),
    ] {
        assert_eq!(show(eval(source)), shown, "{source}");
        assert_eq!(take_error(), 0, "{source}");
    }
}

#[test]
fn wrong_expressions_give_nil() {
    let _guard = process_lock();
    for (source, code) in [
        ("1 +", 6),
        ("(1", 6),
        ("1)", 6),
        ("f(1,", 6),
        ("x = ", 6),
        ("99999999999999999999", 6),
        ("9223372036854775808", 6),
        ("$", 6),
        ("1 / 0", 9),
        ("1 % 0", 9),
        ("-9223372036854775808 / -1", 9),
        ("9223372036854775807 * 2", 9),
        ("10 ** 19", 9),
        ("int(0.0 / 0.0)", 9),
        ("undefined_variable", 10),
        ("undefined_function(1)", 1),
        ("min(1)", 11),
        ("int(\"x\")", 11),
        ("nil + 1", 3),
        ("len(1)", 3),
        ("\"a\" < 1", 3),
    ] {
        assert_eq!(eval(source), NIL, "{source}");
        assert_eq!(take_error(), code, "{source}");
    }
    for nested in ["(", "-", "not ", "abs(", "2**"] {
        assert_eq!(eval(&nested.repeat(10_000)), NIL);
        assert_eq!(take_error(), 12);
    }
    for (data, len) in [(ptr::null(), 1), (b"1".as_ptr(), -1), ([0xff].as_ptr(), 1)] {
        assert_eq!(unsafe { rt_interp_eval(data, len) }, NIL);
        assert_eq!(take_error(), 11);
    }
}

#[test]
fn variables_are_kept() {
    let _guard = process_lock();
    rt_interp_clear_vars();
    assert_eq!(eval("x = 20; y = x + 1\nx + y"), int(41));
    assert_eq!((get("x"), get("y")), (int(20), int(21)));
    assert!(set("größe", float(0.5)));
    assert_eq!(eval("größe * 2"), float(1.0));
    assert_eq!(rt_interp_clear_vars(), 3);
    assert_eq!(get("x"), NIL);
    assert_eq!(take_error(), 10);
    for name in ["", "1x", "a b", "and", "x-y", "nil"] {
        assert!(!set(name, NIL));
    }
    unsafe {
        assert!(!rt_interp_set_var(ptr::null(), 1, NIL));
        assert_eq!(rt_interp_get_var([0xff].as_ptr(), 1), NIL);
    }
    assert_eq!(take_error(), 11);
    assert_eq!(rt_interp_clear_vars(), 0);
}

#[test]
fn the_side_that_does_not_count_is_not_evaluated() {
    let _guard = process_lock();
    for source in [
        "true or missing",
        "1 or missing(1 / 0)",
        "true or \"a\" < 1 + nil",
    ] {
        assert!(rt_value_truthy(eval(source)), "{source}");
        assert_eq!(take_error(), 0);
    }
    assert_eq!(eval("true or"), NIL);
    assert_eq!(take_error(), 6);
}

#[test]
fn functions_are_called_by_name() {
    let _guard = process_lock();
    assert_eq!(call("max", &[int(1), float(2.5)]), float(2.5));
    assert_eq!(call("abs", &[int(i64::MIN)]), NIL);
    assert_eq!(take_error(), 9);
    assert!(rt_capture_stderr_start());
    assert_eq!(call("nothing", &[]), NIL);
    assert!(read(rt_capture_stderr_stop()).contains("`nothing`"));
    assert_eq!(take_error(), 1);
    let name = "abs".as_ptr();
    unsafe {
        for argc in [1, -1, i64::MIN, i64::MAX] {
            assert_eq!(rt_interp_call(name, 3, argc, ptr::null()), NIL);
        }
        assert_eq!(rt_interp_call(ptr::null(), 3, 0, ptr::null()), NIL);
    }
    assert_eq!(take_error(), 11);
}

#[test]
fn native_functions_are_registered() {
    let _guard = process_lock();
    let register = |name: &str, function| unsafe {
        rt_interp_register(name.as_ptr(), name.len() as i64, function)
    };
    assert!(register("count", Some(count_arguments)));
    assert_eq!(eval("count() + count(1, 2, 3)"), int(3));
    assert_eq!(call("count", &[NIL]), int(1));
    assert!(register("count", None) && !register("count", None));
    assert!(!register("not a name", Some(count_arguments)));
    assert!(!unsafe { rt_interp_register(ptr::null(), 2, None) });
    assert_eq!(eval("count()"), NIL);
    assert_eq!(take_error(), 1);
}

#[test]
fn handlers_take_over() {
    let _guard = process_lock();
    assert_eq!(rt_interp_handlers(), 0);
    assert!(!rt_interp_set_call_handler(Some(echo_call)));
    assert_eq!(rt_interp_handlers(), 1);
    assert_eq!(show(call("anything", &[NIL, NIL])), "[\"anything\", 2]");
    assert!(!rt_interp_set_eval_handler(Some(echo_source)));
    assert_eq!(rt_interp_handlers(), 2);
    assert_eq!(read(eval("1 + 1")), "1 + 1");
    assert!(rt_interp_set_eval_handler(None) && !rt_interp_set_eval_handler(None));
    assert_eq!(eval("1 + 1"), int(2));
}
