use std::ptr;

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

#[test]
fn blocks_are_zeroed_and_aligned() {
    let _guard = process_lock();
    for size in [1, 7, 8, 4096, times(1 << 20, 1 << 13)] {
        let block = rt_alloc(size);
        assert!(!block.is_null() && block as usize % 8 == 0);
        let bytes = unsafe { std::slice::from_raw_parts(block, size as usize) };
        assert!(bytes.iter().all(|&byte| byte == 0));
        assert!(rt_free(block));
    }
}

#[test]
fn bad_sizes_give_null() {
    assert!(rt_alloc(0).is_null());
    assert_eq!(take_error(), 0);
    // Miri does not refuse what is too much, it ends.
    let too_much = times(1 << 55, -2);
    let highest = times(i64::MAX - 7, -3);
    for size in [-1, i64::MIN, i64::MAX, highest, too_much] {
        assert!(rt_alloc(size).is_null());
        assert_eq!(take_error(), 7);
    }
}

#[test]
fn freeing_twice_or_a_stranger_fails() {
    let _guard = process_lock();
    let block = rt_alloc(16);
    let mut local = 0_u8;
    assert!(!rt_free(ptr::null_mut()) && !rt_free(&mut local));
    assert!(!rt_free(block.wrapping_add(1)));
    assert!(rt_free(block) && !rt_free(block));
}

#[test]
fn bytes_are_counted() {
    let _guard = process_lock();
    let before = rt_heap_block_bytes();
    let block = rt_alloc(1000);
    assert_eq!(rt_heap_block_bytes(), before + 1000);
    assert!(rt_free(block));
    assert_eq!(rt_heap_block_bytes(), before);
}

#[test]
fn addresses_are_values() {
    let _guard = process_lock();
    let block = rt_alloc(8);
    let value = rt_ptr_to_value(block);
    assert!(rt_value_is_heap(value) && rt_value_eq(value, rt_ptr_to_value(block)));
    assert_eq!(rt_value_to_ptr(value), block);
    assert_eq!(rt_heap_kind(value), 9);
    assert!(rt_free(block));
    assert!(rt_value_to_ptr(value).is_null() && !rt_heap_is_live(value));

    let mut local = 0_u8;
    let foreign = rt_ptr_to_value(&mut local);
    assert_eq!(rt_value_to_ptr(foreign), &mut local as *mut u8);
    assert!(rt_heap_free(foreign) && rt_value_to_ptr(foreign).is_null());
    assert!(rt_heap_free(rt_ptr_to_value(&mut local)));
    assert_eq!(rt_ptr_to_value(ptr::null_mut()), NIL);
    for value in strangers() {
        assert!(rt_value_to_ptr(value).is_null());
    }
}

#[test]
fn heap_objects_are_freed_once() {
    let string = text("x");
    assert!(rt_heap_is_live(string) && rt_heap_live_count() > 0);
    assert_eq!(rt_heap_kind(string), 1);
    assert!(rt_heap_free(string) && !rt_heap_free(string));
    assert!(!rt_heap_is_live(string));
    assert_eq!(rt_heap_kind(string), 0);
    for value in strangers() {
        assert!(!rt_heap_free(value) && !rt_heap_is_live(value));
        assert_eq!(rt_heap_kind(value), 0);
    }
}

#[test]
fn a_reused_slot_does_not_revive_a_stale_value() {
    let first = text("first");
    assert!(rt_heap_free(first));
    for _ in 0..100 {
        let next = text("next");
        assert!(next != first && !rt_heap_is_live(first));
        assert!(rt_heap_free(next));
    }
}

#[test]
fn kinds_have_their_numbers() {
    let kinds: [RuntimeValue; 8] = [
        text(""),
        rt_array_new(0),
        rt_tuple_new(0),
        rt_dict_new(0),
        rt_object_new(0, 0),
        rt_closure_new(&0, 0),
        rt_enum_new(0, 0, NIL),
        rt_unique_new(NIL),
    ];
    for (kind, value) in (1..).zip(kinds) {
        assert_eq!(rt_heap_kind(value), kind);
    }
}

#[test]
fn many_threads_allocate() {
    let _guard = process_lock();
    let before = rt_heap_block_bytes();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for size in 1..times(200, 20) {
                    let block = rt_alloc(size);
                    let value = rt_ptr_to_value(block);
                    assert_eq!(rt_value_to_ptr(value), block);
                    assert!(rt_free(block));
                }
            });
        }
    });
    assert_eq!(rt_heap_block_bytes(), before);
}
