//! Parallel loops over arrays.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

/// More items than threads or parts.
const MANY: i64 = times(100_000, 200);

fn numbers(count: i64) -> RuntimeValue {
    let array = rt_array_new(count);
    (0..count).for_each(|n| assert!(rt_array_push(array, int(n))));
    array
}

fn ints(array: RuntimeValue) -> Vec<i64> {
    (0..rt_array_len(array))
        .map(|at| rt_value_as_int(rt_array_get(array, at)))
        .collect()
}

extern "C" fn scale(item: RuntimeValue, factor: RuntimeValue) -> RuntimeValue {
    int(rt_value_as_int(item) * rt_value_as_int(factor))
}

extern "C" fn divides(item: RuntimeValue, divisor: RuntimeValue) -> RuntimeValue {
    rt_value_bool(rt_value_as_int(item) % rt_value_as_int(divisor) == 0)
}

extern "C" fn add(left: RuntimeValue, right: RuntimeValue, _: RuntimeValue) -> RuntimeValue {
    if left.is_float() {
        return float(rt_value_as_float(left) + rt_value_as_float(right));
    }
    int(rt_value_as_int(left) + rt_value_as_int(right))
}

/// Associative, but not commutative.
extern "C" fn join(left: RuntimeValue, right: RuntimeValue, _: RuntimeValue) -> RuntimeValue {
    rt_string_concat(left, right)
}

extern "C" fn tally(item: RuntimeValue, atomic: RuntimeValue) {
    rt_atomic_fetch_add(rt_value_as_int(atomic), rt_value_as_int(item));
}

#[test]
fn map_keeps_the_order() {
    for count in [0, 1, 2, 63, 64, 65, times(1_000, 66), MANY] {
        let array = numbers(count);
        let mapped = rt_par_map(array, Some(scale), int(3));
        assert!((0..count).map(|n| n * 3).eq(ints(mapped)), "{count}");
        assert_eq!(rt_array_len(array), count);
        assert_ne!(mapped, array);
    }
}

#[test]
fn filter_keeps_the_order() {
    for count in [0, 1, MANY] {
        let kept = rt_par_filter(numbers(count), Some(divides), int(7));
        assert!((0..count).step_by(7).eq(ints(kept)), "{count}");
    }
    assert_eq!(
        rt_array_len(rt_par_filter(numbers(5), Some(scale), int(0))),
        0
    );
}

#[test]
fn reduce_joins_in_order_from_the_initial_value() {
    assert_eq!(
        rt_par_reduce(numbers(0), int(9), Some(add), NIL),
        int(9),
        "empty"
    );
    for count in [1, 2, 100, MANY] {
        let sum = rt_par_reduce(numbers(count), int(5), Some(add), NIL);
        assert_eq!(sum, int(5 + count * (count - 1) / 2));
    }
    let letters: String = ('a'..='z').cycle().take(times(500, 70) as usize).collect();
    let texts: Vec<_> = letters.chars().map(|c| text(&c.to_string())).collect();
    let joined = rt_par_reduce(array(&texts), text(">"), Some(join), NIL);
    assert_eq!(read(joined), format!(">{letters}"));
}

#[test]
fn sums_of_floats_do_not_depend_on_the_threads() {
    let floats: Vec<_> = (1..times(5_000, 200))
        .map(|n| float(1.0 / n as f64))
        .collect();
    let array = array(&floats);
    let sum = || rt_par_reduce(array, float(0.0), Some(add), NIL);
    let first = sum();
    assert!((0..times(20, 3)).all(|_| sum() == first));
}

#[test]
fn for_each_meets_every_item_once() {
    for count in [0, 1, MANY] {
        let atomic = rt_atomic_new(0);
        let done = rt_par_for_each(numbers(count), Some(tally), int(atomic));
        assert_eq!(done, count);
        assert_eq!(rt_atomic_load(atomic), count * (count - 1) / 2);
        rt_atomic_free(atomic);
    }
}

static THREADS_SEEN: Mutex<Option<HashSet<ThreadId>>> = Mutex::new(None);

extern "C" fn note_thread(_: RuntimeValue, _: RuntimeValue) {
    let id = thread::current().id();
    THREADS_SEEN
        .lock()
        .unwrap()
        .get_or_insert_with(HashSet::new)
        .insert(id);
    thread::sleep(std::time::Duration::from_millis(1));
}

#[test]
fn several_threads_take_part() {
    // Other tests may have taken the helpers for the moment.
    for _ in 0..50 {
        assert_eq!(rt_par_for_each(numbers(64), Some(note_thread), NIL), 64);
        if THREADS_SEEN.lock().unwrap().as_ref().unwrap().len() > 1 {
            return;
        }
    }
    panic!("one thread did everything");
}

extern "C" fn triangle(item: RuntimeValue, _: RuntimeValue) -> RuntimeValue {
    let inner = rt_par_map(numbers(rt_value_as_int(item)), Some(scale), int(2));
    rt_par_reduce(inner, int(0), Some(add), NIL)
}

#[test]
fn loops_may_be_nested_and_run_at_the_same_time() {
    let count = times(150, 20);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let sums = rt_par_map(numbers(count), Some(triangle), NIL);
                assert!((0..count).map(|n| n * (n - 1)).eq(ints(sums)));
            });
        }
    });
}

static DEEPEST: AtomicI64 = AtomicI64::new(0);

extern "C" fn dive(depth: RuntimeValue, _: RuntimeValue) -> RuntimeValue {
    let depth = rt_value_as_int(depth) + 1;
    DEEPEST.fetch_max(depth, SeqCst);
    rt_par_map(array(&[int(depth)]), Some(dive), NIL)
}

#[test]
fn endless_nesting_ends() {
    rt_par_map(array(&[int(0)]), Some(dive), NIL);
    assert_eq!(DEEPEST.load(SeqCst), 200);
    assert_eq!(take_error(), 12);
}

extern "C" fn spoil(item: RuntimeValue, array: RuntimeValue) -> RuntimeValue {
    rt_array_clear(array);
    item
}

#[test]
fn the_function_may_change_the_array() {
    let array = numbers(500);
    let mapped = rt_par_map(array, Some(spoil), array);
    assert!((0..500).eq(ints(mapped)));
    assert_eq!(rt_array_len(array), 0);
}

#[test]
fn bad_arguments_are_refused() {
    let fine = numbers(3);
    assert_eq!(rt_par_map(fine, None, NIL), NIL);
    assert_eq!(take_error(), 11);
    assert_eq!(rt_par_filter(fine, None, NIL), NIL);
    assert_eq!(take_error(), 11);
    assert_eq!(rt_par_reduce(fine, int(1), None, NIL), NIL);
    assert_eq!(take_error(), 11);
    assert_eq!(rt_par_for_each(fine, None, NIL), -1);
    assert_eq!(take_error(), 11);
    for bad in strangers().into_iter().chain([text("abc"), tuple(&[])]) {
        assert_eq!(rt_par_map(bad, Some(scale), NIL), NIL);
        assert_eq!(take_error(), 3);
        assert_eq!(rt_par_filter(bad, Some(scale), NIL), NIL);
        assert_eq!(rt_par_reduce(bad, int(1), Some(add), NIL), NIL);
        assert_eq!(rt_par_for_each(bad, Some(tally), NIL), -1);
        assert_eq!(take_error(), 3);
    }
}
