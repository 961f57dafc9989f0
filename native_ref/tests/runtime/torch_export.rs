//! Traces, ONNX models and files of tensors.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

use crate::support::{bytes_of, len, take_error, BAD_HANDLES};
use crate::torch_support::*;

fn trace(inputs: &[i64], make: impl FnOnce() -> Vec<i64>) -> i64 {
    assert!(unsafe { rt_torch_jit_trace_begin(inputs.as_ptr(), inputs.len() as i64) });
    let outputs = make();
    unsafe { rt_torch_jit_trace_end(outputs.as_ptr(), outputs.len() as i64) }
}

fn run(module: i64, inputs: &[i64]) -> Option<Vec<i64>> {
    let mut out = [0; 4];
    let count = inputs.len() as i64;
    let made = unsafe { rt_torch_jit_run(module, inputs.as_ptr(), count, out.as_mut_ptr(), 4) };
    (made >= 0).then(|| out[..made as usize].to_vec())
}

#[test]
fn a_trace_is_run_again() {
    let layer = rt_torch_linear_new(3, 2, true, 1, F64);
    let x = randn(&[4, 3], 1);
    let mut traced = 0;
    let module = trace(&[x], || {
        traced = rt_torch_tensor_tanh(rt_torch_layer_forward(layer, x));
        // Nobody needs this.
        rt_torch_tensor_exp(traced);
        vec![traced, rt_torch_tensor_sum(traced), x]
    });
    assert!(module > 0);
    // transpose, matmul, add, tanh, sum
    assert_eq!(rt_torch_jit_op_count(module), 5);
    let again = run(module, &[x]).expect("a result");
    assert_eq!(data(again[0]), data(traced));
    assert_eq!(item(again[1]), item(rt_torch_tensor_sum(traced)));
    assert_eq!(data(again[2]), data(x));
    // Other inputs, of another size too, and with gradients.
    let other = randn(&[7, 3], 2);
    let expected = rt_torch_tensor_tanh(rt_torch_layer_forward(layer, other));
    let found = run(module, &[other]).expect("a result");
    assert_eq!(data(found[0]), data(expected));
    assert!(rt_torch_backward(found[1]) && rt_torch_grad(parameters(layer)[0]) > 0);
    // What the layer learns later counts.
    assert!(set_at(parameters(layer)[1], &[0], 9.0));
    let expected = rt_torch_tensor_tanh(rt_torch_layer_forward(layer, other));
    let found = run(module, &[other]).expect("a result");
    assert_eq!(data(found[0]), data(expected));
    // Also without handles of the layer.
    assert!(rt_torch_layer_free(layer));
    assert!(run(module, &[other]).is_some());
    assert!(run(module, &[randn(&[3, 2], 1)]).is_none());
    assert!(
        run(module, &[]).is_none() && run(module, &[x, x]).is_none() && run(module, &[0]).is_none()
    );
    unsafe {
        assert_eq!(rt_torch_jit_run(module, &x, 1, null_mut(), 0), 3);
        let mut out = [0; 2];
        assert_eq!(rt_torch_jit_run(module, &x, 1, out.as_mut_ptr(), 2), 3);
        assert_eq!(out, [0; 2]);
        assert_eq!(rt_torch_jit_run(module, &x, 1, null_mut(), 3), -1);
        assert_eq!(rt_torch_jit_run(module, &x, 1, out.as_mut_ptr(), -1), -1);
        assert_eq!(rt_torch_jit_run(module, null(), 1, out.as_mut_ptr(), 2), -1);
    }
    assert!(rt_torch_jit_free(module) && !rt_torch_jit_free(module));
}

#[test]
fn traces_that_come_to_nothing() {
    let x = tensor(&[1.0], &[]);
    unsafe {
        assert_eq!(rt_torch_jit_trace_end(&x, 1), 0);
        assert!(!rt_torch_jit_trace_begin(&0, 1));
        assert!(!rt_torch_jit_trace_begin([x, x].as_ptr(), 2));
        assert!(!rt_torch_jit_trace_begin(null(), 1));
        assert!(!rt_torch_jit_trace_begin(&x, i64::MAX));
        assert_eq!(rt_torch_jit_trace_end(&x, 1), 0);
        for bad in BAD_HANDLES {
            assert!(rt_torch_jit_trace_begin(&x, 1));
            assert_eq!(rt_torch_jit_trace_end(&bad, 1), 0);
        }
        assert!(rt_torch_jit_trace_begin(&x, 1));
        assert_eq!(rt_torch_jit_trace_end(null(), 0), 0);
        // Of one thread only.
        assert!(rt_torch_jit_trace_begin(&x, 1));
        let elsewhere = std::thread::spawn(move || rt_torch_jit_trace_end(&x, 1));
        assert_eq!(elsewhere.join().expect("a result"), 0);
        let module = rt_torch_jit_trace_end(&x, 1);
        assert_eq!(rt_torch_jit_op_count(module), 0);
        assert_eq!(
            run(module, &[tensor(&[5.0], &[])]).map(|out| item(out[0])),
            Some(5.0)
        );
        // Too long.
        assert!(rt_torch_jit_trace_begin(&x, 1));
        let mut y = x;
        for _ in 0..=1 << 16 {
            y = rt_torch_tensor_neg(y);
        }
        assert_eq!(rt_torch_jit_trace_end(&y, 1), 0);
        for bad in BAD_HANDLES.into_iter().chain([x]) {
            assert_eq!(rt_torch_jit_op_count(bad), -1);
            assert!(!rt_torch_jit_free(bad) && run(bad, &[x]).is_none());
            assert_eq!(rt_torch_onnx_export(bad, null_mut(), 0), -1);
            assert!(take_error() != 0);
        }
    }
}

/// The fields of a message of protocol buffers, with what is behind them.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().expect("a byte");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, varint(&mut bytes).to_le_bytes().to_vec()));
                continue;
            }
            2 => varint(&mut bytes) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = bytes.split_at(length);
        found.push((key >> 3, value.to_vec()));
        bytes = rest;
    }
    found
}

fn texts(message: &[u8], field: u64) -> Vec<String> {
    let found = fields(message).into_iter().filter(|(n, _)| *n == field);
    found
        .map(|(_, bytes)| String::from_utf8(bytes).expect("text"))
        .collect()
}

fn parts(message: &[u8], field: u64) -> Vec<Vec<u8>> {
    let found = fields(message).into_iter().filter(|(n, _)| *n == field);
    found.map(|(_, bytes)| bytes).collect()
}

#[test]
fn a_model_has_nodes_weights_and_ports() {
    let layer = rt_torch_linear_new(3, 2, true, 1, F32);
    let x = typed(&[1.0; 6], &[2, 3], F32);
    let module = trace(&[x], || {
        let y = rt_torch_tensor_relu(rt_torch_layer_forward(layer, x));
        vec![rt_torch_tensor_softmax(
            rt_torch_tensor_mul(y, ints(&[2], &[])),
            1,
        )]
    });
    let model = bytes_of(|out, cap| unsafe { rt_torch_onnx_export(module, out, cap) });
    let model = model.expect("a model");
    let graph = parts(&model, 7).remove(0);
    let nodes = parts(&graph, 1);
    let kinds: Vec<String> = nodes.iter().flat_map(|node| texts(node, 4)).collect();
    assert_eq!(
        kinds,
        [
            "Transpose",
            "MatMul",
            "Add",
            "Relu",
            "Cast",
            "Mul",
            "Softmax",
            "Identity"
        ]
    );
    // Every name is defined before it is used, and once.
    let ports = |field| {
        parts(&graph, field)
            .iter()
            .flat_map(|p| texts(p, 1))
            .collect::<Vec<_>>()
    };
    let weights = parts(&graph, 5);
    let mut known = ports(11);
    known.extend(weights.iter().flat_map(|weight| texts(weight, 8)));
    for node in &nodes {
        assert!(texts(node, 1).iter().all(|name| known.contains(name)));
        let made = texts(node, 2);
        assert!(!known.contains(&made[0]));
        known.extend(made);
    }
    assert!(ports(12) == ["output_0"] && known.contains(&"output_0".to_owned()));
    let raw: Vec<u8> = data(parameters(layer)[1])
        .iter()
        .flat_map(|v| (*v as f32).to_le_bytes())
        .collect();
    assert!(weights
        .iter()
        .any(|weight| parts(weight, 9) == [raw.clone()]));
    let file = std::env::temp_dir().join(format!("native_ref_{}.onnx", std::process::id()));
    let path = file.to_str().expect("a path");
    assert!(unsafe { rt_torch_onnx_save(module, path.as_ptr(), len(path)) });
    assert_eq!(std::fs::read(&file).expect("a file"), model);
    std::fs::remove_file(&file).expect("removed");
    let folder = std::env::temp_dir();
    let path = folder.to_str().expect("a path");
    assert!(!unsafe { rt_torch_onnx_save(module, path.as_ptr(), len(path)) });
    assert!(take_error() != 0);
    assert!(!unsafe { rt_torch_onnx_save(module, null(), 3) });
    assert_eq!(unsafe { rt_torch_onnx_export(module, null_mut(), 1) }, -1);
}

/// Each operation that can be exported; if `NATIVE_REF_ONNX` names a folder, models and what they
/// give are left there for another program to compare.
#[test]
fn everything_can_be_exported() {
    let x = randn(&[2, 3, 4], 1);
    let image = randn(&[2, 2, 5, 5], 2);
    let conv = rt_torch_conv2d_new(2, 3, 3, 2, 1, 1, F64);
    let batch = rt_torch_batch_norm_new(2, F64);
    let norm = rt_torch_layer_norm_new(4, F64);
    let table = rt_torch_embedding_new(5, 2, 1, F64);
    let rnn = rt_torch_rnn_new(4, 3, 1, F64);
    let rows = ints(&[4, 0, 1], &[3]);
    let used = rt_torch_batch_norm_new(2, F64);
    assert!(rt_torch_layer_set_training(used, false));
    let module = trace(&[x, image, rows], || {
        let positive = rt_torch_tensor_abs(x);
        let scores = rt_torch_tensor_sum_axis(x, 0, false);
        let flat = rt_torch_tensor_slice(x, 1, 0, 3, 2);
        let all = [
            rt_torch_tensor_neg(rt_torch_tensor_exp(x)),
            rt_torch_tensor_log(positive),
            rt_torch_tensor_sqrt(positive),
            rt_torch_tensor_pow(positive, 1.5),
            rt_torch_tensor_sigmoid(x),
            rt_torch_tensor_div(rt_torch_tensor_sub(x, positive), positive),
            rt_torch_tensor_mean(x),
            rt_torch_tensor_max(x),
            rt_torch_tensor_mean_axis(x, 1, true),
            rt_torch_tensor_argmax(x, 2),
            rt_torch_tensor_log_softmax(x, 1),
            rt_torch_tensor_cast(x, F32),
            cat(
                &[
                    flat,
                    rt_torch_tensor_transpose(rt_torch_tensor_transpose(flat, 0, 2), 2, 0),
                ],
                1,
            ),
            rt_torch_layer_forward(conv, image),
            rt_torch_layer_forward(batch, image),
            rt_torch_layer_forward(used, image),
            rt_torch_layer_forward(norm, x),
            rt_torch_layer_forward(table, rows),
            rt_torch_layer_forward(rnn, x),
            rt_torch_loss_cross_entropy(scores, ints(&[3, 0, 1], &[3])),
            rt_torch_loss_mse(x, positive),
            rt_torch_tensor_mean(rows),
            rt_torch_tensor_div(rows, rows),
        ];
        assert!(all.iter().all(|handle| *handle > 0), "{all:?}");
        all.to_vec()
    });
    assert!(module > 0);
    let mut out = [0; 32];
    let inputs = [x, image, rows];
    let made = unsafe { rt_torch_jit_run(module, inputs.as_ptr(), 3, out.as_mut_ptr(), 32) };
    assert_eq!(made, 23);
    let model = bytes_of(|out, cap| unsafe { rt_torch_onnx_export(module, out, cap) });
    assert!(model.expect("a model").len() > 1000);
    if let Ok(folder) = std::env::var("NATIVE_REF_ONNX") {
        let path = format!("{folder}/model.onnx");
        assert!(unsafe { rt_torch_onnx_save(module, path.as_ptr(), len(&path)) });
        let lines = inputs.iter().chain(&out[..23]).map(|handle| {
            let values = data(*handle)
                .iter()
                .map(|v| format!("{v:?}"))
                .collect::<Vec<_>>();
            format!("{:?} [{}]\n", shape(*handle), values.join(", "))
        });
        std::fs::write(format!("{folder}/values.txt"), lines.collect::<String>()).expect("written");
    }
}

#[test]
fn tensors_are_saved_and_loaded() {
    let file = std::env::temp_dir().join(format!("native_ref_{}.tensors", std::process::id()));
    let path = file.to_str().expect("a path");
    let tensors = [
        tensor(&[1.5, f64::NAN, -0.0, f64::INFINITY], &[2, 2]),
        typed(&[0.1, 0.2], &[2], F32),
        ints(&[i64::MIN, i64::MAX, 0], &[3, 1]),
        tensor(&[7.0], &[]),
        tensor(&[], &[0, 5]),
    ];
    let save = |handles: &[i64]| unsafe {
        rt_torch_save(
            handles.as_ptr(),
            handles.len() as i64,
            path.as_ptr(),
            len(path),
        )
    };
    let load = || {
        let mut out = [0; 8];
        let count = unsafe { rt_torch_load(path.as_ptr(), len(path), out.as_mut_ptr(), 8) };
        (count >= 0).then(|| out[..count as usize].to_vec())
    };
    assert!(save(&tensors));
    let loaded = load().expect("tensors");
    assert_eq!(loaded.len(), 5);
    for (old, new) in tensors.iter().zip(&loaded) {
        assert_eq!(shape(*old), shape(*new));
        assert_eq!(rt_torch_tensor_dtype(*old), rt_torch_tensor_dtype(*new));
        assert_eq!(int_data(*old), int_data(*new));
        let bits = |handle: i64| data(handle).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(*old), bits(*new));
    }
    unsafe {
        assert_eq!(rt_torch_load(path.as_ptr(), len(path), null_mut(), 0), 5);
        let mut out = [0; 2];
        assert_eq!(
            rt_torch_load(path.as_ptr(), len(path), out.as_mut_ptr(), 2),
            5
        );
        assert_eq!(out, [0; 2]);
        assert_eq!(rt_torch_load(path.as_ptr(), len(path), null_mut(), 5), -1);
        assert_eq!(
            rt_torch_load(path.as_ptr(), len(path), out.as_mut_ptr(), -1),
            -1
        );
    }
    // Any flipped bit, any missing or further byte is noticed.
    let whole = std::fs::read(&file).expect("bytes");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&file, damaged).expect("written");
        assert!(load().is_none(), "byte {at}");
        assert!(take_error() != 0);
    }
    for cut in 0..whole.len() {
        std::fs::write(&file, &whole[..cut]).expect("written");
        assert!(load().is_none(), "{cut} bytes");
    }
    std::fs::write(&file, [&whole[..], &[0]].concat()).expect("written");
    assert!(load().is_none());
    // So is nonsense with the right sum.
    let mut body = whole[..whole.len() - 8].to_vec();
    for (at, value) in [
        (0, 0),
        (8, 9),
        (12, 200),
        (13, 255),
        (16, 3),
        (17, 9),
        (25, 255),
    ] {
        let before = std::mem::replace(&mut body[at], value);
        let sum = unsafe { rt_xxhash_hash(body.as_ptr(), len(&body), 0) };
        std::fs::write(&file, [&body[..], &sum.to_le_bytes()].concat()).expect("written");
        assert!(load().is_none(), "{value} at {at}");
        body[at] = before;
    }
    // What cannot be saved leaves the file alone.
    std::fs::write(&file, &whole).expect("written");
    assert!(!save(&[tensors[0], 0]));
    assert!(load().is_some());
    assert!(save(&[]));
    assert_eq!(load(), Some(vec![]));
    std::fs::remove_file(&file).expect("removed");
    assert!(load().is_none());
    let nowhere = "/nowhere/at/all";
    unsafe {
        let first = tensors.as_ptr();
        assert!(!rt_torch_save(first, 1, nowhere.as_ptr(), len(nowhere)));
        assert!(!rt_torch_save(first, 1, null(), 1));
        assert!(!rt_torch_save(first, 1, [0xffu8].as_ptr(), 1));
        assert!(!rt_torch_save(null(), 1, path.as_ptr(), len(path)));
        assert!(!rt_torch_save(first, 1, "/tmp\0x".as_ptr(), 6));
        assert_eq!(rt_torch_load("/".as_ptr(), 1, null_mut(), 0), -1);
        assert_eq!(rt_torch_load([0xffu8].as_ptr(), 1, null_mut(), 0), -1);
    }
    take_error();
}
