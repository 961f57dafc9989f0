//! Arena, map, queue, stack, pool and thread-local slots, alone and under several threads.

use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;
use native_ref::value::{string_value, RuntimeValue};

use crate::support::{times, BAD_HANDLES};

const NIL: RuntimeValue = RuntimeValue::NIL;

fn int(value: i64) -> RuntimeValue {
    RuntimeValue::from_int(value)
}

#[test]
fn arena_blocks_are_zeroed_aligned_and_apart() {
    let arena = rt_arena_new(256);
    assert_eq!((rt_arena_used(arena), rt_arena_capacity(arena)), (0, 0));
    let mut blocks = Vec::new();
    for round in 0..times(200, 40) as usize {
        let (size, align) = (1 + round % 70, 1 << (round % 13));
        let block = rt_arena_alloc(arena, size as i64, align as i64);
        assert!(!block.is_null() && block as usize % align == 0);
        for at in 0..size {
            unsafe {
                assert_eq!(block.add(at).read(), 0);
                block.add(at).write(round as u8);
            }
        }
        blocks.push((block, size, round as u8));
    }
    for (block, size, mark) in &blocks {
        assert!((0..*size).all(|at| unsafe { block.add(at).read() } == *mark));
    }
    let total: usize = blocks.iter().map(|(_, size, _)| size).sum();
    assert_eq!(rt_arena_used(arena), total as i64);
    assert!(rt_arena_capacity(arena) >= total as i64);
    assert!(rt_arena_reset(arena));
    assert_eq!((rt_arena_used(arena), rt_arena_capacity(arena)), (0, 0));
    let big = rt_arena_alloc(arena, 100_000, 8);
    assert_eq!(unsafe { big.add(99_999).read() }, 0);
    assert!(rt_arena_free(arena) && !rt_arena_free(arena));
}

#[test]
fn arena_refuses_what_it_cannot_do() {
    for bad in [0, -1, i64::MIN, i64::MAX, (1 << 30) + 1] {
        assert_eq!(rt_arena_new(bad), 0);
    }
    let arena = rt_arena_new(1);
    for (size, align) in [
        (0, 8),
        (-1, 8),
        (i64::MAX, 8),
        (8, 0),
        (8, 3),
        (8, -8),
        (8, 8192),
    ] {
        assert!(
            rt_arena_alloc(arena, size, align).is_null(),
            "{size} {align}"
        );
    }
    assert_eq!(rt_arena_used(arena), 0);
    rt_arena_free(arena);
    for bad in BAD_HANDLES.into_iter().chain([arena]) {
        assert!(rt_arena_alloc(bad, 8, 8).is_null());
        assert_eq!((rt_arena_used(bad), rt_arena_capacity(bad)), (-1, -1));
        assert!(!rt_arena_reset(bad) && !rt_arena_free(bad));
    }
}

#[test]
fn arena_serves_threads() {
    let count = times(200, 20);
    let arena = rt_arena_new(1 << 12);
    thread::scope(|scope| {
        for mark in 1..=4u8 {
            scope.spawn(move || {
                let blocks: Vec<_> = (0..count)
                    .map(|_| {
                        let block = rt_arena_alloc(arena, 24, 8);
                        unsafe { block.write_bytes(mark, 24) };
                        block
                    })
                    .collect();
                for block in blocks {
                    let block = unsafe { std::slice::from_raw_parts(block, 24) };
                    assert!(block.iter().all(|byte| *byte == mark));
                }
            });
        }
    });
    assert_eq!(rt_arena_used(arena), 4 * count * 24);
    rt_arena_free(arena);
}

#[test]
fn map_keeps_the_last_value() {
    let map = rt_map_new();
    assert_eq!(rt_map_insert(map, int(1), int(10)), NIL);
    assert_eq!(rt_map_insert(map, int(1), int(11)), int(10));
    assert_eq!(rt_map_get(map, int(1)), int(11));
    assert_eq!(rt_map_get(map, int(2)), NIL);
    assert!(rt_map_contains(map, int(1)) && !rt_map_contains(map, int(2)));
    assert_eq!(rt_map_insert(map, int(3), NIL), NIL);
    assert!(rt_map_contains(map, int(3)));
    assert_eq!(rt_map_len(map), 2);
    assert_eq!(rt_map_remove(map, int(1)), int(11));
    assert_eq!(rt_map_remove(map, int(1)), NIL);
    assert_eq!(rt_map_len(map), 1);
    assert!(rt_map_free(map) && !rt_map_free(map));
}

#[test]
fn map_keys_are_what_they_say() {
    let map = rt_map_new();
    rt_map_insert(map, string_value("key"), int(1));
    assert_eq!(rt_map_get(map, string_value("key")), int(1));
    assert_eq!(rt_map_get(map, string_value("Key")), NIL);
    rt_map_insert(map, int(i64::MAX), int(2));
    assert_eq!(rt_map_get(map, int(i64::MAX)), int(2));
    rt_map_insert(map, RuntimeValue::from_float(0.0), int(3));
    assert_eq!(rt_map_get(map, RuntimeValue::from_float(-0.0)), int(3));
    assert_eq!(rt_map_get(map, int(0)), NIL);
    rt_map_insert(map, NIL, int(4));
    rt_map_insert(map, RuntimeValue::from_bool(true), int(5));
    assert_eq!(rt_map_get(map, NIL), int(4));
    assert_eq!(rt_map_get(map, RuntimeValue::from_bool(true)), int(5));
    assert_eq!(rt_map_get(map, RuntimeValue::from_bool(false)), NIL);
    let len = rt_map_len(map);
    let nan = RuntimeValue::from_float(f64::NAN);
    assert_eq!(rt_map_insert(map, nan, int(6)), NIL);
    assert!(!rt_map_contains(map, nan));
    assert_eq!(rt_map_len(map), len);
    rt_map_free(map);
}

#[test]
fn map_serves_threads() {
    let count = times(2_000, 50);
    let map = rt_map_new();
    thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || {
                for n in 0..count {
                    rt_map_insert(map, int(n * 4 + worker), int(n));
                }
                for n in (0..count).step_by(2) {
                    assert_eq!(rt_map_remove(map, int(n * 4 + worker)), int(n));
                }
            });
        }
    });
    assert_eq!(rt_map_len(map), 2 * count);
    assert_eq!(rt_map_get(map, int(7)), int(1));
    rt_map_free(map);
    for bad in BAD_HANDLES.into_iter().chain([map]) {
        assert_eq!(rt_map_len(bad), -1);
        assert_eq!(rt_map_insert(bad, int(1), int(1)), NIL);
        assert_eq!(
            (rt_map_get(bad, int(7)), rt_map_remove(bad, int(7))),
            (NIL, NIL)
        );
        assert!(!rt_map_contains(bad, int(7)) && !rt_map_free(bad));
    }
}

#[test]
fn queue_is_first_in_first_out() {
    let queue = rt_queue_new(2);
    assert_eq!(rt_queue_pop(queue), NIL);
    assert!(rt_queue_push(queue, int(1)) && rt_queue_push(queue, int(2)));
    assert!(!rt_queue_push(queue, int(3)));
    assert_eq!(rt_queue_len(queue), 2);
    assert_eq!(
        (rt_queue_pop(queue), rt_queue_pop_wait(queue, -1)),
        (int(1), int(2))
    );
    let begun = Instant::now();
    assert_eq!(rt_queue_pop_wait(queue, 20), NIL);
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert!(rt_queue_push(queue, int(4)) && rt_queue_close(queue));
    assert!(!rt_queue_push(queue, int(5)));
    assert_eq!(
        (rt_queue_pop_wait(queue, -1), rt_queue_pop_wait(queue, -1)),
        (int(4), NIL)
    );
    assert!(rt_queue_free(queue) && !rt_queue_free(queue));
}

#[test]
fn queue_refuses_bad_arguments() {
    assert_eq!(rt_queue_new(-1), 0);
    assert_eq!(rt_queue_new(i64::MIN), 0);
    let huge = rt_queue_new(i64::MAX);
    assert!(rt_queue_push(huge, NIL));
    rt_queue_free(huge);
    for bad in BAD_HANDLES.into_iter().chain([huge]) {
        assert!(!rt_queue_push(bad, int(1)) && !rt_queue_close(bad) && !rt_queue_free(bad));
        assert_eq!((rt_queue_pop(bad), rt_queue_pop_wait(bad, -1)), (NIL, NIL));
        assert_eq!(rt_queue_len(bad), -1);
    }
}

#[test]
fn queue_hands_every_value_to_one_consumer() {
    let count = times(1_000, 30);
    let queue = rt_queue_new(0);
    let sum: i64 = thread::scope(|scope| {
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    let mut sum = 0;
                    while let Some(value) = rt_queue_pop_wait(queue, -1).as_int() {
                        sum += value;
                    }
                    sum
                })
            })
            .collect();
        thread::scope(|producers| {
            for worker in 0..3 {
                producers.spawn(move || {
                    for n in 1..=count {
                        assert!(rt_queue_push(queue, int(worker * count + n)));
                    }
                });
            }
        });
        rt_queue_close(queue);
        consumers.into_iter().map(|c| c.join().unwrap()).sum()
    });
    assert_eq!(sum, (1..=3 * count).sum());
    rt_queue_free(queue);
}

#[test]
fn freeing_a_queue_wakes_its_waiters() {
    let queue = rt_queue_new(0);
    let waiter = thread::spawn(move || rt_queue_pop_wait(queue, -1));
    thread::sleep(Duration::from_millis(10));
    assert!(rt_queue_free(queue));
    assert_eq!(waiter.join().unwrap(), NIL);
}

#[test]
fn stack_is_last_in_first_out() {
    let count = times(500, 20);
    let stack = rt_stack_new();
    assert_eq!((rt_stack_pop(stack), rt_stack_peek(stack)), (NIL, NIL));
    assert!(rt_stack_push(stack, int(1)) && rt_stack_push(stack, int(2)));
    assert_eq!((rt_stack_peek(stack), rt_stack_len(stack)), (int(2), 2));
    assert_eq!((rt_stack_pop(stack), rt_stack_pop(stack)), (int(2), int(1)));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || (0..count).for_each(|n| assert!(rt_stack_push(stack, int(n)))));
        }
    });
    assert_eq!(rt_stack_len(stack), 4 * count);
    let mut sum = 0;
    while let Some(value) = rt_stack_pop(stack).as_int() {
        sum += value;
    }
    assert_eq!(sum, 4 * (0..count).sum::<i64>());
    assert!(rt_stack_free(stack));
    for bad in BAD_HANDLES.into_iter().chain([stack]) {
        assert!(!rt_stack_push(bad, int(1)) && !rt_stack_free(bad));
        assert_eq!((rt_stack_pop(bad), rt_stack_peek(bad)), (NIL, NIL));
        assert_eq!(rt_stack_len(bad), -1);
    }
}

#[test]
fn pool_gives_and_takes_blocks() {
    let pool = rt_pool_new(20, 3);
    assert_eq!((rt_pool_capacity(pool), rt_pool_available(pool)), (3, 3));
    let blocks = [0; 3].map(|_| rt_pool_acquire(pool));
    for block in blocks {
        assert!(!block.is_null() && block as usize % 16 == 0);
        unsafe { block.write_bytes(0xff, 20) };
    }
    assert!(rt_pool_acquire(pool).is_null());
    assert_eq!(rt_pool_available(pool), 0);
    assert!(rt_pool_release(pool, blocks[1]) && !rt_pool_release(pool, blocks[1]));
    let again = rt_pool_acquire(pool);
    assert_eq!(again, blocks[1]);
    assert!((0..20).all(|at| unsafe { again.add(at).read() } == 0));
    let mut outside = 0u8;
    let inside = blocks[0].wrapping_add(1);
    let beyond = blocks[0].wrapping_add(1 << 20);
    for foreign in [std::ptr::null_mut(), &mut outside, inside, beyond] {
        assert!(!rt_pool_release(pool, foreign));
    }
    assert!(rt_pool_free(pool));
    for bad in BAD_HANDLES.into_iter().chain([pool]) {
        assert!(rt_pool_acquire(bad).is_null() && !rt_pool_release(bad, blocks[0]));
        assert_eq!((rt_pool_capacity(bad), rt_pool_available(bad)), (-1, -1));
        assert!(!rt_pool_free(bad));
    }
    for (size, count) in [
        (0, 1),
        (1, 0),
        (-1, 1),
        (1, -1),
        (i64::MAX, 1),
        (1, i64::MAX),
        (1 << 20, 1 << 20),
    ] {
        assert_eq!(rt_pool_new(size, count), 0, "{count} of {size}");
    }
}

#[test]
fn pool_never_gives_a_block_twice() {
    let pool = rt_pool_new(8, 4);
    thread::scope(|scope| {
        for worker in 0..4u8 {
            scope.spawn(move || {
                for _ in 0..times(1_000, 30) {
                    let block = rt_pool_acquire(pool);
                    assert!(!block.is_null());
                    unsafe {
                        block.write(worker);
                        thread::yield_now();
                        assert_eq!(block.read(), worker);
                    }
                    assert!(rt_pool_release(pool, block));
                }
            });
        }
    });
    assert_eq!(rt_pool_available(pool), 4);
    rt_pool_free(pool);
}

#[test]
fn tls_slots_are_each_threads_own() {
    let slot = rt_tls_new(int(7));
    assert!(!rt_tls_has(slot));
    assert_eq!(rt_tls_get(slot), int(7));
    assert!(rt_tls_set(slot, int(8)) && rt_tls_has(slot));
    thread::spawn(move || {
        assert!(!rt_tls_has(slot));
        assert_eq!(rt_tls_get(slot), int(7));
        assert!(rt_tls_set(slot, NIL));
        assert_eq!(rt_tls_get(slot), NIL);
    })
    .join()
    .unwrap();
    assert_eq!(rt_tls_get(slot), int(8));
    assert!(rt_tls_clear(slot) && !rt_tls_clear(slot));
    assert_eq!(rt_tls_get(slot), int(7));
    rt_tls_set(slot, int(9));
    assert!(rt_tls_free(slot));
    // A slot made in its place does not see the old value.
    let next = rt_tls_new(NIL);
    assert!(!rt_tls_has(next));
    rt_tls_free(next);
    for bad in BAD_HANDLES.into_iter().chain([slot]) {
        assert_eq!(rt_tls_get(bad), NIL);
        assert!(!rt_tls_set(bad, int(1)) && !rt_tls_has(bad));
        assert!(!rt_tls_clear(bad) && !rt_tls_free(bad));
    }
}
