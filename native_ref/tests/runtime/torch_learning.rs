//! Layers, optimisers and data sets.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

use crate::support::BAD_HANDLES;
use crate::torch_support::*;

#[test]
fn linear_layers() {
    let layer = rt_torch_linear_new(3, 2, true, 5, F64);
    let own = parameters(layer);
    assert_eq!((shape(own[0]), shape(own[1])), (vec![2, 3], vec![2]));
    let bound = 1.0 / 3f64.sqrt();
    assert!(data(own[0]).iter().all(|v| v.abs() <= bound));
    assert!(own.iter().all(|handle| rt_torch_requires_grad(*handle)));
    let x = randn(&[4, 3], 1);
    let turned = rt_torch_tensor_transpose(own[0], 0, 1);
    let expected = rt_torch_tensor_add(rt_torch_tensor_matmul(x, turned), own[1]);
    assert_eq!(data(rt_torch_layer_forward(layer, x)), data(expected));
    assert_eq!(shape(rt_torch_layer_forward(layer, randn(&[3], 1))), [2]);
    assert_eq!(rt_torch_layer_forward(layer, randn(&[2], 1)), 0);
    let again = rt_torch_linear_new(3, 2, true, 5, F64);
    assert_eq!(data(parameters(again)[0]), data(own[0]));
    let bare = rt_torch_linear_new(3, 2, false, 5, F32);
    assert_eq!(parameters(bare).len(), 1);
    assert_eq!(rt_torch_tensor_dtype(parameters(bare)[0]), F32);
    // A handle that is freed by hand is not needed by the layer.
    assert!(rt_torch_tensor_free(own[0]));
    assert!(rt_torch_layer_forward(layer, x) > 0);
    assert!(rt_torch_layer_free(layer) && !rt_torch_layer_free(layer));
    assert_eq!(rt_torch_tensor_numel(own[1]), -1);
    assert!(rt_torch_tensor_numel(expected) == 8);
}

#[test]
fn layers_that_cannot_be() {
    for bad in [0, -1, i64::MIN, i64::MAX, 1 << 40] {
        assert_eq!(rt_torch_linear_new(bad, 1, true, 0, F64), 0);
        assert_eq!(rt_torch_linear_new(1, bad, true, 0, F64), 0);
        assert_eq!(rt_torch_conv2d_new(bad, 1, 1, 1, 0, 0, F64), 0);
        assert_eq!(rt_torch_conv2d_new(1, 1, bad, 1, 0, 0, F64), 0);
        assert_eq!(rt_torch_conv2d_new(1, 1, 1, bad, 0, 0, F64), 0);
        assert_eq!(rt_torch_batch_norm_new(bad, F64), 0);
        assert_eq!(rt_torch_layer_norm_new(bad, F64), 0);
        assert_eq!(rt_torch_embedding_new(bad, 1, 0, F64), 0);
        assert_eq!(rt_torch_rnn_new(1, bad, 0, F64), 0);
    }
    assert_eq!(rt_torch_conv2d_new(1, 1, 1, 1, -1, 0, F64), 0);
    assert_eq!(rt_torch_linear_new(1 << 20, 1 << 20, true, 0, F64), 0);
    for dtype in [I64, -1, 3] {
        assert_eq!(rt_torch_linear_new(1, 1, true, 0, dtype), 0);
        assert_eq!(rt_torch_batch_norm_new(1, dtype), 0);
    }
    for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(rt_torch_dropout_new(rate, 0), 0);
    }
    let (x, stale) = (randn(&[2, 2], 1), rt_torch_dropout_new(0.5, 0));
    assert!(rt_torch_layer_free(stale));
    for bad in BAD_HANDLES.into_iter().chain([x, stale]) {
        assert_eq!(rt_torch_layer_forward(bad, x), 0);
        assert_eq!(rt_torch_rnn_step(bad, x, x), 0);
        assert_eq!(rt_torch_batch_norm_stat(bad, 0), 0);
        assert!(!rt_torch_layer_set_training(bad, true) && !rt_torch_layer_free(bad));
        assert_eq!(unsafe { rt_torch_layer_parameters(bad, null_mut(), 0) }, -1);
    }
    let layer = rt_torch_layer_norm_new(2, F64);
    unsafe {
        assert_eq!(rt_torch_layer_parameters(layer, null_mut(), 0), 2);
        assert_eq!(rt_torch_layer_parameters(layer, null_mut(), 1), -1);
        assert_eq!(rt_torch_layer_parameters(layer, null_mut(), -1), -1);
    }
    assert_eq!(rt_torch_layer_forward(layer, 0), 0);
    assert_eq!(rt_torch_layer_forward(layer, ints(&[1, 2], &[2])), 0);
    assert_eq!(
        (
            rt_torch_batch_norm_stat(layer, 0),
            rt_torch_rnn_step(layer, x, x)
        ),
        (0, 0)
    );
}

#[test]
fn norms() {
    let batch = rt_torch_batch_norm_new(2, F64);
    let x = tensor(&[1.0, 10.0, 3.0, 30.0, 5.0, 50.0], &[3, 2]);
    let y = data(rt_torch_layer_forward(batch, x));
    let unit = (1.5f64 * (8.0 / 3.0) / (8.0 / 3.0 + 1e-5)).sqrt();
    close(&[y[0], y[2], y[4]], &[-unit, 0.0, unit], 1e-9);
    // The running statistics went a tenth of the way.
    close(
        &data(rt_torch_batch_norm_stat(batch, 0)),
        &[0.3, 3.0],
        1e-12,
    );
    close(
        &data(rt_torch_batch_norm_stat(batch, 1)),
        &[0.9 + 0.4, 0.9 + 40.0],
        1e-12,
    );
    for which in [-1, 2, i64::MAX] {
        assert_eq!(rt_torch_batch_norm_stat(batch, which), 0);
    }
    let one = tensor(&[1.0, 2.0], &[1, 2]);
    assert_eq!(rt_torch_layer_forward(batch, one), 0);
    assert!(rt_torch_layer_set_training(batch, false));
    let used = data(rt_torch_layer_forward(batch, one));
    close(
        &used,
        &[0.7 / (1.3f64 + 1e-5).sqrt(), -1.0 / (40.9f64 + 1e-5).sqrt()],
        1e-12,
    );
    close(
        &data(rt_torch_batch_norm_stat(batch, 0)),
        &[0.3, 3.0],
        1e-12,
    );
    assert_eq!(rt_torch_layer_forward(batch, tensor(&[1.0], &[1])), 0);
    assert_eq!(rt_torch_layer_forward(batch, randn(&[2, 3], 1)), 0);
    let rows = rt_torch_layer_norm_new(3, F64);
    let y = rt_torch_layer_forward(rows, x);
    assert_eq!(y, 0);
    let y = rt_torch_layer_forward(rows, reshape(x, &[2, 3]));
    let sums = data(rt_torch_tensor_sum_axis(y, 1, false));
    close(&sums, &[0.0, 0.0], 1e-9);
    let squares = rt_torch_tensor_mean_axis(rt_torch_tensor_mul(y, y), 1, false);
    close(&data(squares), &[1.0, 1.0], 1e-4);
}

#[test]
fn dropout() {
    let layer = rt_torch_dropout_new(0.25, 11);
    let ones = unsafe { rt_torch_tensor_ones([10_000].as_ptr(), 1, F64) };
    let first = data(rt_torch_layer_forward(layer, ones));
    let kept = first.iter().filter(|v| **v != 0.0).count();
    assert!((7300..7700).contains(&kept), "{kept}");
    assert!(first.iter().all(|v| *v == 0.0 || *v == 1.0 / 0.75));
    assert_ne!(first, data(rt_torch_layer_forward(layer, ones)));
    let same = rt_torch_dropout_new(0.25, 11);
    assert_eq!(first, data(rt_torch_layer_forward(same, ones)));
    assert!(rt_torch_layer_set_training(layer, false));
    assert_eq!(data(rt_torch_layer_forward(layer, ones)), [1.0; 10_000]);
    let all = rt_torch_dropout_new(1.0, 1);
    assert_eq!(data(rt_torch_layer_forward(all, ones)), [0.0; 10_000]);
    assert_eq!(rt_torch_layer_forward(all, ints(&[1], &[1])), 0);
}

#[test]
fn embeddings_and_sequences() {
    let table = rt_torch_embedding_new(3, 2, 1, F64);
    let rows = data(parameters(table)[0]);
    let found = rt_torch_layer_forward(table, ints(&[2, 0], &[1, 2]));
    assert_eq!(shape(found), [1, 2, 2]);
    assert_eq!(data(found), [rows[4], rows[5], rows[0], rows[1]]);
    for bad in [
        ints(&[3], &[1]),
        ints(&[-1], &[1]),
        ints(&[i64::MIN], &[1]),
        tensor(&[0.0], &[1]),
    ] {
        assert_eq!(rt_torch_layer_forward(table, bad), 0);
    }
    let rnn = rt_torch_rnn_new(2, 3, 1, F64);
    let x = randn(&[4, 5, 2], 2);
    let states = rt_torch_layer_forward(rnn, x);
    assert_eq!(shape(states), [4, 5, 3]);
    // Step by step it is the same.
    let mut state = unsafe { rt_torch_tensor_zeros([5, 3].as_ptr(), 2, F64) };
    for step in 0..4 {
        let row = reshape(rt_torch_tensor_slice(x, 0, step, step + 1, 1), &[5, 2]);
        state = rt_torch_rnn_step(rnn, row, state);
        let whole = rt_torch_tensor_slice(states, 0, step, step + 1, 1);
        close(&data(state), &data(whole), 1e-12);
    }
    assert_eq!(rt_torch_rnn_step(rnn, state, state), 0);
    assert_eq!(rt_torch_layer_forward(rnn, randn(&[0, 5, 2], 1)), 0);
    assert_eq!(rt_torch_layer_forward(rnn, randn(&[5000, 1, 2], 1)), 0);
    assert_eq!(rt_torch_layer_forward(rnn, randn(&[5, 2], 1)), 0);
}

/// The loss of a small net on XOR after some steps of an optimiser.
fn learn_xor(optimiser: impl Fn(&[i64]) -> i64) -> f64 {
    let first = rt_torch_linear_new(2, 8, true, 3, F64);
    let second = rt_torch_linear_new(8, 1, true, 4, F64);
    let x = tensor(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], &[4, 2]);
    let y = tensor(&[0.0, 1.0, 1.0, 0.0], &[4, 1]);
    let all = [parameters(first), parameters(second)].concat();
    let optim = optimiser(&all);
    assert!(optim > 0);
    let mut last = f64::NAN;
    for _ in 0..600 {
        assert!(rt_torch_optim_zero_grad(optim));
        let inside = rt_torch_tensor_tanh(rt_torch_layer_forward(first, x));
        let out = rt_torch_tensor_sigmoid(rt_torch_layer_forward(second, inside));
        let loss = rt_torch_loss_mse(out, y);
        assert!(rt_torch_backward(loss) && rt_torch_optim_step(optim));
        last = item(loss);
        for handle in [inside, out, loss] {
            assert!(rt_torch_tensor_free(handle));
        }
    }
    assert!(rt_torch_optim_free(optim) && !rt_torch_optim_step(optim));
    assert!(rt_torch_layer_free(first) && rt_torch_layer_free(second));
    last
}

#[test]
fn every_optimiser_learns_xor() {
    let sgd = |p: &[i64]| unsafe { rt_torch_sgd_new(p.as_ptr(), p.len() as i64, 0.5, 0.9, 0.0) };
    let adam = |p: &[i64]| unsafe {
        rt_torch_adam_new(p.as_ptr(), p.len() as i64, 0.05, 0.9, 0.999, 1e-8)
    };
    let rmsprop =
        |p: &[i64]| unsafe { rt_torch_rmsprop_new(p.as_ptr(), p.len() as i64, 0.01, 0.9, 1e-8) };
    let losses = [learn_xor(sgd), learn_xor(adam), learn_xor(rmsprop)];
    assert!(losses.iter().all(|loss| *loss < 0.01), "{losses:?}");
}

#[test]
fn steps_are_those_of_the_formulas() {
    let parameter = || {
        let p = tensor(&[1.0], &[]);
        assert!(rt_torch_set_requires_grad(p, true));
        p
    };
    // The gradient is always 2.
    let step = |p: i64, optim: i64| {
        assert!(rt_torch_optim_zero_grad(optim));
        assert!(rt_torch_backward(rt_torch_tensor_mul(
            p,
            tensor(&[2.0], &[])
        )));
        assert!(rt_torch_optim_step(optim));
        item(p)
    };
    let p = parameter();
    let sgd = unsafe { rt_torch_sgd_new(&p, 1, 0.1, 0.5, 0.0) };
    close(&[step(p, sgd), step(p, sgd)], &[0.8, 0.8 - 0.3], 1e-12);
    assert_eq!(rt_torch_optim_set_rate(sgd, 0.0), 0.1);
    close(&[step(p, sgd)], &[0.5], 1e-12);
    let p = parameter();
    let decay = unsafe { rt_torch_sgd_new(&p, 1, 0.1, 0.0, 0.5) };
    close(&[step(p, decay)], &[0.75], 1e-12);
    let p = parameter();
    let adam = unsafe { rt_torch_adam_new(&p, 1, 0.1, 0.9, 0.999, 0.0) };
    close(&[step(p, adam), step(p, adam)], &[0.9, 0.8], 1e-9);
    let p = parameter();
    let rmsprop = unsafe { rt_torch_rmsprop_new(&p, 1, 0.1, 0.75, 0.0) };
    close(&[step(p, rmsprop)], &[0.8], 1e-12);
    // Without a gradient nothing moves.
    assert!(rt_torch_optim_zero_grad(rmsprop) && rt_torch_optim_step(rmsprop));
    close(&[item(p)], &[0.8], 1e-12);
}

#[test]
fn optimisers_that_cannot_be() {
    let p = tensor(&[1.0], &[]);
    unsafe {
        assert_eq!(rt_torch_sgd_new(&p, 1, 0.1, 0.0, 0.0), 0);
        assert!(rt_torch_set_requires_grad(p, true));
        for bad in [f64::NAN, f64::INFINITY, -0.1] {
            assert_eq!(rt_torch_sgd_new(&p, 1, bad, 0.0, 0.0), 0);
            assert_eq!(rt_torch_sgd_new(&p, 1, 0.1, bad, 0.0), 0);
            assert_eq!(rt_torch_sgd_new(&p, 1, 0.1, 0.0, bad), 0);
            assert_eq!(rt_torch_adam_new(&p, 1, 0.1, bad, 0.9, 0.1), 0);
            assert_eq!(rt_torch_adam_new(&p, 1, 0.1, 0.9, 0.9, bad), 0);
            assert_eq!(rt_torch_rmsprop_new(&p, 1, 0.1, bad, 0.1), 0);
        }
        assert_eq!(rt_torch_adam_new(&p, 1, 0.1, 0.9, 1.0, 0.1), 0);
        assert_eq!(rt_torch_sgd_new([p, p].as_ptr(), 2, 0.1, 0.0, 0.0), 0);
        let result = rt_torch_tensor_neg(p);
        assert_eq!(rt_torch_sgd_new(&result, 1, 0.1, 0.0, 0.0), 0);
        assert_eq!(rt_torch_sgd_new(null(), 1, 0.1, 0.0, 0.0), 0);
        assert_eq!(rt_torch_sgd_new(&p, i64::MAX, 0.1, 0.0, 0.0), 0);
        assert_eq!(rt_torch_sgd_new(&0, 1, 0.1, 0.0, 0.0), 0);
        let nothing = rt_torch_sgd_new(null(), 0, 0.1, 0.0, 0.0);
        assert!(rt_torch_optim_step(nothing));
        assert!(rt_torch_optim_set_rate(nothing, f64::NAN).is_nan());
        assert!(rt_torch_optim_free(nothing));
        for bad in BAD_HANDLES.into_iter().chain([nothing, p]) {
            assert!(!rt_torch_optim_step(bad) && !rt_torch_optim_zero_grad(bad));
            assert!(rt_torch_optim_set_rate(bad, 1.0).is_nan() && !rt_torch_optim_free(bad));
        }
    }
}

fn next(loader: i64) -> Option<(Vec<f64>, Vec<i64>)> {
    let (mut x, mut y) = (0, 0);
    let count = unsafe { rt_torch_dataloader_next(loader, &mut x, &mut y) };
    if count == 0 {
        return None;
    }
    let batch = (data(x), int_data(y));
    assert_eq!(batch.1.len() as i64, count);
    assert!(rt_torch_tensor_free(x) && rt_torch_tensor_free(y));
    Some(batch)
}

#[test]
fn loaders() {
    let x = range(20, &[10, 2]);
    let numbers: Vec<i64> = (0..10).collect();
    let y = ints(&numbers, &[10]);
    let dataset = rt_torch_dataset_new(x, y);
    assert_eq!(rt_torch_dataset_len(dataset), 10);
    // A data set is of what was in the tensors then.
    assert!(set_at(x, &[0, 0], 77.0));
    let plain = rt_torch_dataloader_new(dataset, 4, false, 0, false);
    assert_eq!(rt_torch_dataloader_batches(plain), 3);
    let (features, targets) = next(plain).expect("a batch");
    assert_eq!(
        (&features[..3], &targets[..]),
        (&[0.0, 1.0, 2.0][..], &[0, 1, 2, 3][..])
    );
    assert_eq!(next(plain).map(|batch| batch.1), Some(vec![4, 5, 6, 7]));
    assert_eq!(next(plain).map(|batch| batch.1), Some(vec![8, 9]));
    assert!(next(plain).is_none() && next(plain).is_none());
    assert!(rt_torch_dataloader_reset(plain) && next(plain).is_some());
    let dropping = rt_torch_dataloader_new(dataset, 4, false, 0, true);
    assert_eq!(rt_torch_dataloader_batches(dropping), 2);
    assert!(next(dropping).is_some() && next(dropping).is_some() && next(dropping).is_none());
    let epochs = |seed| {
        let loader = rt_torch_dataloader_new(dataset, 3, true, seed, false);
        let epochs = [(); 2].map(|()| {
            let mut order = Vec::new();
            while let Some((features, targets)) = next(loader) {
                for (row, target) in features.chunks(2).zip(&targets) {
                    assert_eq!(row[1], (2 * target + 1) as f64);
                }
                order.extend(targets);
            }
            assert!(rt_torch_dataloader_reset(loader));
            order
        });
        assert!(rt_torch_dataloader_free(loader) && !rt_torch_dataloader_free(loader));
        epochs
    };
    let [first, second] = epochs(5);
    assert_ne!(first, second);
    assert_eq!(epochs(5), [first.clone(), second]);
    assert_ne!(epochs(6)[0], first);
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert!(sorted == numbers && first != numbers);
    assert!(rt_torch_dataset_free(dataset) && !rt_torch_dataset_free(dataset));
    assert!(next(plain).is_some());
    assert_eq!(rt_torch_dataloader_new(dataset, 1, false, 0, false), 0);
}

#[test]
fn data_sets_that_cannot_be() {
    let (x, scalar) = (range(4, &[4]), tensor(&[1.0], &[]));
    assert_eq!(rt_torch_dataset_new(x, range(3, &[3])), 0);
    assert_eq!(
        (
            rt_torch_dataset_new(scalar, scalar),
            rt_torch_dataset_new(x, 0)
        ),
        (0, 0)
    );
    let dataset = rt_torch_dataset_new(x, x);
    for batch in [0, -1, i64::MIN, i64::MAX] {
        assert_eq!(rt_torch_dataloader_new(dataset, batch, true, 0, false), 0);
    }
    let loader = rt_torch_dataloader_new(dataset, 1 << 24, true, 0, false);
    let mut out = 0;
    unsafe {
        assert_eq!(rt_torch_dataloader_next(loader, null_mut(), &mut out), -1);
        assert_eq!(rt_torch_dataloader_next(loader, &mut out, null_mut()), -1);
        for bad in BAD_HANDLES.into_iter().chain([dataset]) {
            assert_eq!(rt_torch_dataloader_next(bad, &mut out, &mut out), -1);
            assert_eq!(rt_torch_dataloader_batches(bad), -1);
            assert!(!rt_torch_dataloader_reset(bad) && !rt_torch_dataloader_free(bad));
        }
        for bad in BAD_HANDLES.into_iter().chain([loader]) {
            assert_eq!(rt_torch_dataset_len(bad), -1);
            assert!(!rt_torch_dataset_free(bad));
        }
    }
    assert_eq!((rt_torch_dataloader_batches(loader), out), (1, 0));
    let none = rt_torch_dataset_new(tensor(&[], &[0, 2]), ints(&[], &[0]));
    let loader = rt_torch_dataloader_new(none, 3, true, 0, false);
    assert_eq!(
        (rt_torch_dataloader_batches(loader), next(loader)),
        (0, None)
    );
}
