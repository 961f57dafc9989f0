use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn pushing_doubles_the_room() {
    let count = times(1000, 50);
    let array = rt_array_new(0);
    assert_eq!((rt_array_len(array), rt_array_capacity(array)), (0, 0));
    let mut room = vec![];
    for item in 0..count {
        assert!(rt_array_push(array, int(item)));
        room.push(rt_array_capacity(array));
    }
    room.dedup();
    let doubled = std::iter::successors(Some(4), |room| Some(room * 2));
    let doubled = doubled.take_while(|room| room / 2 < count);
    assert_eq!(room, doubled.collect::<Vec<_>>());
    for item in 0..count {
        assert_eq!(rt_array_get(array, item), int(item));
    }
    for item in (0..count).rev() {
        assert_eq!(rt_array_pop(array), int(item));
    }
    assert_eq!(rt_array_pop(array), NIL);
    assert_eq!(take_error(), 4);
}

#[test]
fn the_capacity_is_a_promise() {
    let array = rt_array_new(100);
    assert_eq!(rt_array_len(array), 0);
    assert!(rt_array_capacity(array) >= 100);
    for capacity in [-1, i64::MIN, i64::MAX, (1 << 24) + 1] {
        assert_eq!(rt_array_new(capacity), NIL);
        assert_eq!(take_error(), 4);
    }
}

#[test]
fn indices_are_checked() {
    let array = array(&[int(1), int(2), int(3)]);
    for index in [-1, 3, i64::MIN, i64::MAX] {
        assert_eq!(rt_array_get(array, index), NIL);
        assert!(!rt_array_set(array, index, NIL));
        assert_eq!(rt_array_remove(array, index), NIL);
        assert_eq!(take_error(), 4);
    }
    assert!(!rt_array_insert(array, 4, NIL) && !rt_array_insert(array, -1, NIL));
    assert_eq!(show(array), "[1, 2, 3]");
}

#[test]
fn items_move() {
    let array = array(&[int(1), int(2)]);
    assert!(rt_array_insert(array, 2, int(3)) && rt_array_insert(array, 0, int(0)));
    assert_eq!(show(array), "[0, 1, 2, 3]");
    assert_eq!(rt_array_remove(array, 1), int(1));
    assert!(rt_array_set(array, 0, text("x")) && rt_array_reverse(array));
    assert_eq!(show(array), "[3, 2, \"x\"]");
    assert_eq!(show(rt_array_slice(array, 1, 3)), "[2, \"x\"]");
    assert_eq!(show(rt_array_slice(array, 3, 3)), "[]");
    for (start, end) in [(2, 1), (0, 4), (-1, 0), (0, i64::MAX)] {
        assert_eq!(rt_array_slice(array, start, end), NIL);
    }
    let capacity = rt_array_capacity(array);
    assert!(rt_array_clear(array));
    assert_eq!(
        (rt_array_len(array), rt_array_capacity(array)),
        (0, capacity)
    );
}

#[test]
fn searching_compares_by_content() {
    let array = array(&[float(f64::NAN), text("a"), tuple(&[int(1)])]);
    assert!(rt_array_push(array, array));
    assert_eq!(rt_array_index_of(array, text("a")), 1);
    assert_eq!(rt_array_index_of(array, tuple(&[int(1)])), 2);
    assert_eq!(rt_array_index_of(array, int(1)), -1);
    // An array that holds a NaN is not even equal to itself.
    assert_eq!(rt_array_index_of(array, array), -1);
    assert!(rt_array_set(array, 0, NIL));
    assert_eq!(rt_array_index_of(array, array), 3);
}

#[test]
fn strangers_are_no_arrays() {
    let mut others = strangers();
    others.extend([text("a"), tuple(&[int(1)])]);
    for value in others {
        assert_eq!((rt_array_len(value), rt_array_capacity(value)), (-1, -1));
        assert_eq!(rt_array_index_of(value, NIL), -1);
        assert_eq!((rt_array_get(value, 0), rt_array_pop(value)), (NIL, NIL));
        assert_eq!(
            (rt_array_remove(value, 0), rt_array_slice(value, 0, 0)),
            (NIL, NIL)
        );
        assert!(!rt_array_push(value, NIL) && !rt_array_set(value, 0, NIL));
        assert!(!rt_array_insert(value, 0, NIL) && !rt_array_clear(value));
        assert!(!rt_array_reverse(value));
        assert_eq!(take_error(), 3);
    }
}

#[test]
fn threads_share_an_array() {
    let count = times(500, 20);
    let array = rt_array_new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..count).for_each(|item| assert!(rt_array_push(array, int(item)))));
        }
    });
    assert_eq!(rt_array_len(array), 4 * count);
}
