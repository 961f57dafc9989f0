//! Channels, alone and under several threads.

use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;

use crate::support::*;

#[test]
fn messages_keep_their_order() {
    let channel = rt_channel_new(0);
    rt_error_clear();
    for n in 0..100 {
        assert!(rt_channel_send(channel, int(n), 0));
    }
    assert!(rt_channel_send(channel, NIL, -1));
    assert_eq!(rt_channel_len(channel), 101);
    for n in 0..100 {
        assert_eq!(rt_channel_recv(channel, 0), int(n));
    }
    assert_eq!(rt_channel_recv(channel, -1), NIL);
    // That was a message; this is none.
    assert_eq!(take_error(), 0);
    assert_eq!(rt_channel_recv(channel, 0), NIL);
    assert_eq!(take_error(), 4);
    let begun = Instant::now();
    assert_eq!(rt_channel_recv(channel, 20), NIL);
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert!(rt_channel_free(channel) && !rt_channel_free(channel));
}

#[test]
fn a_full_channel_makes_senders_wait() {
    let channel = rt_channel_new(2);
    assert!(rt_channel_send(channel, int(1), 0) && rt_channel_send(channel, int(2), 0));
    assert!(!rt_channel_send(channel, int(3), 0));
    assert_eq!(take_error(), 4);
    assert!(!rt_channel_send(channel, int(3), 10));
    let sender = thread::spawn(move || rt_channel_send(channel, int(3), -1));
    thread::sleep(Duration::from_millis(10));
    assert_eq!(rt_channel_recv(channel, -1), int(1));
    assert!(sender.join().unwrap());
    assert_eq!(rt_channel_recv(channel, -1), int(2));
    assert_eq!(rt_channel_recv(channel, -1), int(3));
    rt_channel_free(channel);
}

#[test]
fn what_was_sent_before_the_close_arrives() {
    let channel = rt_channel_new(1);
    assert!(rt_channel_send(channel, int(1), -1));
    let blocked = thread::spawn(move || (rt_channel_send(channel, int(2), -1), take_error()));
    thread::sleep(Duration::from_millis(10));
    assert!(rt_channel_close(channel) && rt_channel_close(channel));
    assert_eq!(blocked.join().unwrap(), (false, 8));
    assert!(!rt_channel_send(channel, int(3), -1));
    assert_eq!(take_error(), 8);
    assert_eq!(rt_channel_recv(channel, -1), int(1));
    assert_eq!(rt_channel_recv(channel, -1), NIL);
    assert_eq!(take_error(), 8);
    rt_channel_free(channel);
}

#[test]
fn closing_and_freeing_wake_the_receiver() {
    for end in [rt_channel_close, rt_channel_free] {
        let channel = rt_channel_new(0);
        let receiver = thread::spawn(move || (rt_channel_recv(channel, -1), take_error()));
        thread::sleep(Duration::from_millis(10));
        assert!(end(channel));
        let (message, error) = receiver.join().unwrap();
        // The receiver may have come too late to know the channel at all.
        assert!(message == NIL && (error == 8 || error == 11));
        rt_channel_free(channel);
    }
}

#[test]
fn there_is_one_receiver_at_a_time() {
    let channel = rt_channel_new(0);
    let receiver = thread::spawn(move || rt_channel_recv(channel, -1));
    // Comes in only before the other thread waits.
    while rt_channel_recv(channel, 0) == NIL && take_error() == 4 {
        thread::yield_now();
    }
    assert_eq!(rt_channel_recv(channel, -1), NIL);
    assert_eq!(take_error(), 11);
    assert!(rt_channel_send(channel, int(5), -1));
    assert_eq!(receiver.join().unwrap(), int(5));
    assert_eq!(rt_channel_recv(channel, 0), NIL);
    assert_eq!(take_error(), 4);
    rt_channel_free(channel);
}

#[test]
fn eight_threads_send_to_one() {
    let count = times(500, 15);
    for capacity in [0, 1, 16] {
        let channel = rt_channel_new(capacity);
        thread::scope(|scope| {
            for sender in 0..8 {
                scope.spawn(move || {
                    for n in 0..count {
                        assert!(rt_channel_send(channel, int(sender * 1_000 + n), -1));
                    }
                });
            }
            let mut next = [0; 8];
            for _ in 0..8 * count {
                let message = rt_value_as_int(rt_channel_recv(channel, -1));
                let (sender, n) = (message / 1_000, message % 1_000);
                assert_eq!(next[sender as usize], n);
                next[sender as usize] += 1;
            }
            assert_eq!(next, [count; 8]);
        });
        assert_eq!(rt_channel_len(channel), 0);
        rt_channel_free(channel);
    }
}

#[test]
fn bad_arguments_are_refused() {
    for capacity in [-1, i64::MIN] {
        assert_eq!(rt_channel_new(capacity), 0);
        assert_eq!(take_error(), 11);
    }
    let channel = rt_channel_new(i64::MAX);
    assert!(rt_channel_send(channel, stale(), i64::MAX));
    rt_channel_free(channel);
    for bad in BAD_HANDLES.into_iter().chain([channel]) {
        assert!(!rt_channel_send(bad, NIL, -1));
        assert_eq!(take_error(), 11);
        assert_eq!(rt_channel_recv(bad, -1), NIL);
        assert_eq!(take_error(), 11);
        assert_eq!(rt_channel_len(bad), -1);
        assert!(!rt_channel_close(bad) && !rt_channel_free(bad));
    }
}
