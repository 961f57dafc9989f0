//! Isolated threads.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

extern "C" fn double(argument: RuntimeValue) -> RuntimeValue {
    int(rt_value_as_int(argument) * 2)
}

extern "C" fn same(argument: RuntimeValue) -> RuntimeValue {
    argument
}

extern "C" fn pair(first: RuntimeValue, second: RuntimeValue) -> RuntimeValue {
    tuple(&[first, second])
}

/// The copy of a value that a thread gets.
fn copy(value: RuntimeValue) -> RuntimeValue {
    let thread = rt_thread_spawn_isolated(Some(same), value);
    let copy = rt_thread_join(thread, -1);
    assert!(rt_thread_free(thread));
    copy
}

#[test]
fn a_thread_gives_its_result_as_often_as_asked() {
    let threads: Vec<_> = (0..20)
        .map(|n| rt_thread_spawn_isolated(Some(double), int(n)))
        .collect();
    for (n, &thread) in threads.iter().enumerate() {
        assert_eq!(rt_thread_join(thread, -1), int(n as i64 * 2));
        assert!(rt_thread_is_done(thread));
        assert_eq!(rt_thread_join(thread, 0), int(n as i64 * 2));
    }
    let ids: std::collections::HashSet<_> = threads.iter().map(|&t| rt_thread_id(t)).collect();
    assert!(ids.len() == 20 && ids.iter().all(|&id| id > 0));
    for thread in threads {
        assert!(rt_thread_free(thread) && !rt_thread_free(thread));
    }
}

extern "C" fn waits_for(channel: RuntimeValue) -> RuntimeValue {
    rt_channel_recv(rt_value_as_int(channel), -1)
}

#[test]
fn joining_takes_no_longer_than_it_may() {
    let channel = rt_channel_new(0);
    let thread = rt_thread_spawn_isolated(Some(waits_for), int(channel));
    assert!(!rt_thread_is_done(thread));
    assert_eq!(rt_thread_join(thread, 0), NIL);
    assert_eq!(take_error(), 4);
    let begun = Instant::now();
    assert_eq!(rt_thread_join(thread, 20), NIL);
    assert!(begun.elapsed() >= Duration::from_millis(20));
    // Who waits when it is freed gets the result, who comes too late knows no such thread.
    let joiner = thread::spawn(move || (rt_thread_join(thread, -1), take_error()));
    thread::sleep(Duration::from_millis(20));
    assert!(rt_thread_free(thread));
    rt_channel_send(channel, int(6), 0);
    assert!([(int(6), 0), (NIL, 11)].contains(&joiner.join().unwrap()));
    rt_channel_free(channel);
}

extern "C" fn joins_itself(channel: RuntimeValue) -> RuntimeValue {
    let me = rt_channel_recv(rt_value_as_int(channel), -1);
    assert_eq!(rt_thread_join(rt_value_as_int(me), -1), NIL);
    int(take_error())
}

#[test]
fn a_thread_does_not_wait_for_itself() {
    let channel = rt_channel_new(0);
    let thread = rt_thread_spawn_isolated(Some(joins_itself), int(channel));
    rt_channel_send(channel, int(thread), 0);
    assert_eq!(rt_thread_join(thread, -1), int(11));
    rt_thread_free(thread);
    rt_channel_free(channel);
}

extern "C" fn pushes(argument: RuntimeValue) -> RuntimeValue {
    let inner = rt_array_get(argument, 0);
    rt_array_push(inner, int(99));
    argument
}

#[test]
fn a_thread_works_on_a_copy() {
    let inner = array(&[int(1), text("two")]);
    let outer = array(&[inner, inner]);
    let thread = rt_thread_spawn_isolated(Some(pushes), outer);
    let changed = rt_thread_join(thread, -1);
    assert_eq!(show(outer), "[[1, \"two\"], [1, \"two\"]]");
    // What was shared is shared in the copy.
    assert_eq!(show(changed), "[[1, \"two\", 99], [1, \"two\", 99]]");
    assert_eq!(rt_array_get(changed, 0), rt_array_get(changed, 1));
    assert_ne!(rt_array_get(changed, 0), inner);
    rt_thread_free(thread);
    // The copies outlive the originals.
    let name = text("name");
    let kept = copy(name);
    assert!(rt_heap_free(name));
    assert_eq!(read(kept), "name");
}

#[test]
fn everything_can_be_copied() {
    let object = rt_object_new(7, 2);
    rt_object_field_set(object, 0, text("field"));
    let payload = array(&[object, float(f64::INFINITY), int(i64::MIN)]);
    let variant = rt_enum_new(3, 1, rt_enum_new(4, 2, payload));
    let dict = rt_dict_new(0);
    let key = tuple(&[text("k"), rt_enum_new(1, 1, int(5))]);
    assert!(rt_dict_set(dict, key, variant) && rt_dict_set(dict, text("nil"), NIL));
    let whole = tuple(&[dict, variant, object]);
    let copied = copy(whole);
    assert!(rt_value_eq(whole, copied));
    assert_eq!(show(whole), show(copied));
    for part in 0..3 {
        assert_ne!(rt_tuple_get(whole, part), rt_tuple_get(copied, part));
    }
    assert_eq!(rt_object_class_id(rt_tuple_get(copied, 2)), 7);
    let copied_key = tuple(&[text("k"), rt_enum_new(1, 1, int(5))]);
    let found = rt_dict_get(rt_tuple_get(copied, 0), copied_key);
    assert_eq!(found, rt_tuple_get(copied, 1));

    let code = [0_u8; 1];
    let closure = rt_closure_new(code.as_ptr(), 1);
    rt_closure_set_capture(closure, 0, whole);
    let copied = copy(closure);
    assert_ne!(copied, closure);
    assert_eq!(rt_closure_func_ptr(copied), code.as_ptr());
    assert!(rt_value_eq(rt_closure_get_capture(copied, 0), whole));
    let unique = rt_unique_new(closure);
    // Keys that are only equal to themselves are found by their copies.
    let by_identity = rt_dict_new(0);
    rt_dict_set(by_identity, unique, unique);
    let copied = copy(by_identity);
    let copied_unique = rt_array_get(rt_dict_keys(copied), 0);
    assert_ne!(copied_unique, unique);
    assert_eq!(rt_dict_get(copied, copied_unique), copied_unique);
    assert_eq!(rt_dict_get(copied, unique), NIL);
    assert_ne!(rt_unique_get(copied_unique), closure);

    let block = rt_alloc(8);
    let pointer = rt_ptr_to_value(block);
    assert_eq!(copy(pointer), pointer);
    rt_free(block);
    for value in strangers() {
        assert_eq!(copy(value), value);
    }
}

#[test]
fn cycles_are_copied_as_cycles() {
    let array = array(&[NIL, NIL]);
    let variant = rt_enum_new(1, 2, array);
    rt_array_set(array, 0, array);
    rt_array_set(array, 1, variant);
    for (start, at) in [(array, 0), (variant, 1)] {
        let copied = copy(start);
        let copied = if at == 0 {
            copied
        } else {
            rt_enum_payload(copied)
        };
        assert_ne!(copied, array);
        assert_eq!(rt_array_get(copied, 0), copied);
        assert_eq!(rt_enum_payload(rt_array_get(copied, 1)), copied);
    }
}

#[test]
fn deep_values_are_copied_without_deep_calls() {
    let count = times(100_000, 50);
    let (mut list, mut variant) = (NIL, NIL);
    for _ in 0..count {
        list = array(&[list]);
        variant = rt_enum_new(1, 1, variant);
    }
    let mut copied = copy(tuple(&[list, variant]));
    assert_eq!(rt_tuple_len(copied), 2);
    let mut depth = 0;
    copied = rt_tuple_get(copied, 1);
    while copied != NIL {
        copied = rt_enum_payload(copied);
        depth += 1;
    }
    assert_eq!(depth, count);
}

#[test]
fn two_arguments_share_what_they_shared() {
    let shared = array(&[int(1)]);
    let thread = rt_thread_spawn_isolated2(Some(pair), shared, array(&[shared]));
    let both = rt_thread_join(thread, -1);
    let first = rt_tuple_get(both, 0);
    assert_eq!(rt_array_get(rt_tuple_get(both, 1), 0), first);
    assert_ne!(first, shared);
    rt_thread_free(thread);
}

static AWAKE: AtomicI64 = AtomicI64::new(0);

extern "C" fn naps(micros: RuntimeValue) -> RuntimeValue {
    let slept = rt_thread_sleep(rt_value_as_int(micros));
    AWAKE.fetch_add(1, SeqCst);
    rt_value_bool(slept)
}

#[test]
fn sleeping_has_limits() {
    assert!(rt_thread_available_parallelism() >= 1);
    rt_thread_yield();
    let begun = Instant::now();
    assert!(rt_thread_sleep(0) && rt_thread_sleep(2_000));
    assert!(begun.elapsed() >= Duration::from_millis(2));
    for micros in [-1, i64::MIN, i64::MAX, 3_600_000_001, 1 << 40] {
        assert!(!rt_thread_sleep(micros));
    }
    let thread = rt_thread_spawn_isolated(Some(naps), int(1_000));
    assert!(rt_thread_free(thread));
    while AWAKE.load(SeqCst) == 0 {
        thread::yield_now();
    }
}

#[test]
fn bad_arguments_are_refused() {
    assert_eq!(rt_thread_spawn_isolated(None, NIL), 0);
    assert_eq!(take_error(), 11);
    assert_eq!(rt_thread_spawn_isolated2(None, NIL, NIL), 0);
    assert_eq!(take_error(), 11);
    let gone = rt_thread_spawn_isolated(Some(same), NIL);
    rt_thread_free(gone);
    for bad in BAD_HANDLES.into_iter().chain([gone, rt_atomic_new(1)]) {
        assert_eq!(rt_thread_join(bad, -1), NIL);
        assert_eq!(take_error(), 11);
        assert!(!rt_thread_is_done(bad) && !rt_thread_free(bad));
        assert_eq!(rt_thread_id(bad), -1);
    }
}
