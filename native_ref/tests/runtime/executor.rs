//! The executor, by hand and with workers. It belongs to the whole process: one test at a time.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

const THREADED: i64 = 0;
const MANUAL: i64 = 1;

/// Leaves the executor as it is in a new process, after a failure too.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        rt_executor_shutdown(1_000);
        rt_executor_set_mode(THREADED);
        rt_error_clear();
    }
}

/// Runs a test with the executor in a mode.
fn with_executor(mode: i64, test: impl FnOnce()) {
    let _guard = process_lock();
    let _restored = Restored;
    assert!(rt_executor_set_mode(mode));
    assert_eq!(rt_executor_pending_count(), 0);
    test();
    assert!(rt_executor_shutdown(-1));
    assert_eq!(rt_executor_pending_count(), 0);
}

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

fn wait_for(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_micros(200));
    }
}

extern "C" fn bump(atomic: RuntimeValue) -> RuntimeValue {
    int(rt_atomic_fetch_add(rt_value_as_int(atomic), 1) + 1)
}

extern "C" fn awaits(future: RuntimeValue) -> RuntimeValue {
    rt_future_await(rt_value_as_int(future), -1)
}

extern "C" fn give(value: RuntimeValue) -> RuntimeValue {
    value
}

#[test]
fn by_hand_one_after_the_other() {
    with_executor(MANUAL, || {
        assert!(rt_executor_is_manual());
        assert_eq!(rt_executor_get_mode(), MANUAL);
        assert!(rt_executor_start() && rt_executor_start());
        assert_eq!((rt_executor_poll(), rt_executor_poll_all()), (-1, 0));
        let atomic = rt_atomic_new(0);
        let futures: Vec<_> = (0..10)
            .map(|_| rt_future_new(Some(bump), int(atomic)))
            .collect();
        for (n, &future) in futures.iter().enumerate() {
            assert!(rt_executor_submit(future) && !rt_executor_submit(future));
            assert_eq!(take_error(), 11);
            assert_eq!(rt_executor_pending_count(), n as i64 + 1);
        }
        thread::sleep(Duration::from_millis(5));
        assert_eq!(rt_atomic_load(atomic), 0);
        assert_eq!(rt_executor_poll(), 1);
        assert_eq!(
            (rt_atomic_load(atomic), rt_executor_pending_count()),
            (1, 9)
        );
        assert!(rt_future_is_ready(futures[0]) && !rt_future_is_ready(futures[1]));
        // Awaiting does not wait for the turn; the executor finds it done.
        assert_eq!(rt_future_await(futures[9], -1), int(2));
        assert_eq!(rt_executor_poll_all(), 9);
        assert_eq!(
            (rt_atomic_load(atomic), rt_executor_pending_count()),
            (10, 0)
        );
        assert_eq!(rt_executor_poll(), -1);
        assert!(!rt_executor_submit(futures[0]));
        assert_eq!(take_error(), 11);
    });
}

extern "C" fn submits_more(left: RuntimeValue) -> RuntimeValue {
    let left = rt_value_as_int(left);
    if left > 0 {
        assert!(rt_executor_submit(rt_future_new(
            Some(submits_more),
            int(left - 1)
        )));
        assert_eq!(rt_executor_pending_count(), 2);
    }
    NIL
}

#[test]
fn what_is_submitted_meanwhile_is_run_too() {
    with_executor(MANUAL, || {
        assert!(rt_executor_submit(rt_future_new(
            Some(submits_more),
            int(50)
        )));
        assert_eq!(rt_executor_poll_all(), 51);
    });
}

#[test]
fn who_has_to_wait_is_put_aside() {
    with_executor(MANUAL, || {
        let (slow, fast) = (promise(), rt_future_new(Some(give), int(2)));
        let all = rt_future_all(handles(&[slow, fast]));
        let race = rt_future_race(handles(&[slow, promise()]));
        assert!(rt_executor_submit(all) && rt_executor_submit(race));
        assert_eq!((rt_executor_poll(), rt_executor_poll()), (0, 0));
        // Nothing to run, but two that are not ready.
        assert_eq!((rt_executor_poll(), rt_executor_pending_count()), (-1, 2));
        assert_eq!(rt_executor_poll_all(), 0);
        assert!(rt_future_is_ready(fast));
        assert!(rt_future_resolve(slow, int(1)));
        assert_eq!(rt_executor_pending_count(), 2);
        assert_eq!(rt_executor_poll_all(), 2);
        assert_eq!(show(rt_future_await(all, 0)), "[1, 2]");
        assert_eq!(rt_future_await(race, 0), int(1));
        // One that is resolved from outside while it is put aside.
        let all = rt_future_all(handles(&[promise()]));
        assert!(rt_executor_submit(all));
        assert_eq!(rt_executor_poll(), 0);
        assert!(rt_future_resolve(all, int(3)));
        assert_eq!(rt_executor_poll(), 1);
        // A promise has nothing to run.
        assert!(!rt_executor_submit(promise()));
        assert_eq!(take_error(), 11);
    });
}

extern "C" fn polls(_: RuntimeValue) -> RuntimeValue {
    assert!(!rt_executor_set_mode(7));
    int(rt_executor_poll_all())
}

#[test]
fn polling_may_be_nested() {
    with_executor(MANUAL, || {
        let first = rt_future_new(Some(polls), NIL);
        assert!(rt_executor_submit(first));
        // Queued and being run on this very thread: put aside, not waited for.
        let all = rt_future_all(handles(&[first]));
        assert!(rt_executor_submit(all));
        let last = rt_future_new(Some(give), int(1));
        assert!(rt_executor_submit(last));
        assert_eq!(rt_executor_poll(), 1);
        assert_eq!(rt_future_await(first, 0), int(1));
        assert_eq!(rt_executor_pending_count(), 1);
        assert_eq!(rt_executor_poll(), 1);
        assert!(rt_future_is_ready(all));
        for _ in 0..times(300, 30) {
            assert!(rt_executor_submit(rt_future_new(Some(polls), NIL)));
        }
        assert!(rt_executor_poll_all() > 0);
        assert_eq!(rt_executor_pending_count(), 0);
    });
}

#[test]
fn workers_run_what_is_submitted() {
    with_executor(THREADED, || {
        let atomic = rt_atomic_new(0);
        let submit = || {
            let future = rt_future_new(Some(bump), int(atomic));
            assert!(rt_executor_submit(future));
            future
        };
        let each = times(250, 10);
        let before: Vec<_> = (0..10).map(|_| submit()).collect();
        assert_eq!(rt_executor_pending_count(), 10);
        // Not by hand in this mode.
        assert_eq!((rt_executor_poll(), rt_executor_poll_all()), (-1, -1));
        assert_eq!(rt_atomic_load(atomic), 0);
        assert!(rt_executor_set_workers(4));
        assert!(rt_executor_start() && !rt_executor_start());
        assert!(!rt_executor_set_mode(MANUAL) && !rt_executor_set_workers(2));
        assert!(!rt_executor_is_manual());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..each).for_each(|_| assert!(submit() > 0)));
            }
        });
        wait_for(|| rt_executor_pending_count() == 0);
        assert_eq!(rt_atomic_load(atomic), 10 + 4 * each);
        assert!(before.iter().all(|&future| rt_future_is_ready(future)));
        // Again after a shutdown.
        assert!(rt_executor_shutdown(-1) && rt_executor_shutdown(0));
        submit();
        assert_eq!(rt_executor_pending_count(), 1);
        assert!(rt_executor_start());
        wait_for(|| rt_executor_pending_count() == 0);
        assert_eq!(rt_atomic_load(atomic), 11 + 4 * each);
    });
}

#[test]
fn workers_do_not_block_on_promises() {
    with_executor(THREADED, || {
        assert!(rt_executor_set_workers(1) && rt_executor_start());
        let promises: Vec<_> = (0..20).map(|_| promise()).collect();
        let alls: Vec<_> = promises
            .iter()
            .map(|&promise| rt_future_all(handles(&[promise])))
            .collect();
        for &all in &alls {
            assert!(rt_executor_submit(all));
        }
        let last = rt_future_new(Some(give), int(7));
        assert!(rt_executor_submit(last));
        // It is ready a moment before it is no longer counted as running.
        wait_for(|| rt_future_is_ready(last) && rt_executor_pending_count() == 20);
        for (n, &promise) in promises.iter().enumerate() {
            assert!(rt_future_resolve(promise, int(n as i64)));
        }
        wait_for(|| rt_executor_pending_count() == 0);
        for (n, &all) in alls.iter().enumerate() {
            assert_eq!(show(rt_future_await(all, 0)), format!("[{n}]"));
        }
    });
}

#[test]
fn a_race_is_run_by_the_workers() {
    with_executor(THREADED, || {
        assert!(rt_executor_set_workers(2) && rt_executor_start());
        let never = promise();
        let slow = rt_future_new(Some(awaits), int(never));
        let fast = rt_future_new(Some(give), text("fast"));
        let race = rt_future_race(handles(&[slow, fast]));
        assert_eq!(read(rt_future_await(race, -1)), "fast");
        assert!(!rt_future_is_ready(slow));
        assert!(rt_future_resolve(never, NIL));
        wait_for(|| rt_executor_pending_count() == 0);
        // On a worker the race is run where it is, since that may be the only worker.
        let parts = [0; 2].map(|n| rt_future_new(Some(give), int(n)));
        let outer = rt_future_new(Some(awaits), int(rt_future_race(handles(&parts))));
        assert!(rt_executor_submit(outer));
        // Awaiting it before a worker has begun would run it on this thread, as a race of workers.
        wait_for(|| rt_future_is_ready(outer));
        assert_eq!(rt_future_await(outer, 0), int(0));
    });
}

static AT_GATE: AtomicI64 = AtomicI64::new(0);

extern "C" fn awaits_gate(gate: RuntimeValue) -> RuntimeValue {
    AT_GATE.fetch_add(1, SeqCst);
    awaits(gate)
}

#[test]
fn a_shutdown_gives_waiting_threads_their_work_back() {
    with_executor(THREADED, || {
        assert!(rt_executor_set_workers(1) && rt_executor_start());
        let (gate, before) = (promise(), AT_GATE.load(SeqCst));
        let busy = rt_future_new(Some(awaits_gate), int(gate));
        assert!(rt_executor_submit(busy));
        // The only worker waits for the gate; the race cannot go on either.
        wait_for(|| AT_GATE.load(SeqCst) > before);
        let race = rt_future_race(handles(&[rt_future_new(Some(give), int(4))]));
        let racer = thread::spawn(move || rt_future_await(race, -1));
        wait_for(|| rt_executor_pending_count() == 2);
        assert!(!rt_executor_shutdown(10));
        assert_eq!(racer.join().unwrap(), int(4));
        assert_eq!(rt_executor_pending_count(), 1);
        assert!(rt_future_resolve(gate, int(1)));
        assert!(rt_executor_shutdown(-1));
        assert_eq!(rt_future_await(busy, -1), int(1));
    });
}

#[test]
fn a_shutdown_forgets_what_a_worker_cannot_finish() {
    with_executor(THREADED, || {
        assert!(rt_executor_set_workers(1) && rt_executor_start());
        let (gate, never, before) = (promise(), promise(), AT_GATE.load(SeqCst));
        let busy = rt_future_new(Some(awaits_gate), int(gate));
        let all = rt_future_all(handles(&[busy, never]));
        assert!(rt_executor_submit(all));
        wait_for(|| AT_GATE.load(SeqCst) > before);
        // Once through the gate the worker finds that the other part is not ready.
        let shutdown = thread::spawn(|| rt_executor_shutdown(-1));
        wait_for(|| rt_executor_set_workers(1));
        assert!(rt_future_resolve(gate, int(1)));
        assert!(shutdown.join().unwrap());
        assert_eq!(rt_executor_pending_count(), 0);
        // It is lazy as before.
        assert!(rt_future_resolve(never, int(2)));
        assert!(rt_executor_submit(all) && rt_executor_start());
        wait_for(|| rt_executor_pending_count() == 0);
        assert_eq!(show(rt_future_await(all, 0)), "[1, 2]");
    });
}

extern "C" fn shuts_down(_: RuntimeValue) -> RuntimeValue {
    rt_value_bool(rt_executor_shutdown(-1))
}

#[test]
fn a_worker_may_shut_its_executor_down() {
    with_executor(THREADED, || {
        assert!(rt_executor_set_workers(3) && rt_executor_start());
        let futures = [0; 3].map(|_| rt_future_new(Some(shuts_down), NIL));
        for future in futures {
            rt_executor_submit(future);
        }
        wait_for(|| futures.iter().any(|&future| rt_future_is_ready(future)));
        assert!(rt_executor_shutdown(-1));
        for future in futures {
            // Those that a worker ran did not wait for that worker.
            let ended = rt_future_is_ready(future);
            let result = rt_future_await(future, -1);
            assert!(!ended || result == rt_value_bool(false));
        }
    });
}

#[test]
fn a_shutdown_forgets_what_was_not_begun() {
    with_executor(MANUAL, || {
        let atomic = rt_atomic_new(0);
        let futures = [0; 5].map(|_| rt_future_new(Some(bump), int(atomic)));
        let parked = rt_future_all(handles(&[promise()]));
        assert!(rt_executor_submit(parked));
        assert_eq!(rt_executor_poll(), 0);
        for future in futures {
            assert!(rt_executor_submit(future));
        }
        assert_eq!(rt_executor_pending_count(), 6);
        assert!(rt_executor_shutdown(0));
        assert_eq!(
            (rt_executor_pending_count(), rt_executor_poll_all()),
            (0, 0)
        );
        assert_eq!(rt_atomic_load(atomic), 0);
        // They are lazy as before.
        assert!(rt_executor_submit(futures[0]));
        assert_eq!(rt_executor_poll_all(), 1);
        assert_eq!(rt_future_await(futures[4], -1), int(2));
    });
}

static ROUNDS: AtomicI64 = AtomicI64::new(0);

extern "C" fn note_round(_: RuntimeValue) -> RuntimeValue {
    int(ROUNDS.fetch_add(1, SeqCst))
}

#[test]
fn starting_and_stopping_loses_nothing() {
    with_executor(THREADED, || {
        let (stop, rounds) = (rt_atomic_new(0), times(200, 5));
        thread::scope(|scope| {
            scope.spawn(|| {
                while rt_atomic_load(stop) == 0 {
                    rt_executor_start();
                    thread::yield_now();
                    rt_executor_shutdown(-1);
                }
            });
            let awaiting: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..rounds {
                            let parts = [0; 3].map(|_| rt_future_new(Some(note_round), NIL));
                            rt_executor_submit(parts[1]);
                            let race = rt_future_race(handles(&parts));
                            assert!(rt_future_await(race, -1).is_int());
                            let all = rt_future_all(handles(&parts));
                            assert_eq!(rt_array_len(rt_future_await(all, -1)), 3);
                        }
                    })
                })
                .collect();
            for thread in awaiting {
                thread.join().unwrap();
            }
            rt_atomic_store(stop, 1);
        });
        assert_eq!(ROUNDS.load(SeqCst), 3 * rounds * 3);
        rt_executor_shutdown(-1);
    });
}

#[test]
fn bad_arguments_are_refused() {
    with_executor(THREADED, || {
        for mode in [-1, 2, i64::MIN, i64::MAX] {
            assert!(!rt_executor_set_mode(mode));
        }
        assert_eq!(rt_executor_get_mode(), THREADED);
        for count in [0, -1, 65, i64::MIN, i64::MAX, 1 << 40] {
            assert!(!rt_executor_set_workers(count));
        }
        for bad in BAD_HANDLES {
            assert!(!rt_executor_submit(bad));
            assert_eq!(take_error(), 11);
        }
        assert!(rt_executor_shutdown(i64::MAX) && rt_executor_shutdown(i64::MIN));
    });
}
