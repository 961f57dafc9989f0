//! Generators: the protocol between step and caller, and what breaks it.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;

use native_ref::value::ffi::*;

use crate::support::*;

fn slot_int(generator: i64, slot: i64) -> i64 {
    rt_value_as_int(rt_generator_get_slot(generator, slot))
}

/// Counts slot 0 up to slot 1.
extern "C" fn count(generator: i64) {
    let next = slot_int(generator, 0);
    if next < slot_int(generator, 1) {
        assert!(rt_generator_set_slot(generator, 0, int(next + 1)));
        assert!(rt_generator_yield(generator, int(next)));
    }
}

fn counter(limit: i64) -> i64 {
    let generator = rt_generator_new(Some(count), 2);
    assert!(rt_generator_set_slot(generator, 0, int(0)));
    assert!(rt_generator_set_slot(generator, 1, int(limit)));
    generator
}

#[test]
fn they_run_to_exhaustion_and_stay_there() {
    let count = times(1_000, 50);
    let generator = counter(count);
    rt_error_clear();
    for expected in 0..count {
        assert_eq!(rt_generator_next(generator), int(expected));
        assert!(!rt_generator_is_done(generator));
    }
    for _ in 0..3 {
        assert_eq!(rt_generator_next(generator), NIL);
        assert!(rt_generator_is_done(generator));
    }
    assert_eq!(take_error(), 0);
    // Exhausted for good, even if the state would allow more.
    assert!(rt_generator_set_slot(generator, 1, int(2 * count)));
    assert_eq!(rt_generator_next(generator), NIL);
    assert!(rt_generator_free(generator) && !rt_generator_free(generator));
}

/// Two sums in a state machine with three states: 0 start, 1 after the first, 2 at the end.
extern "C" fn sums(generator: i64) {
    match slot_int(generator, 0) {
        0 => {
            rt_generator_set_slot(generator, 0, int(1));
            rt_generator_yield(generator, NIL);
        }
        1 => {
            rt_generator_set_slot(generator, 0, int(2));
            let sum = slot_int(generator, 1) + slot_int(generator, 2);
            rt_generator_yield(generator, int(sum));
        }
        _ => {}
    }
}

#[test]
fn a_nil_that_was_yielded_is_no_end() {
    let generator = rt_generator_new(Some(sums), 3);
    assert_eq!(rt_generator_get_slot(generator, 2), NIL);
    rt_generator_set_slot(generator, 1, int(40));
    rt_generator_set_slot(generator, 2, int(2));
    assert_eq!(rt_generator_next(generator), NIL);
    assert!(!rt_generator_is_done(generator));
    assert_eq!(rt_generator_next(generator), int(42));
    assert_eq!(rt_generator_next(generator), NIL);
    assert!(rt_generator_is_done(generator));
    rt_generator_free(generator);
}

#[test]
fn interleaved_generators_do_not_meet() {
    let (one, two) = (counter(3), counter(5));
    let mut seen = Vec::new();
    while !(rt_generator_is_done(one) && rt_generator_is_done(two)) {
        for generator in [one, two] {
            let value = rt_generator_next(generator);
            seen.extend(value.as_int());
        }
    }
    assert_eq!(seen, [0, 0, 1, 1, 2, 2, 3, 4]);
    rt_generator_free(one);
    rt_generator_free(two);
}

extern "C" fn greedy(generator: i64) {
    assert_eq!(rt_generator_next(generator), NIL);
    assert_eq!(take_error(), 11);
    let elsewhere = thread::spawn(move || {
        assert_eq!(rt_generator_next(generator), NIL);
        assert!(!rt_generator_yield(generator, int(1)));
        take_error()
    });
    assert_eq!(elsewhere.join().unwrap(), 11);
    assert!(rt_generator_yield(generator, int(7)));
    assert!(!rt_generator_yield(generator, int(8)));
    assert_eq!(take_error(), 11);
}

#[test]
fn a_step_runs_once_at_a_time_and_yields_once() {
    let generator = rt_generator_new(Some(greedy), 0);
    assert!(!rt_generator_yield(generator, int(1)));
    assert_eq!(rt_generator_next(generator), int(7));
    assert!(!rt_generator_yield(generator, int(1)));
    assert_eq!(rt_generator_next(generator), int(7));
    rt_generator_free(generator);
}

extern "C" fn suicidal(generator: i64) {
    assert!(rt_generator_free(generator));
    assert!(!rt_generator_yield(generator, int(1)));
    assert_eq!(rt_generator_get_slot(generator, 0), NIL);
    assert!(!rt_generator_set_slot(generator, 0, NIL));
}

#[test]
fn a_step_may_free_its_generator() {
    let generator = rt_generator_new(Some(suicidal), 1);
    assert_eq!(rt_generator_next(generator), NIL);
    assert!(rt_generator_is_done(generator));
    assert_eq!(rt_generator_next(generator), NIL);
    assert_eq!(take_error(), 11);
}

static DEEPEST: AtomicI64 = AtomicI64::new(0);

/// Makes a generator like itself and asks that one.
extern "C" fn deeper(generator: i64) {
    let depth = slot_int(generator, 0) + 1;
    DEEPEST.fetch_max(depth, SeqCst);
    let inner = rt_generator_new(Some(deeper), 1);
    rt_generator_set_slot(inner, 0, int(depth));
    rt_generator_yield(generator, rt_generator_next(inner));
    rt_generator_free(inner);
}

#[test]
fn endless_nesting_ends() {
    let generator = rt_generator_new(Some(deeper), 1);
    assert_eq!(rt_generator_next(generator), NIL);
    assert_eq!(take_error(), 12);
    assert_eq!(DEEPEST.load(SeqCst), 200);
    rt_generator_free(generator);
}

#[test]
fn bad_arguments_are_refused() {
    assert_eq!(rt_generator_new(None, 1), 0);
    assert_eq!(take_error(), 11);
    for slots in [-1, i64::MIN, i64::MAX, 1 << 40] {
        assert_eq!(rt_generator_new(Some(count), slots), 0);
        assert_eq!(take_error(), 4);
    }
    let generator = rt_generator_new(Some(count), 2);
    for slot in [-1, 2, i64::MIN, i64::MAX] {
        assert_eq!(rt_generator_get_slot(generator, slot), NIL);
        assert_eq!(take_error(), 4);
        assert!(!rt_generator_set_slot(generator, slot, NIL));
    }
    rt_generator_free(generator);
    for bad in BAD_HANDLES.into_iter().chain([generator]) {
        rt_error_clear();
        assert_eq!(rt_generator_next(bad), NIL);
        assert_eq!(take_error(), 11);
        assert!(!rt_generator_yield(bad, NIL) && rt_generator_is_done(bad));
        assert_eq!(rt_generator_get_slot(bad, 0), NIL);
        assert!(!rt_generator_set_slot(bad, 0, NIL) && !rt_generator_free(bad));
    }
}
