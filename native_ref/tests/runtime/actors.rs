//! Actors and their mailboxes.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

/// Adds up what it gets until it gets nil.
extern "C" fn adder(_actor: i64, start: RuntimeValue) -> RuntimeValue {
    let mut sum = rt_value_as_int(start);
    while let Some(more) = rt_actor_recv(-1).as_int() {
        sum += more;
    }
    int(sum)
}

#[test]
fn an_actor_lives_until_its_body_returns() {
    let actor = rt_actor_spawn(Some(adder), int(100));
    assert!(actor > 0 && rt_actor_is_alive(actor));
    for n in 1..=10 {
        assert!(rt_actor_send(actor, int(n)));
    }
    assert_eq!(rt_actor_join(actor, 5), NIL);
    assert_eq!(take_error(), 4);
    assert!(rt_actor_send(actor, NIL));
    while rt_actor_is_alive(actor) {
        thread::yield_now();
    }
    assert!(!rt_actor_send(actor, int(1)));
    assert_eq!(take_error(), 8);
    assert_eq!(rt_actor_join(actor, -1), int(155));
    assert_eq!(rt_actor_join(actor, -1), NIL);
    assert_eq!(take_error(), 11);
}

/// The ring of actors that pass a token on.
static RING: [AtomicI64; 8] = {
    #[allow(clippy::declare_interior_mutable_const)] // only to fill the array
    const NONE: AtomicI64 = AtomicI64::new(0);
    [NONE; 8]
};
/// How often a token is passed on, and how much each talker has to say.
const STEPS: i64 = times(1_250, 10);
static PASSED: AtomicI64 = AtomicI64::new(0);

/// Passes what it gets on to the next one, less one, until it gets a negative number.
extern "C" fn passer(actor: i64, place: RuntimeValue) -> RuntimeValue {
    let place = rt_value_as_int(place) as usize;
    let mut received = 0;
    loop {
        let left = rt_value_as_int(rt_actor_recv(-1));
        if left < 0 {
            return int(received);
        }
        received += 1;
        PASSED.fetch_add(1, SeqCst);
        assert_eq!(RING[place].load(SeqCst), actor);
        if left > 0 {
            let next = RING[(place + 1) % RING.len()].load(SeqCst);
            assert!(rt_actor_send(next, int(left - 1)));
        }
    }
}

#[test]
fn eight_actors_pass_ten_thousand_messages() {
    for (place, actor) in RING.iter().enumerate() {
        // Nobody gets a message before the ring is closed.
        actor.store(rt_actor_spawn(Some(passer), int(place as i64)), SeqCst);
    }
    let ids: std::collections::HashSet<_> = RING
        .iter()
        .map(|actor| rt_actor_id(actor.load(SeqCst)))
        .collect();
    assert!(ids.len() == 8 && ids.iter().all(|id| *id > 0));
    // Eight tokens at once.
    for actor in &RING {
        assert!(rt_actor_send(actor.load(SeqCst), int(STEPS - 1)));
    }
    while PASSED.load(SeqCst) < 8 * STEPS {
        thread::sleep(Duration::from_millis(1));
    }
    let mut received = 0;
    for actor in &RING {
        let actor = actor.load(SeqCst);
        assert!(rt_actor_send(actor, int(-1)));
        received += rt_value_as_int(rt_actor_join(actor, -1));
        assert!(!rt_actor_is_alive(actor));
    }
    assert_eq!((received, PASSED.load(SeqCst)), (8 * STEPS, 8 * STEPS));
}

/// Sends numbers to the actor whose handle it gets.
extern "C" fn talker(_actor: i64, listener: RuntimeValue) -> RuntimeValue {
    let listener = rt_value_as_int(listener);
    rt_value_bool((0..STEPS).all(|n| rt_actor_send(listener, int(n))))
}

#[test]
fn eight_actors_talk_to_one() {
    let listener = rt_actor_spawn(Some(adder), int(0));
    let talkers = [0; 8].map(|_| rt_actor_spawn(Some(talker), int(listener)));
    for talker in talkers {
        assert_eq!(rt_actor_join(talker, -1), rt_value_bool(true));
    }
    rt_actor_send(listener, NIL);
    let sum = 8 * (0..STEPS).sum::<i64>();
    assert_eq!(rt_actor_join(listener, -1), int(sum));
}

extern "C" fn lonely(actor: i64, _argument: RuntimeValue) -> RuntimeValue {
    assert_eq!(rt_actor_join(actor, -1), NIL);
    assert_eq!(take_error(), 11);
    assert_eq!(rt_actor_recv(0), NIL);
    assert_eq!(take_error(), 4);
    assert!(rt_actor_send(actor, int(3)));
    rt_actor_recv(10)
}

#[test]
fn an_actor_knows_itself() {
    let actor = rt_actor_spawn(Some(lonely), NIL);
    assert_eq!(rt_actor_join(actor, -1), int(3));
}

#[test]
fn bad_arguments_are_refused() {
    assert_eq!(rt_actor_spawn(None, NIL), 0);
    assert_eq!(take_error(), 11);
    assert_eq!(rt_actor_recv(i64::MAX), NIL);
    assert_eq!(take_error(), 11);
    let gone = rt_actor_spawn(Some(adder), NIL);
    rt_actor_send(gone, NIL);
    assert_eq!(rt_actor_join(gone, i64::MAX), int(0));
    for bad in BAD_HANDLES.into_iter().chain([gone]) {
        assert!(!rt_actor_send(bad, NIL) && !rt_actor_is_alive(bad));
        assert_eq!(take_error(), 11);
        assert_eq!((rt_actor_join(bad, -1), rt_actor_id(bad)), (NIL, -1));
        assert_eq!(take_error(), 11);
    }
}
