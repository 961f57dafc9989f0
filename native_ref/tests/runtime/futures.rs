//! Futures without an executor that runs.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

/// An array of handles.
fn handles(futures: &[i64]) -> RuntimeValue {
    array(
        &futures
            .iter()
            .map(|&future| int(future))
            .collect::<Vec<_>>(),
    )
}

fn promise() -> i64 {
    rt_future_new(None, NIL)
}

/// Adds one to an atomic integer and gives the sum.
extern "C" fn bump(atomic: RuntimeValue) -> RuntimeValue {
    int(rt_atomic_fetch_add(rt_value_as_int(atomic), 1) + 1)
}

extern "C" fn square(argument: RuntimeValue) -> RuntimeValue {
    int(rt_value_as_int(argument).pow(2))
}

extern "C" fn awaits(future: RuntimeValue) -> RuntimeValue {
    rt_future_await(rt_value_as_int(future), -1)
}

#[test]
fn a_future_is_lazy_until_awaited_and_runs_once() {
    let atomic = rt_atomic_new(0);
    let future = rt_future_new(Some(bump), int(atomic));
    thread::sleep(Duration::from_millis(10));
    assert!(!rt_future_is_ready(future));
    assert_eq!(rt_atomic_load(atomic), 0);
    for _ in 0..3 {
        assert_eq!(rt_future_await(future, 0), int(1));
        assert!(rt_future_is_ready(future));
    }
    assert_eq!(rt_atomic_load(atomic), 1);
    // One that nobody awaits never runs.
    assert!(rt_future_free(rt_future_new(Some(bump), int(atomic))));
    assert_eq!(rt_atomic_load(atomic), 1);
    assert!(rt_future_free(future) && !rt_future_free(future));
}

#[test]
fn many_threads_await_one_future() {
    let atomic = rt_atomic_new(0);
    let future = rt_future_new(Some(bump), int(atomic));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || assert_eq!(rt_future_await(future, -1), int(1)));
        }
    });
    assert_eq!(rt_atomic_load(atomic), 1);
    rt_future_free(future);
}

#[test]
fn a_promise_is_resolved_once() {
    let future = promise();
    assert!(!rt_future_is_ready(future));
    assert_eq!(rt_future_await(future, 0), NIL);
    assert_eq!(take_error(), 4);
    let begun = Instant::now();
    assert_eq!(rt_future_await(future, 20), NIL);
    assert!(begun.elapsed() >= Duration::from_millis(20));
    let waiters: Vec<_> = (0..4)
        .map(|_| thread::spawn(move || rt_future_await(future, -1)))
        .collect();
    thread::sleep(Duration::from_millis(10));
    assert!(rt_future_resolve(future, int(5)));
    assert!(!rt_future_resolve(future, int(6)));
    assert_eq!(take_error(), 11);
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap(), int(5));
    }
    rt_future_free(future);
}

#[test]
fn a_lazy_future_that_is_resolved_never_runs() {
    let atomic = rt_atomic_new(0);
    let future = rt_future_new(Some(bump), int(atomic));
    assert!(rt_future_resolve(future, text("by hand")));
    assert_eq!(read(rt_future_await(future, -1)), "by hand");
    assert_eq!(rt_atomic_load(atomic), 0);
    rt_future_free(future);
}

#[test]
fn a_freed_promise_fails_for_who_waits() {
    let future = promise();
    let waiter = thread::spawn(move || (rt_future_await(future, -1), take_error()));
    thread::sleep(Duration::from_millis(10));
    let both = rt_future_all(handles(&[future]));
    assert!(rt_future_free(future));
    assert_eq!(waiter.join().unwrap(), (NIL, 11));
    assert_eq!(rt_future_await(both, -1), NIL);
    assert_eq!(take_error(), 11);
    rt_future_free(both);
}

#[test]
fn all_gives_the_values_in_order() {
    let futures: Vec<_> = (0..100)
        .map(|n| rt_future_new(Some(square), int(n)))
        .collect();
    let all = rt_future_all(handles(&futures));
    assert!(!rt_future_is_ready(all) && !rt_future_is_ready(futures[0]));
    // It keeps its parts.
    futures[50..]
        .iter()
        .for_each(|&future| assert!(rt_future_free(future)));
    let values = rt_future_await(all, -1);
    assert_eq!(rt_array_len(values), 100);
    assert!((0..100).all(|n| rt_array_get(values, n) == int(n * n)));
    assert_eq!(rt_future_await(futures[7], 0), int(49));
    assert_eq!(rt_future_await(all, 0), values);
    let none = rt_future_all(rt_array_new(0));
    assert_eq!(rt_array_len(rt_future_await(none, 0)), 0);
    let twice = rt_future_all(handles(&[futures[2], all, futures[2]]));
    assert!(rt_future_is_ready(twice));
    assert!(rt_value_eq(
        rt_future_await(twice, 0),
        array(&[int(4), values, int(4)])
    ));
}

#[test]
fn all_waits_for_what_others_do() {
    let (slow, atomic) = (promise(), rt_atomic_new(0));
    let lazy = rt_future_new(Some(bump), int(atomic));
    let all = rt_future_all(handles(&[slow, lazy]));
    assert_eq!(rt_future_await(all, 5), NIL);
    assert_eq!(take_error(), 4);
    // What could be done was done, once.
    assert_eq!(rt_atomic_load(atomic), 1);
    let waiters: Vec<_> = (0..4)
        .map(|_| thread::spawn(move || show(rt_future_await(all, -1))))
        .collect();
    thread::sleep(Duration::from_millis(10));
    assert!(rt_future_resolve(slow, int(9)));
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap(), "[9, 1]");
    }
    assert_eq!(rt_atomic_load(atomic), 1);
}

#[test]
fn a_race_has_one_winner() {
    let _guard = process_lock();
    let atomic = rt_atomic_new(0);
    let lazies = [0; 3].map(|_| rt_future_new(Some(bump), int(atomic)));
    // Without workers the first that can be run wins, and the others are not run.
    let race = rt_future_race(handles(&[promise(), lazies[0], lazies[1]]));
    assert!(!rt_future_is_ready(race));
    assert_eq!(rt_future_await(race, -1), int(1));
    assert!(rt_future_is_ready(lazies[0]) && !rt_future_is_ready(lazies[1]));
    // One that is ready wins over those that would have to be run.
    let ready = promise();
    rt_future_resolve(ready, text("ready"));
    let race = rt_future_race(handles(&[lazies[2], ready]));
    assert!(rt_future_is_ready(race));
    assert_eq!(read(rt_future_await(race, -1)), "ready");
    assert_eq!(rt_atomic_load(atomic), 1);
    // Among promises the one that is resolved first wins.
    let promises = [0; 3].map(|_| promise());
    let race = rt_future_race(handles(&promises));
    assert_eq!(rt_future_await(race, 5), NIL);
    assert_eq!(take_error(), 4);
    let waiter = thread::spawn(move || rt_future_await(race, -1));
    thread::sleep(Duration::from_millis(10));
    assert!(rt_future_free(promises[0]));
    assert!(rt_future_resolve(promises[2], int(2)));
    assert_eq!(waiter.join().unwrap(), int(2));
    assert!(rt_future_resolve(promises[1], int(1)));
    assert_eq!(rt_future_await(race, -1), int(2));
    // If all fail the race fails.
    let last = promise();
    let race = rt_future_race(handles(&[last]));
    rt_future_free(last);
    assert_eq!(rt_future_await(race, -1), NIL);
    assert_eq!(take_error(), 11);
}

static SELF: AtomicI64 = AtomicI64::new(0);

extern "C" fn awaits_itself(_: RuntimeValue) -> RuntimeValue {
    let me = SELF.load(SeqCst);
    assert_eq!(rt_future_await(me, -1), NIL);
    assert!(!rt_future_is_ready(me) && !rt_future_resolve(me, NIL));
    take_error();
    let all = rt_future_all(handles(&[me]));
    assert_eq!(rt_future_await(all, -1), NIL);
    int(take_error())
}

#[test]
fn a_future_does_not_wait_for_itself() {
    SELF.store(rt_future_new(Some(awaits_itself), NIL), SeqCst);
    assert_eq!(rt_future_await(SELF.load(SeqCst), -1), int(11));
}

static CIRCLE: [AtomicI64; 3] = [AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0)];
static BEGUN: AtomicI64 = AtomicI64::new(0);

/// Awaits the next future in the circle when all three are running.
extern "C" fn awaits_next(place: RuntimeValue) -> RuntimeValue {
    let place = rt_value_as_int(place) as usize;
    BEGUN.fetch_add(1, SeqCst);
    while BEGUN.load(SeqCst) < 3 {
        thread::yield_now();
    }
    rt_error_clear();
    let next = rt_future_await(CIRCLE[(place + 1) % 3].load(SeqCst), -1);
    match take_error() {
        11 => int(1000),
        _ => int(rt_value_as_int(next) + 1),
    }
}

#[test]
fn futures_on_several_threads_do_not_wait_in_a_circle() {
    for (place, future) in CIRCLE.iter().enumerate() {
        future.store(rt_future_new(Some(awaits_next), int(place as i64)), SeqCst);
    }
    let mut results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = CIRCLE
            .iter()
            .map(|future| scope.spawn(|| rt_future_await(future.load(SeqCst), -1).as_int()))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    // One of them found the circle out, and the others went on with what it gave.
    results.sort();
    assert_eq!(results, [Some(1000), Some(1001), Some(1002)]);
}

#[test]
fn chains_end_before_the_stack_does() {
    let mut future = rt_future_new(Some(square), int(3));
    for _ in 1..200 {
        future = rt_future_new(Some(awaits), int(future));
    }
    assert_eq!(rt_future_await(future, -1), int(9));
    let mut future = rt_future_new(Some(square), int(3));
    for _ in 0..times(1_000, 210) {
        future = rt_future_new(Some(awaits), int(future));
    }
    assert_eq!(rt_future_await(future, -1), NIL);
    assert_eq!(take_error(), 12);
}

#[test]
fn futures_of_futures_have_limits() {
    let start = promise();
    let mut future = start;
    for _ in 0..64 {
        future = rt_future_all(handles(&[future]));
    }
    let too_deep = handles(&[future]);
    assert_eq!((rt_future_all(too_deep), rt_future_race(too_deep)), (0, 0));
    assert_eq!(take_error(), 12);
    assert_eq!(rt_future_await(future, 0), NIL);
    rt_future_resolve(start, int(1));
    let mut value = rt_future_await(future, 0);
    for _ in 0..64 {
        value = rt_array_get(value, 0);
    }
    assert_eq!(value, int(1));
    // Twice the same part doubles the work; that has an end too.
    let mut doubled = promise();
    let mut levels = 0;
    while doubled != 0 && levels < times(i64::MAX, 8) {
        assert_eq!(rt_future_await(doubled, 0), NIL);
        doubled = rt_future_all(handles(&[doubled, doubled]));
        levels += 1;
    }
    assert_eq!(levels, times(20, 8));
}

#[test]
fn bad_arguments_are_refused() {
    let gone = promise();
    rt_future_free(gone);
    for bad in BAD_HANDLES.into_iter().chain([gone, rt_atomic_new(1)]) {
        assert_eq!(rt_future_await(bad, -1), NIL);
        assert_eq!(take_error(), 11);
        assert!(!rt_future_is_ready(bad) && !rt_future_resolve(bad, NIL));
        assert!(!rt_future_free(bad));
        let fine = promise();
        for future in [
            rt_future_all(handles(&[fine, bad])),
            rt_future_race(handles(&[bad, fine])),
        ] {
            assert_eq!(future, 0);
        }
        assert_eq!(take_error(), 11);
    }
    for bad in strangers() {
        assert_eq!((rt_future_all(bad), rt_future_race(bad)), (0, 0));
        assert_eq!(take_error(), 3);
        assert_eq!(rt_future_all(array(&[bad])), 0);
        assert!(matches!(take_error(), 3 | 11));
    }
    assert_eq!(rt_future_race(rt_array_new(0)), 0);
    assert_eq!(take_error(), 11);
}
