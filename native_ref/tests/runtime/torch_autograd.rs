//! Gradients: every operation that has one against finite differences.

use std::ptr::null_mut;

use native_ref::value::ffi::*;

use crate::torch_support::*;

fn grad(handle: i64) -> Vec<f64> {
    let grad = rt_torch_grad(handle);
    assert!(grad > 0, "no gradient");
    assert_eq!(shape(grad), shape(handle));
    let values = data(grad);
    rt_torch_tensor_free(grad);
    values
}

/// A number made of all elements of a tensor, each with a weight of its own.
fn weighted(handle: i64) -> i64 {
    let weights = randn(&shape(handle), 99);
    rt_torch_tensor_sum(rt_torch_tensor_mul(handle, weights))
}

/// Compares the gradients of what `make` makes of these tensors with finite differences.
fn check(name: &str, inputs: &[i64], make: impl Fn(&[i64]) -> i64) {
    for input in inputs {
        assert!(rt_torch_set_requires_grad(*input, true));
        assert!(rt_torch_zero_grad(*input));
    }
    let made = make(inputs);
    assert!(made > 0, "{name}");
    let loss = weighted(made);
    assert!(rt_torch_requires_grad(loss), "{name}");
    assert!(rt_torch_backward(loss), "{name}");
    let before = rt_torch_no_grad_set(true);
    for (number, input) in inputs.iter().enumerate() {
        let (found, extents, values) = (grad(*input), shape(*input), data(*input));
        for (at, value) in values.iter().enumerate() {
            let mut indices = vec![0; extents.len()];
            let mut rest = at as i64;
            for axis in (0..extents.len()).rev() {
                indices[axis] = rest % extents[axis];
                rest /= extents[axis];
            }
            let step = 1e-6;
            let loss_at = |value: f64| {
                assert!(set_at(*input, &indices, value));
                item(weighted(make(inputs)))
            };
            let slope = (loss_at(value + step) - loss_at(value - step)) / (2.0 * step);
            assert!(set_at(*input, &indices, *value));
            let error = (slope - found[at]).abs() / slope.abs().max(1.0);
            assert!(
                error < 1e-6,
                "{name}: input {number}, element {at}: {} is not {slope}",
                found[at]
            );
        }
    }
    assert!(rt_torch_no_grad_set(before));
}

#[test]
fn functions_of_each_element() {
    let any = || tensor(&[-1.3, -0.4, 0.2, 0.9, 1.7, 2.4], &[2, 3]);
    let positive = || tensor(&[0.3, 0.9, 1.4, 2.2], &[4]);
    type Unary = extern "C" fn(i64) -> i64;
    let everywhere: [(&str, Unary); 7] = [
        ("neg", rt_torch_tensor_neg),
        ("relu", rt_torch_tensor_relu),
        ("abs", rt_torch_tensor_abs),
        ("exp", rt_torch_tensor_exp),
        ("tanh", rt_torch_tensor_tanh),
        ("sigmoid", rt_torch_tensor_sigmoid),
        ("mean", rt_torch_tensor_mean),
    ];
    for (name, function) in everywhere {
        check(name, &[any()], |x| function(x[0]));
    }
    check("log", &[positive()], |x| rt_torch_tensor_log(x[0]));
    check("sqrt", &[positive()], |x| rt_torch_tensor_sqrt(x[0]));
    for exponent in [0.0, 1.0, 2.0, 0.5, -1.5] {
        check("pow", &[positive()], |x| {
            rt_torch_tensor_pow(x[0], exponent)
        });
    }
    check("sum", &[any()], |x| rt_torch_tensor_sum(x[0]));
    check("max", &[any()], |x| rt_torch_tensor_max(x[0]));
    check("cast", &[any()], |x| rt_torch_tensor_cast(x[0], F64));
}

#[test]
fn two_operands_that_broadcast() {
    type Binary = extern "C" fn(i64, i64) -> i64;
    let functions: [(&str, Binary); 4] = [
        ("add", rt_torch_tensor_add),
        ("sub", rt_torch_tensor_sub),
        ("mul", rt_torch_tensor_mul),
        ("div", rt_torch_tensor_div),
    ];
    let shapes: [(&[i64], &[i64]); 5] = [
        (&[2, 3], &[2, 3]),
        (&[2, 3], &[3]),
        (&[2, 1], &[1, 3]),
        (&[], &[2, 2]),
        (&[2, 1, 2], &[3, 1]),
    ];
    for (name, function) in functions {
        for (left, right) in shapes {
            let right = rt_torch_tensor_exp(randn(right, 5));
            check(name, &[randn(left, 4), right], |x| function(x[0], x[1]));
        }
        // One tensor on both sides gets both gradients.
        let twice = rt_torch_tensor_exp(randn(&[3], 6));
        check(name, &[twice], |x| function(x[0], x[0]));
    }
}

#[test]
fn matrix_products() {
    let shapes: [(&[i64], &[i64]); 6] = [
        (&[2, 3], &[3, 4]),
        (&[3], &[3]),
        (&[2, 3], &[3]),
        (&[3], &[3, 2]),
        (&[2, 2, 3], &[3, 2]),
        (&[2, 1, 2, 3], &[3, 3, 2]),
    ];
    for (left, right) in shapes {
        let operands = [randn(left, 1), randn(right, 2)];
        check("matmul", &operands, |x| rt_torch_tensor_matmul(x[0], x[1]));
    }
}

#[test]
fn shapes_and_axes() {
    let cube = || randn(&[2, 3, 2], 8);
    for axis in 0..3 {
        for keep in [false, true] {
            check("sum_axis", &[cube()], |x| {
                rt_torch_tensor_sum_axis(x[0], axis, keep)
            });
            check("mean_axis", &[cube()], |x| {
                rt_torch_tensor_mean_axis(x[0], axis, keep)
            });
        }
        check("softmax", &[cube()], |x| {
            rt_torch_tensor_softmax(x[0], axis)
        });
        check("log_softmax", &[cube()], |x| {
            rt_torch_tensor_log_softmax(x[0], axis)
        });
        check("cat", &[cube(), cube(), randn(&[2, 3, 2], 9)], |x| {
            cat(x, axis)
        });
        check("transpose", &[cube()], |x| {
            rt_torch_tensor_transpose(x[0], axis, 1)
        });
    }
    check("reshape", &[cube()], |x| reshape(x[0], &[3, -1]));
    for (start, stop, step) in [(0, 3, 1), (1, 3, 1), (0, 3, 2), (-1, 9, 1)] {
        check("slice", &[cube()], |x| {
            rt_torch_tensor_slice(x[0], 1, start, stop, step)
        });
    }
}

#[test]
fn convolutions() {
    for (stride, padding) in [(1, 0), (1, 1), (2, 1)] {
        let operands = [
            randn(&[2, 2, 4, 3], 1),
            randn(&[3, 2, 2, 2], 2),
            randn(&[3], 3),
        ];
        check("conv2d", &operands, |x| {
            rt_torch_tensor_conv2d(x[0], x[1], x[2], stride, padding)
        });
        check("conv2d", &operands[..2], |x| {
            rt_torch_tensor_conv2d(x[0], x[1], 0, stride, padding)
        });
    }
}

#[test]
fn layers() {
    let with_parameters = |layer: i64, input: i64| {
        let mut all = vec![input];
        all.extend(parameters(layer));
        for (at, parameter) in all[1..].iter().enumerate() {
            // Gains of one and biases of zero would hide mistakes.
            let first = vec![0; shape(*parameter).len()];
            set_at(*parameter, &first, 0.3 + at as f64);
        }
        all
    };
    let linear = rt_torch_linear_new(3, 2, true, 1, F64);
    let conv = rt_torch_conv2d_new(2, 2, 2, 1, 1, 1, F64);
    let batch = rt_torch_batch_norm_new(2, F64);
    let norm = rt_torch_layer_norm_new(3, F64);
    let rnn = rt_torch_rnn_new(3, 2, 1, F64);
    for (name, layer, extents) in [
        ("linear", linear, &[2, 4, 3][..]),
        ("conv", conv, &[1, 2, 3, 3]),
        ("batch norm", batch, &[4, 2, 2]),
        ("layer norm", norm, &[2, 2, 3]),
        ("rnn", rnn, &[3, 2, 3]),
    ] {
        let all = with_parameters(layer, randn(extents, 7));
        check(name, &all, |x| rt_torch_layer_forward(layer, x[0]));
    }
    // Now with running statistics, which are constants.
    assert!(rt_torch_layer_set_training(batch, false));
    let all = with_parameters(batch, randn(&[3, 2], 8));
    check("batch norm in use", &all, |x| {
        rt_torch_layer_forward(batch, x[0])
    });
    let table = rt_torch_embedding_new(4, 3, 1, F64);
    let rows = ints(&[3, 0, 3, 1], &[2, 2]);
    check("embedding", &parameters(table), |_| {
        rt_torch_layer_forward(table, rows)
    });
    let state = randn(&[2, 2], 3);
    let all = with_parameters(rnn, randn(&[2, 3], 4));
    check("rnn step", &[&all[..], &[state]].concat(), |x| {
        rt_torch_rnn_step(rnn, x[0], state)
    });
}

#[test]
fn dropout_passes_on_what_it_let_through() {
    let layer = rt_torch_dropout_new(0.5, 3);
    let x = randn(&[100], 1);
    assert!(rt_torch_set_requires_grad(x, true));
    let y = rt_torch_layer_forward(layer, x);
    assert!(rt_torch_backward(rt_torch_tensor_sum(y)));
    let expected: Vec<f64> = data(y).iter().map(|v| f64::from(*v != 0.0) * 2.0).collect();
    assert_eq!(grad(x), expected);
}

#[test]
fn losses() {
    let pair = [randn(&[3, 2], 1), randn(&[3, 2], 2)];
    check("mse", &pair, |x| rt_torch_loss_mse(x[0], x[1]));
    let right = ints(&[2, 0, 1], &[3]);
    check("cross entropy", &[randn(&[3, 4], 1)], |x| {
        rt_torch_loss_cross_entropy(x[0], right)
    });
    let even = rt_torch_loss_cross_entropy(tensor(&[0.0; 4], &[1, 4]), ints(&[3], &[1]));
    assert!((item(even) - 4f64.ln()).abs() < 1e-15);
    let sure = rt_torch_loss_cross_entropy(tensor(&[1e4, 0.0], &[1, 2]), ints(&[1], &[1]));
    assert_eq!(item(sure), 1e4);
    let scores = tensor(&[0.0; 4], &[2, 2]);
    for bad in [
        ints(&[0, 2], &[2]),
        ints(&[-1, 0], &[2]),
        ints(&[0], &[1]),
        scores,
        0,
    ] {
        assert_eq!(rt_torch_loss_cross_entropy(scores, bad), 0);
    }
    assert_eq!(rt_torch_loss_mse(scores, tensor(&[0.0; 2], &[2])), 0);
    assert_eq!(
        rt_torch_loss_cross_entropy(ints(&[0], &[1, 1]), ints(&[0], &[1])),
        0
    );
    // No examples: the mean of nothing, and no gradient to speak of.
    let none = tensor(&[], &[0, 0]);
    assert!(rt_torch_set_requires_grad(none, true));
    let loss = rt_torch_loss_cross_entropy(none, ints(&[], &[0]));
    assert!(item(loss).is_nan() && rt_torch_backward(loss));
}

#[test]
fn gradients_add_up_until_they_are_forgotten() {
    let x = tensor(&[3.0], &[]);
    assert_eq!(rt_torch_grad(x), 0);
    assert!(!rt_torch_requires_grad(x) && !rt_torch_backward(x));
    assert!(rt_torch_set_requires_grad(x, true) && rt_torch_requires_grad(x));
    let square = rt_torch_tensor_mul(x, x);
    assert!(rt_torch_backward(square));
    assert_eq!(grad(x), [6.0]);
    assert!(rt_torch_backward(square));
    assert_eq!(grad(x), [12.0]);
    assert!(rt_torch_zero_grad(x));
    assert_eq!(rt_torch_grad(x), 0);
    // What comes in between keeps no gradient.
    assert_eq!(rt_torch_grad(square), 0);
    assert!(!rt_torch_set_requires_grad(square, false));
    // The gradient of a leaf by itself.
    assert!(rt_torch_backward(x));
    assert_eq!(grad(x), [1.0]);
    assert!(!rt_torch_set_requires_grad(ints(&[1], &[]), true));
    let copy = rt_torch_tensor_clone(square);
    assert!(!rt_torch_requires_grad(copy));
}

#[test]
fn a_seed_for_tensors_of_any_shape() {
    let x = range(4, &[2, 2]);
    assert!(rt_torch_set_requires_grad(x, true));
    let y = rt_torch_tensor_mul(x, x);
    assert!(!rt_torch_backward(y));
    assert!(!rt_torch_backward_from(y, range(4, &[4])));
    assert!(rt_torch_backward_from(
        y,
        tensor(&[1.0, 0.0, 2.0, 1.0], &[2, 2])
    ));
    assert_eq!(grad(x), [0.0, 0.0, 8.0, 6.0]);
}

#[test]
fn a_graph_outlives_handles_and_changes() {
    let x = tensor(&[2.0], &[]);
    assert!(rt_torch_set_requires_grad(x, true));
    let between = rt_torch_tensor_mul(x, x);
    let y = rt_torch_tensor_mul(between, x);
    assert!(rt_torch_tensor_free(between));
    // The gradient is that of the elements then.
    assert!(set_at(x, &[], 100.0));
    assert!(rt_torch_backward(y));
    assert_eq!((item(y), grad(x)), (8.0, vec![12.0]));
    assert!(rt_torch_tensor_free(x));
    assert!(rt_torch_backward(y));
    assert!(rt_torch_tensor_free(y) && !rt_torch_tensor_free(y));
}

#[test]
fn a_long_chain_is_walked_and_freed() {
    let x = tensor(&[1.0], &[]);
    let zero = tensor(&[0.0], &[]);
    assert!(rt_torch_set_requires_grad(x, true));
    let mut y = rt_torch_tensor_clone(x);
    assert!(rt_torch_set_requires_grad(y, true));
    for _ in 0..200_000 {
        let next = rt_torch_tensor_add(y, zero);
        rt_torch_tensor_free(y);
        y = next;
    }
    let y = rt_torch_tensor_mul(y, x);
    assert!(rt_torch_backward(y));
    assert_eq!(grad(x), [1.0]);
    assert!(rt_torch_tensor_free(y));
}

#[test]
fn the_switch_is_for_one_thread() {
    let x = tensor(&[2.0], &[]);
    assert!(rt_torch_set_requires_grad(x, true));
    assert!(!rt_torch_no_grad_set(true) && rt_torch_no_grad_get());
    assert!(!rt_torch_requires_grad(rt_torch_tensor_exp(x)));
    let elsewhere = std::thread::spawn(move || {
        !rt_torch_no_grad_get() && rt_torch_requires_grad(rt_torch_tensor_exp(x))
    });
    assert!(elsewhere.join().expect("a result"));
    assert!(rt_torch_no_grad_set(false) && !rt_torch_no_grad_get());
    assert!(rt_torch_requires_grad(rt_torch_tensor_exp(x)));
}

#[test]
fn nan_and_mixed_types() {
    let x = tensor(&[f64::NAN, 1.0], &[2]);
    assert!(rt_torch_set_requires_grad(x, true));
    assert!(rt_torch_backward(rt_torch_tensor_max(rt_torch_tensor_mul(
        x, x
    ))));
    let found = grad(x);
    assert!(found[0].is_nan() && found[1] == 0.0);
    let single = typed(&[0.1, 0.2], &[2], F32);
    assert!(rt_torch_set_requires_grad(single, true));
    let product = rt_torch_tensor_mul(single, ints(&[3, 4], &[2]));
    assert!(rt_torch_backward(rt_torch_tensor_sum(product)));
    assert_eq!(grad(single), [3.0, 4.0]);
    let ties = tensor(&[1.0, 1.0, 0.0], &[3]);
    assert!(rt_torch_set_requires_grad(ties, true));
    assert!(rt_torch_backward(rt_torch_tensor_max(ties)));
    assert_eq!(grad(ties), [0.5, 0.5, 0.0]);
    assert!(!rt_torch_requires_grad(rt_torch_tensor_argmax(ties, 0)));
    assert!(!rt_torch_requires_grad(rt_torch_tensor_cast(ties, I64)));
    assert_eq!(unsafe { rt_torch_tensor_to_ints(ties, null_mut(), 1) }, -1);
}
