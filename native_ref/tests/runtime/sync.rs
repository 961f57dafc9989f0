//! Atomics, barriers, mutexes, readers-writer locks and semaphores.

use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;
use native_ref::value::RuntimeValue;

use crate::support::{times, BAD_HANDLES};

const NIL: RuntimeValue = RuntimeValue::NIL;

fn int(value: i64) -> RuntimeValue {
    RuntimeValue::from_int(value)
}

/// Waits until `ready`, for a minute at most.
fn wait_for(ready: impl Fn() -> bool) {
    let begun = Instant::now();
    while !ready() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing happened"
        );
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn atomics_return_the_value_before() {
    let cell = rt_atomic_new(5);
    assert_eq!(rt_atomic_load(cell), 5);
    assert!(rt_atomic_store(cell, 6));
    assert_eq!(rt_atomic_exchange(cell, 12), 6);
    assert!(!rt_atomic_compare_exchange(cell, 6, 0));
    assert!(rt_atomic_compare_exchange(cell, 12, 0b1100));
    assert_eq!(rt_atomic_fetch_and(cell, 0b0110), 0b1100);
    assert_eq!(rt_atomic_fetch_or(cell, 0b0011), 0b0100);
    assert_eq!(rt_atomic_fetch_sub(cell, 8), 7);
    assert_eq!(rt_atomic_load(cell), -1);
    rt_atomic_store(cell, i64::MAX);
    assert_eq!(rt_atomic_fetch_add(cell, 1), i64::MAX);
    assert_eq!(rt_atomic_fetch_sub(cell, 1), i64::MIN);
    assert_eq!(rt_atomic_load(cell), i64::MAX);
    assert!(rt_atomic_free(cell));
    for bad in BAD_HANDLES.into_iter().chain([cell]) {
        assert_eq!((rt_atomic_load(bad), rt_atomic_exchange(bad, 1)), (0, 0));
        assert!(!rt_atomic_store(bad, 1) && !rt_atomic_compare_exchange(bad, 0, 1));
        for update in [
            rt_atomic_fetch_add,
            rt_atomic_fetch_sub,
            rt_atomic_fetch_and,
            rt_atomic_fetch_or,
        ] {
            assert_eq!(update(bad, 1), 0);
        }
        assert!(!rt_atomic_free(bad));
    }
}

#[test]
fn atomics_count_across_threads() {
    let cell = rt_atomic_new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..times(5_000, 50) {
                    rt_atomic_fetch_add(cell, 1);
                }
            });
        }
    });
    assert_eq!(rt_atomic_load(cell), 4 * times(5_000, 50));
    rt_atomic_free(cell);
}

#[test]
fn barrier_opens_for_all_and_again() {
    let rounds = times(50, 5);
    let barrier = rt_barrier_new(3);
    let arrived = rt_atomic_new(0);
    let leaders: i64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    let mut leader = 0;
                    for round in 1..=rounds {
                        rt_atomic_fetch_add(arrived, 1);
                        leader += rt_barrier_wait(barrier);
                        assert!(rt_atomic_load(arrived) >= round * 3);
                    }
                    leader
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(leaders, rounds);
    assert_eq!(rt_barrier_waiting(barrier), 0);
    rt_atomic_free(arrived);
    assert!(rt_barrier_free(barrier) && !rt_barrier_free(barrier));
}

#[test]
fn barrier_edges() {
    for bad in [0, -1, i64::MIN, i64::MAX, (1 << 20) + 1] {
        assert_eq!(rt_barrier_new(bad), 0);
    }
    let alone = rt_barrier_new(1);
    assert_eq!((rt_barrier_wait(alone), rt_barrier_wait(alone)), (1, 1));
    rt_barrier_free(alone);
    for bad in BAD_HANDLES.into_iter().chain([alone]) {
        assert_eq!((rt_barrier_wait(bad), rt_barrier_waiting(bad)), (-1, -1));
        assert!(!rt_barrier_free(bad));
    }
    let barrier = rt_barrier_new(2);
    let waiter = thread::spawn(move || rt_barrier_wait(barrier));
    wait_for(|| rt_barrier_waiting(barrier) == 1);
    rt_barrier_free(barrier);
    assert_eq!(waiter.join().unwrap(), -1);
}

#[test]
fn mutex_guards_its_value() {
    let count = times(500, 20);
    let mutex = rt_mutex_new(int(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..count {
                    let value = rt_mutex_lock(mutex).as_int().expect("an int");
                    assert!(rt_mutex_unlock(mutex, int(value + 1)));
                }
            });
        }
    });
    assert_eq!(rt_mutex_lock(mutex), int(4 * count));
    assert!(rt_mutex_unlock(mutex, NIL));
    rt_mutex_free(mutex);
}

#[test]
fn mutex_knows_its_owner() {
    let mutex = rt_mutex_new(int(1));
    assert!(!rt_mutex_is_locked(mutex) && !rt_mutex_unlock(mutex, int(2)));
    assert!(rt_mutex_try_lock(mutex) && rt_mutex_is_locked(mutex));
    assert!(!rt_mutex_try_lock(mutex));
    assert_eq!(rt_mutex_lock(mutex), NIL);
    thread::spawn(move || {
        assert!(!rt_mutex_try_lock(mutex) && !rt_mutex_unlock(mutex, int(3)));
    })
    .join()
    .unwrap();
    assert!(rt_mutex_unlock(mutex, int(4)));
    assert_eq!(rt_mutex_lock(mutex), int(4));
    let waiter = thread::spawn(move || rt_mutex_lock(mutex));
    thread::sleep(Duration::from_millis(10));
    assert!(rt_mutex_free(mutex));
    assert_eq!(waiter.join().unwrap(), NIL);
    for bad in BAD_HANDLES.into_iter().chain([mutex]) {
        assert_eq!(rt_mutex_lock(bad), NIL);
        assert!(!rt_mutex_try_lock(bad) && !rt_mutex_unlock(bad, NIL));
        assert!(!rt_mutex_is_locked(bad) && !rt_mutex_free(bad));
    }
}

#[test]
fn rwlock_lets_readers_share() {
    let lock = rt_rwlock_new();
    assert!(rt_rwlock_read(lock) && rt_rwlock_read(lock) && rt_rwlock_try_read(lock));
    assert!(!rt_rwlock_write(lock) && !rt_rwlock_try_write(lock));
    thread::spawn(move || {
        assert!(rt_rwlock_try_read(lock) && !rt_rwlock_try_write(lock));
        assert!(rt_rwlock_unlock(lock) && !rt_rwlock_unlock(lock));
    })
    .join()
    .unwrap();
    for _ in 0..3 {
        assert!(rt_rwlock_unlock(lock));
    }
    assert!(!rt_rwlock_unlock(lock));
    assert!(rt_rwlock_write(lock));
    assert!(!rt_rwlock_read(lock) && !rt_rwlock_write(lock) && !rt_rwlock_try_read(lock));
    thread::spawn(move || {
        assert!(!rt_rwlock_try_read(lock) && !rt_rwlock_try_write(lock) && !rt_rwlock_unlock(lock));
    })
    .join()
    .unwrap();
    assert!(rt_rwlock_unlock(lock) && rt_rwlock_free(lock));
}

#[test]
fn rwlock_writers_do_not_starve_or_meet() {
    let count = times(200, 10);
    let (lock, inside) = (rt_rwlock_new(), rt_atomic_new(0));
    let total = rt_atomic_new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                for _ in 0..count {
                    assert!(rt_rwlock_write(lock));
                    assert_eq!(rt_atomic_fetch_add(inside, 1), 0);
                    rt_atomic_fetch_add(total, 1);
                    rt_atomic_fetch_sub(inside, 1);
                    assert!(rt_rwlock_unlock(lock));
                }
            });
            scope.spawn(move || {
                for _ in 0..count {
                    assert!(rt_rwlock_read(lock));
                    assert_eq!(rt_atomic_load(inside), 0);
                    assert!(rt_rwlock_unlock(lock));
                }
            });
        }
    });
    assert_eq!(rt_atomic_load(total), 2 * count);
    assert!(rt_rwlock_write(lock));
    let waiters = [
        thread::spawn(move || rt_rwlock_read(lock)),
        thread::spawn(move || rt_rwlock_write(lock)),
    ];
    thread::sleep(Duration::from_millis(10));
    assert!(rt_rwlock_free(lock));
    for waiter in waiters {
        assert!(!waiter.join().unwrap());
    }
    for bad in BAD_HANDLES.into_iter().chain([lock]) {
        assert!(!rt_rwlock_read(bad) && !rt_rwlock_try_read(bad) && !rt_rwlock_write(bad));
        assert!(!rt_rwlock_try_write(bad) && !rt_rwlock_unlock(bad) && !rt_rwlock_free(bad));
    }
    rt_atomic_free(inside);
    rt_atomic_free(total);
}

#[test]
fn semaphore_counts_permits() {
    let semaphore = rt_semaphore_new(1);
    assert!(rt_semaphore_acquire(semaphore) && !rt_semaphore_try_acquire(semaphore));
    let begun = Instant::now();
    assert!(!rt_semaphore_acquire_timeout(semaphore, 20));
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert!(rt_semaphore_release(semaphore, 2));
    assert_eq!(rt_semaphore_available(semaphore), 2);
    assert!(
        rt_semaphore_acquire_timeout(semaphore, i64::MAX) && rt_semaphore_try_acquire(semaphore)
    );
    for bad in [0, -1, i64::MIN] {
        assert!(!rt_semaphore_release(semaphore, bad));
    }
    assert!(rt_semaphore_release(semaphore, i64::MAX) && !rt_semaphore_release(semaphore, 1));
    rt_semaphore_free(semaphore);
    assert_eq!((rt_semaphore_new(-1), rt_semaphore_new(i64::MIN)), (0, 0));
}

#[test]
fn semaphore_wakes_and_ends_its_waiters() {
    let semaphore = rt_semaphore_new(0);
    let waiters = [0; 3].map(|_| thread::spawn(move || rt_semaphore_acquire(semaphore)));
    assert!(rt_semaphore_release(semaphore, 2));
    wait_for(|| rt_semaphore_available(semaphore) == 0);
    thread::sleep(Duration::from_millis(10));
    assert!(rt_semaphore_free(semaphore));
    let got = waiters.map(|w| w.join().unwrap());
    assert_eq!(got.into_iter().filter(|got| *got).count(), 2);
    for bad in BAD_HANDLES.into_iter().chain([semaphore]) {
        assert!(!rt_semaphore_acquire(bad) && !rt_semaphore_try_acquire(bad));
        assert!(!rt_semaphore_acquire_timeout(bad, 1) && !rt_semaphore_release(bad, 1));
        assert_eq!(rt_semaphore_available(bad), -1);
        assert!(!rt_semaphore_free(bad));
    }
}
