//! Collectives of several threads.

use std::thread;
use std::time::{Duration, Instant};

use native_ref::value::ffi::*;

use crate::support::BAD_HANDLES;
use crate::torch_support::*;

const RANKS: i64 = 4;

/// Runs every rank in a thread of its own.
fn ranks<T: Send + 'static>(work: impl Fn(i64) -> T + Clone + Send + 'static) -> Vec<T> {
    let threads: Vec<_> = (0..RANKS)
        .map(|rank| {
            let work = work.clone();
            thread::spawn(move || work(rank))
        })
        .collect();
    let joined = threads.into_iter().map(|thread| thread.join());
    joined.map(|result| result.expect("a result")).collect()
}

#[test]
fn four_threads_reduce_share_and_gather() {
    let group = rt_torch_dist_group_new(RANKS, -1);
    assert_eq!(rt_torch_dist_size(group), RANKS);
    let results = ranks(move |rank| {
        let mut found = Vec::new();
        for round in 0..50 {
            let own = tensor(&[rank as f64, 0.1 * rank as f64 + round as f64], &[2]);
            for op in 0..4 {
                let t = rt_torch_tensor_clone(own);
                assert!(rt_torch_dist_all_reduce(group, rank, t, op));
                found.extend(data(t));
            }
            let t = rt_torch_tensor_clone(own);
            assert!(rt_torch_dist_broadcast(group, rank, t, round % RANKS));
            found.extend(data(t));
            let all = rt_torch_dist_all_gather(group, rank, own);
            assert_eq!(shape(all), [RANKS, 2]);
            found.extend(data(all));
            assert!(rt_torch_dist_barrier(group, rank));
        }
        found
    });
    assert!(results.iter().all(|found| *found == results[0]));
    let second = &results[0][18..36];
    close(&second[..4], &[6.0, 4.6, 0.0, 1.0 * 1.1 * 1.2 * 1.3], 1e-12);
    close(&second[4..10], &[0.0, 1.0, 3.0, 1.3, 1.0, 1.1], 1e-12);
    close(
        &second[10..],
        &[0.0, 1.0, 1.0, 1.1, 2.0, 1.2, 3.0, 1.3],
        1e-12,
    );
    let sums = ranks(move |rank| {
        let t = ints(&[i64::MAX - rank, rank], &[2]);
        assert!(rt_torch_dist_all_reduce(group, rank, t, 0));
        int_data(t)
    });
    assert_eq!(sums[3][1], 6);
    assert_eq!(sums[0][0], i64::MAX.wrapping_mul(4).wrapping_sub(6));
    assert!(rt_torch_dist_group_free(group) && !rt_torch_dist_group_free(group));
}

#[test]
fn learning_together_is_learning_from_all() {
    let group = rt_torch_dist_group_new(RANKS, 60_000);
    let weights = ranks(move |rank| {
        let layer = rt_torch_linear_new(2, 1, true, 9, F64);
        let own = parameters(layer);
        let optim = unsafe { rt_torch_sgd_new(own.as_ptr(), 2, 0.1 / RANKS as f64, 0.0, 0.0) };
        let x = randn(&[8, 2], rank);
        let y = rt_torch_tensor_sum_axis(x, 1, true);
        for _ in 0..20 {
            assert!(rt_torch_optim_zero_grad(optim));
            let loss = rt_torch_loss_mse(rt_torch_layer_forward(layer, x), y);
            assert!(rt_torch_backward(loss));
            // The gradient of all is put in the place of that of one.
            for parameter in &own {
                let sum = rt_torch_grad(*parameter);
                assert!(rt_torch_dist_all_reduce(group, rank, sum, 0));
                assert!(rt_torch_zero_grad(*parameter));
                assert!(rt_torch_backward_from(*parameter, sum));
            }
            assert!(rt_torch_optim_step(optim));
        }
        [data(own[0]), data(own[1])].concat()
    });
    assert!(weights.iter().all(|found| *found == weights[0]));
    assert!((weights[0][0] - 1.0).abs() < 0.2);
}

#[test]
fn ranks_that_want_different_things_all_fail() {
    let group = rt_torch_dist_group_new(RANKS, 60_000);
    for turn in 0..3 {
        let results = ranks(move |rank| {
            let t = tensor(&[1.0, 2.0], &[2]);
            match (rank, turn) {
                (0, 0) => rt_torch_dist_barrier(group, rank),
                (0, 1) => rt_torch_dist_all_reduce(group, rank, t, 1),
                (0, _) => rt_torch_dist_all_reduce(group, rank, tensor(&[1.0], &[1]), 0),
                _ => rt_torch_dist_all_reduce(group, rank, t, 0),
            }
        });
        assert_eq!(results, [false; 4]);
    }
    // After that the group is as good as new.
    assert_eq!(
        ranks(move |rank| rt_torch_dist_barrier(group, rank)),
        [true; 4]
    );
    let results = ranks(move |rank| {
        let t = tensor(&[1.0], &[1]);
        rt_torch_dist_broadcast(group, rank, t, RANKS)
    });
    assert_eq!(results, [false; 4]);
}

#[test]
fn who_waits_in_vain_gives_up() {
    let group = rt_torch_dist_group_new(2, 50);
    let t = tensor(&[1.0], &[1]);
    let start = Instant::now();
    assert!(!rt_torch_dist_all_reduce(group, 0, t, 0));
    assert!(start.elapsed() >= Duration::from_millis(50));
    // What was brought then is gone.
    let other = thread::spawn(move || rt_torch_dist_barrier(group, 1));
    assert!(rt_torch_dist_barrier(group, 0) && other.join().expect("a result"));
    let freed = rt_torch_dist_group_new(2, -1);
    let waiting = thread::spawn(move || rt_torch_dist_barrier(freed, 0));
    thread::sleep(Duration::from_millis(30));
    assert!(rt_torch_dist_group_free(freed));
    assert!(!waiting.join().expect("a result"));
    assert!(!rt_torch_dist_barrier(freed, 0));
}

#[test]
fn groups_and_ranks_that_are_none() {
    for bad in [0, -1, i64::MIN, i64::MAX, 1 << 40, 1025] {
        assert_eq!(rt_torch_dist_group_new(bad, 0), 0);
    }
    let alone = rt_torch_dist_group_new(1, 0);
    let t = tensor(&[3.0], &[]);
    assert!(rt_torch_dist_barrier(alone, 0) && rt_torch_dist_all_reduce(alone, 0, t, 1));
    assert!(rt_torch_dist_broadcast(alone, 0, t, 0));
    let all = rt_torch_dist_all_gather(alone, 0, t);
    assert_eq!((shape(all), data(all)), (vec![1], vec![3.0]));
    let deep = range(1, &[1; 8]);
    assert_eq!(rt_torch_dist_all_gather(alone, 0, deep), 0);
    for bad in [-1, 1, i64::MIN, i64::MAX] {
        assert!(!rt_torch_dist_barrier(alone, bad));
        assert!(!rt_torch_dist_all_reduce(alone, bad, t, 0));
        assert!(!rt_torch_dist_broadcast(alone, 0, t, bad));
        assert_eq!(rt_torch_dist_all_gather(alone, bad, t), 0);
    }
    for bad in [-1, 4, i64::MIN, i64::MAX] {
        assert!(!rt_torch_dist_all_reduce(alone, 0, t, bad));
    }
    for bad in BAD_HANDLES.into_iter().chain([t]) {
        assert!(!rt_torch_dist_barrier(bad, 0) && !rt_torch_dist_group_free(bad));
        assert!(!rt_torch_dist_all_reduce(bad, 0, t, 0));
        assert_eq!(
            (rt_torch_dist_size(bad), rt_torch_dist_all_gather(bad, 0, t)),
            (-1, 0)
        );
    }
    assert!(!rt_torch_dist_all_reduce(alone, 0, 0, 0) && !rt_torch_dist_broadcast(alone, 0, 0, 0));
}
