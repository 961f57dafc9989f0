//! Tensors with the feature `pytorch`, and the answers without it.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

#[cfg(feature = "pytorch")]
mod with_engine {
    use super::*;
    use crate::support::BAD_HANDLES;
    use crate::torch_support::*;

    #[test]
    fn making() {
        assert!(rt_torch_available());
        let two_by_three = [2, 3];
        unsafe {
            let zeros = rt_torch_tensor_zeros(two_by_three.as_ptr(), 2, F64);
            assert_eq!((shape(zeros), data(zeros)), (vec![2, 3], vec![0.0; 6]));
            let ones = rt_torch_tensor_ones(two_by_three.as_ptr(), 2, F32);
            assert_eq!(
                (data(ones), rt_torch_tensor_dtype(ones)),
                (vec![1.0; 6], F32)
            );
            let scalar = rt_torch_tensor_full(null(), 0, 2.5, F64);
            assert_eq!(
                (rt_torch_tensor_ndim(scalar), rt_torch_tensor_numel(scalar)),
                (0, 1)
            );
            assert_eq!((rt_torch_tensor_item(scalar), get(scalar, &[])), (2.5, 2.5));
            let empty = rt_torch_tensor_full([3, 0].as_ptr(), 2, 1.0, F64);
            assert_eq!((rt_torch_tensor_numel(empty), data(empty)), (0, vec![]));
            for handle in [zeros, ones, scalar, empty] {
                assert!(rt_torch_tensor_free(handle) && !rt_torch_tensor_free(handle));
            }
        }
    }

    #[test]
    fn making_what_cannot_be() {
        let shapes: [&[i64]; 5] = [
            &[-1],
            &[i64::MAX],
            &[1 << 13, 1 << 13],
            &[0, i64::MAX, i64::MAX],
            &[1; 9],
        ];
        for shape in shapes {
            let n = shape.len() as i64;
            assert_eq!(
                unsafe { rt_torch_tensor_full(shape.as_ptr(), n, 0.0, F64) },
                0
            );
        }
        unsafe {
            assert_eq!(rt_torch_tensor_zeros(null(), 1, F64), 0);
            assert_eq!(rt_torch_tensor_zeros([1].as_ptr(), -1, F64), 0);
            assert_eq!(rt_torch_tensor_ones([1].as_ptr(), 1, 3), 0);
            assert_eq!(rt_torch_tensor_ones([1].as_ptr(), 1, -1), 0);
            let values = [1.0, 2.0];
            for (count, extent) in [(2, 3), (1, 2), (-1, 2), (i64::MAX, 2)] {
                let shape = [extent];
                let got = rt_torch_tensor_from_data(values.as_ptr(), count, shape.as_ptr(), 1, F64);
                assert_eq!(got, 0);
            }
            assert_eq!(
                rt_torch_tensor_from_data(null(), 1, [1].as_ptr(), 1, F64),
                0
            );
            let empty = rt_torch_tensor_from_data(null(), 0, [0].as_ptr(), 1, F64);
            assert!(rt_torch_tensor_free(empty));
        }
    }

    #[test]
    fn elements() {
        let t = range(6, &[2, 3]);
        assert_eq!(
            (get(t, &[1, 0]), get(t, &[-1, -1]), get(t, &[0, 2])),
            (3.0, 5.0, 2.0)
        );
        let bad: [&[i64]; 5] = [&[2, 0], &[0, -4], &[0], &[0, 0, 0], &[i64::MIN, 0]];
        for indices in bad {
            assert!(get(t, indices).is_nan());
            let n = indices.len() as i64;
            assert!(!unsafe { rt_torch_tensor_set(t, indices.as_ptr(), n, 1.0) });
        }
        let copy = rt_torch_tensor_clone(t);
        assert!(unsafe { rt_torch_tensor_set(t, [0, -1].as_ptr(), 2, 9.0) });
        assert_eq!((get(t, &[0, 2]), get(copy, &[0, 2])), (9.0, 2.0));
        assert!(rt_torch_tensor_item(t).is_nan());
        unsafe {
            assert!(rt_torch_tensor_get(t, null(), 2).is_nan());
            assert!(!rt_torch_tensor_set(t, null(), i64::MAX, 0.0));
            let mut out = [0; 1];
            assert_eq!(rt_torch_tensor_shape(t, out.as_mut_ptr(), 1), 2);
            assert_eq!(out, [2]);
            assert_eq!(rt_torch_tensor_shape(t, null_mut(), 1), -1);
            assert_eq!(rt_torch_tensor_shape(t, out.as_mut_ptr(), -1), -1);
            assert_eq!(rt_torch_tensor_to_data(t, null_mut(), 1), -1);
        }
        rt_torch_tensor_free(t);
        rt_torch_tensor_free(copy);
    }

    #[test]
    fn thirty_two_bits_are_thirty_two_bits() {
        let single = typed(&[0.1, 1e300], &[2], F32);
        assert_eq!(data(single), [f64::from(0.1f32), f64::INFINITY]);
        let double = tensor(&[0.1, 1.0], &[2]);
        let sum = rt_torch_tensor_add(single, single);
        assert_eq!(rt_torch_tensor_dtype(sum), F32);
        assert_eq!(get(sum, &[0]), f64::from(0.1f32 + 0.1f32));
        let mixed = rt_torch_tensor_mul(single, double);
        assert_eq!(rt_torch_tensor_dtype(mixed), F64);
        assert_eq!(get(mixed, &[0]), f64::from(0.1f32) * 0.1);
    }

    #[test]
    fn broadcasting() {
        let matrix = range(6, &[2, 3]);
        let row = tensor(&[10.0, 20.0, 30.0], &[3]);
        let column = tensor(&[100.0, 200.0], &[2, 1]);
        let sum = rt_torch_tensor_add(matrix, row);
        assert_eq!(data(sum), [10.0, 21.0, 32.0, 13.0, 24.0, 35.0]);
        let difference = rt_torch_tensor_sub(column, matrix);
        assert_eq!(data(difference), [100.0, 99.0, 98.0, 197.0, 196.0, 195.0]);
        let product = rt_torch_tensor_mul(column, row);
        assert_eq!(shape(product), [2, 3]);
        assert_eq!(data(product), [1e3, 2e3, 3e3, 2e3, 4e3, 6e3]);
        let scalar = tensor(&[2.0], &[]);
        let quotient = rt_torch_tensor_div(row, scalar);
        assert_eq!(
            (shape(quotient), data(quotient)),
            (vec![3], vec![5.0, 10.0, 15.0])
        );
        let by_zero = rt_torch_tensor_div(matrix, tensor(&[0.0], &[1]));
        assert!(get(by_zero, &[0, 0]).is_nan());
        assert_eq!(get(by_zero, &[0, 1]), f64::INFINITY);
        let empty = tensor(&[], &[0, 3]);
        assert_eq!(shape(rt_torch_tensor_add(empty, row)), [0, 3]);
        assert_eq!(rt_torch_tensor_add(matrix, tensor(&[1.0, 2.0], &[2])), 0);
        assert_eq!(rt_torch_tensor_add(matrix, matrix) > 0, matrix > 0);
        let wide = range(1 << 13, &[1 << 13]);
        let tall = reshape(wide, &[-1, 1]);
        assert_eq!(rt_torch_tensor_add(wide, tall), 0);
    }

    #[test]
    fn matrix_products() {
        let a = range(6, &[2, 3]);
        let b = range(6, &[3, 2]);
        let product = rt_torch_tensor_matmul(a, b);
        assert_eq!(
            (shape(product), data(product)),
            (vec![2, 2], vec![10.0, 13.0, 28.0, 40.0])
        );
        let v = tensor(&[1.0, 2.0, 3.0], &[3]);
        let dot = rt_torch_tensor_matmul(v, v);
        assert_eq!((shape(dot), rt_torch_tensor_item(dot)), (vec![], 14.0));
        let right = rt_torch_tensor_matmul(a, v);
        assert_eq!((shape(right), data(right)), (vec![2], vec![8.0, 26.0]));
        let left = rt_torch_tensor_matmul(v, b);
        assert_eq!((shape(left), data(left)), (vec![2], vec![16.0, 22.0]));
        let batch = range(12, &[2, 2, 3]);
        let batched = rt_torch_tensor_matmul(batch, b);
        assert_eq!(shape(batched), [2, 2, 2]);
        assert_eq!(
            data(batched),
            [10.0, 13.0, 28.0, 40.0, 46.0, 67.0, 64.0, 94.0]
        );
        let with_vector = rt_torch_tensor_matmul(batch, v);
        assert_eq!(data(with_vector), [8.0, 26.0, 44.0, 62.0]);
        let nothing = rt_torch_tensor_matmul(tensor(&[], &[2, 0]), tensor(&[], &[0, 2]));
        assert_eq!(data(nothing), [0.0; 4]);
        assert!(data(nothing).iter().all(|v| v.is_sign_positive()));
        assert_eq!(rt_torch_tensor_matmul(a, a), 0);
        assert_eq!(rt_torch_tensor_matmul(a, tensor(&[1.0], &[])), 0);
        let long = range(1 << 13, &[1 << 13, 1]);
        assert_eq!(rt_torch_tensor_matmul(long, reshape(long, &[1, -1])), 0);
    }

    #[test]
    fn reductions_and_elementwise() {
        let t = tensor(&[-1.0, 0.0, 2.0, 5.0], &[2, 2]);
        assert_eq!(rt_torch_tensor_item(rt_torch_tensor_sum(t)), 6.0);
        assert_eq!(rt_torch_tensor_item(rt_torch_tensor_mean(t)), 1.5);
        assert_eq!(rt_torch_tensor_item(rt_torch_tensor_max(t)), 5.0);
        assert_eq!(data(rt_torch_tensor_relu(t)), [0.0, 0.0, 2.0, 5.0]);
        assert_eq!(data(rt_torch_tensor_neg(t)), [1.0, -0.0, -2.0, -5.0]);
        let odd = tensor(&[f64::NAN, 1.0], &[2]);
        assert!(rt_torch_tensor_item(rt_torch_tensor_max(odd)).is_nan());
        assert!(get(rt_torch_tensor_relu(odd), &[0]).is_nan());
        let empty = tensor(&[], &[0]);
        assert_eq!(rt_torch_tensor_item(rt_torch_tensor_sum(empty)), 0.0);
        assert!(rt_torch_tensor_item(rt_torch_tensor_mean(empty)).is_nan());
        assert_eq!(rt_torch_tensor_max(empty), 0);
    }

    #[test]
    fn shapes_change() {
        let t = range(6, &[2, 3]);
        let other = reshape(t, &[3, -1]);
        assert_eq!((shape(other), data(other)), (vec![3, 2], data(t)));
        assert_eq!(shape(reshape(t, &[1, 6, 1])), [1, 6, 1]);
        let bad: [&[i64]; 7] = [
            &[4],
            &[-1, -1],
            &[-1, 4],
            &[-2, 3],
            &[],
            &[0, -1],
            &[i64::MAX, -1],
        ];
        for shape in bad {
            assert_eq!(reshape(t, shape), 0, "{shape:?}");
        }
        assert_eq!(unsafe { rt_torch_tensor_reshape(t, null(), 2) }, 0);
        let turned = rt_torch_tensor_transpose(t, 0, 1);
        assert_eq!(
            (shape(turned), data(turned)),
            (vec![3, 2], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0])
        );
        let back = rt_torch_tensor_transpose(turned, -1, -2);
        assert_eq!(data(back), data(t));
        let cube = range(24, &[2, 3, 4]);
        let swapped = rt_torch_tensor_transpose(cube, 0, 2);
        assert_eq!(shape(swapped), [4, 3, 2]);
        assert_eq!(get(swapped, &[3, 1, 0]), get(cube, &[0, 1, 3]));
        for (first, second) in [(0, 2), (-3, 0), (i64::MIN, 0), (0, i64::MAX)] {
            assert_eq!(rt_torch_tensor_transpose(t, first, second), 0);
        }
        let empty = tensor(&[], &[0, 3]);
        assert_eq!(shape(rt_torch_tensor_transpose(empty, 0, 1)), [3, 0]);
    }

    #[test]
    fn integers_are_exact() {
        let t = ints(&[i64::MAX, 1 << 60, -3], &[3]);
        assert_eq!(rt_torch_tensor_dtype(t), I64);
        assert_eq!(int_data(t), [i64::MAX, 1 << 60, -3]);
        let sum = rt_torch_tensor_add(t, ints(&[1], &[1]));
        assert_eq!(int_data(sum), [i64::MIN, (1 << 60) + 1, -2]);
        assert_eq!(int_data(rt_torch_tensor_abs(t)), [i64::MAX, 1 << 60, 3]);
        assert_eq!(int_data(rt_torch_tensor_relu(t)), [i64::MAX, 1 << 60, 0]);
        assert_eq!(int_data(rt_torch_tensor_max(t)), [i64::MAX]);
        assert_eq!(
            int_data(rt_torch_tensor_sum(t)),
            [i64::MAX.wrapping_add((1 << 60) - 3)]
        );
        let square = ints(&[1, 2, 3, 4], &[2, 2]);
        assert_eq!(
            int_data(rt_torch_tensor_matmul(square, square)),
            [7, 10, 15, 22]
        );
        assert_eq!(int_data(rt_torch_tensor_sum_axis(square, 0, false)), [4, 6]);
        let quotient = rt_torch_tensor_div(square, ints(&[2], &[]));
        assert_eq!(rt_torch_tensor_dtype(quotient), F64);
        assert_eq!(data(quotient), [0.5, 1.0, 1.5, 2.0]);
        let mean = rt_torch_tensor_mean(square);
        assert_eq!((rt_torch_tensor_dtype(mean), item(mean)), (F64, 2.5));
        let single = typed(&[0.5], &[], F32);
        assert_eq!(
            rt_torch_tensor_dtype(rt_torch_tensor_mul(square, single)),
            F32
        );
        let odd = tensor(&[f64::NAN, 1e300, -2.9, f64::NEG_INFINITY], &[4]);
        assert_eq!(
            int_data(rt_torch_tensor_cast(odd, I64)),
            [0, i64::MAX, -2, i64::MIN]
        );
        assert_eq!(
            (rt_torch_tensor_cast(odd, 3), rt_torch_tensor_cast(odd, -1)),
            (0, 0)
        );
        assert_eq!(rt_torch_tensor_dtype(rt_torch_tensor_cast(t, F32)), F32);
    }

    #[test]
    fn functions_of_each_element() {
        let t = tensor(&[-1.0, 0.0, 4.0, f64::NAN], &[4]);
        let same = |handle: i64, expected: [f64; 4]| {
            for (found, expected) in data(handle).into_iter().zip(expected) {
                let alike = found == expected || (found.is_nan() && expected.is_nan());
                assert!(alike, "{found} is not {expected}");
            }
        };
        let nan = f64::NAN;
        same(
            rt_torch_tensor_exp(t),
            [(-1f64).exp(), 1.0, 4f64.exp(), nan],
        );
        same(
            rt_torch_tensor_log(t),
            [nan, f64::NEG_INFINITY, 4f64.ln(), nan],
        );
        same(rt_torch_tensor_sqrt(t), [nan, 0.0, 2.0, nan]);
        same(rt_torch_tensor_abs(t), [1.0, 0.0, 4.0, nan]);
        same(rt_torch_tensor_pow(t, 2.0), [1.0, 0.0, 16.0, nan]);
        same(
            rt_torch_tensor_tanh(t),
            [-(1f64.tanh()), 0.0, 4f64.tanh(), nan],
        );
        let far = tensor(&[-1000.0, 0.0, 1000.0], &[3]);
        assert_eq!(data(rt_torch_tensor_sigmoid(far)), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn along_an_axis() {
        let t = range(6, &[2, 3]);
        assert_eq!(data(rt_torch_tensor_sum_axis(t, 0, false)), [3.0, 5.0, 7.0]);
        let kept = rt_torch_tensor_mean_axis(t, -1, true);
        assert_eq!((shape(kept), data(kept)), (vec![2, 1], vec![1.0, 4.0]));
        let cube = range(24, &[2, 3, 4]);
        let middle = rt_torch_tensor_sum_axis(cube, 1, false);
        assert_eq!(shape(middle), [2, 4]);
        assert_eq!(data(middle)[..4], [12.0, 15.0, 18.0, 21.0]);
        let scores = tensor(&[1.0, 3.0, 3.0, f64::NAN, 0.0, 9.0], &[2, 3]);
        assert_eq!(int_data(rt_torch_tensor_argmax(scores, 1)), [1, 0]);
        assert_eq!(int_data(rt_torch_tensor_argmax(scores, 0)), [1, 0, 1]);
        assert_eq!(rt_torch_tensor_argmax(tensor(&[], &[2, 0]), 1), 0);
        assert_eq!(shape(rt_torch_tensor_argmax(tensor(&[], &[2, 0]), 0)), [0]);
        let large = tensor(&[1000.0, 1000.0, -1000.0, 0.0], &[2, 2]);
        assert_eq!(
            data(rt_torch_tensor_softmax(large, 1)),
            [0.5, 0.5, 0.0, 1.0]
        );
        let logs = data(rt_torch_tensor_log_softmax(large, 1));
        close(&logs, &[-(2f64.ln()), -(2f64.ln()), -1000.0, 0.0], 1e-12);
        for axis in [2, -3, i64::MIN, i64::MAX] {
            assert_eq!(rt_torch_tensor_sum_axis(t, axis, false), 0);
            assert_eq!(rt_torch_tensor_mean_axis(t, axis, true), 0);
            assert_eq!(rt_torch_tensor_argmax(t, axis), 0);
            assert_eq!(rt_torch_tensor_softmax(t, axis), 0);
            assert_eq!(rt_torch_tensor_slice(t, axis, 0, 1, 1), 0);
            assert_eq!(cat(&[t], axis), 0);
        }
    }

    #[test]
    fn slices_and_what_is_put_together() {
        let t = range(12, &[3, 4]);
        let middle = rt_torch_tensor_slice(t, 1, 1, -1, 1);
        assert_eq!(shape(middle), [3, 2]);
        assert_eq!(data(middle), [1.0, 2.0, 5.0, 6.0, 9.0, 10.0]);
        assert_eq!(
            data(rt_torch_tensor_slice(t, 0, -1, i64::MAX, 1)),
            [8.0, 9.0, 10.0, 11.0]
        );
        assert_eq!(
            data(rt_torch_tensor_slice(t, -1, i64::MIN, 4, 3))[..3],
            [0.0, 3.0, 4.0]
        );
        assert_eq!(shape(rt_torch_tensor_slice(t, 0, 2, 1, 1)), [0, 4]);
        assert_eq!(shape(rt_torch_tensor_slice(t, 0, 0, 3, i64::MAX)), [1, 4]);
        for step in [0, -1, i64::MIN] {
            assert_eq!(rt_torch_tensor_slice(t, 0, 0, 1, step), 0);
        }
        let left = rt_torch_tensor_slice(t, 1, 0, 1, 1);
        let right = rt_torch_tensor_slice(t, 1, 1, 4, 1);
        assert_eq!(data(cat(&[left, right], 1)), data(t));
        let doubled = cat(&[t, t], 0);
        assert_eq!((shape(doubled), get(doubled, &[4, 1])), (vec![6, 4], 5.0));
        let mixed = cat(&[ints(&[1], &[1]), typed(&[0.5], &[1], F32)], 0);
        assert_eq!(
            (rt_torch_tensor_dtype(mixed), data(mixed)),
            (F32, vec![1.0, 0.5])
        );
        let whole = cat(&[ints(&[i64::MAX], &[1]), ints(&[2], &[1])], 0);
        assert_eq!(int_data(whole), [i64::MAX, 2]);
        assert_eq!(shape(cat(&[tensor(&[], &[0, 4]), t], 0)), [3, 4]);
        assert_eq!(
            shape(cat(&[tensor(&[], &[2, 0]), tensor(&[], &[2, 0])], 1)),
            [2, 0]
        );
        assert_eq!(
            (cat(&[], 0), cat(&[t, left], 0), cat(&[t, 0], 0)),
            (0, 0, 0)
        );
        assert_eq!(cat(&[tensor(&[1.0], &[])], 0), 0);
        unsafe {
            assert_eq!(rt_torch_tensor_cat(null(), 2, 0), 0);
            assert_eq!(rt_torch_tensor_cat([t].as_ptr(), i64::MAX, 0), 0);
            assert_eq!(rt_torch_tensor_cat([t].as_ptr(), -1, 0), 0);
        }
    }

    #[test]
    fn convolution_is_what_a_plain_loop_gives() {
        let (images, kernels, bias) = (
            randn(&[2, 3, 5, 6], 1),
            randn(&[4, 3, 3, 2], 2),
            randn(&[4], 3),
        );
        for (stride, padding) in [(1, 0), (1, 1), (2, 0), (2, 2), (3, 1)] {
            let found = rt_torch_tensor_conv2d(images, kernels, bias, stride, padding);
            let out = [
                (5 + 2 * padding - 3) / stride + 1,
                (6 + 2 * padding - 2) / stride + 1,
            ];
            assert_eq!(shape(found), [2, 4, out[0], out[1]]);
            for n in 0..2 {
                for f in 0..4 {
                    for y in 0..out[0] {
                        for x in 0..out[1] {
                            let mut sum = get(bias, &[f]);
                            for c in 0..3 {
                                for i in 0..3 {
                                    for j in 0..2 {
                                        let (row, column) =
                                            (y * stride + i - padding, x * stride + j - padding);
                                        if (0..5).contains(&row) && (0..6).contains(&column) {
                                            sum += get(images, &[n, c, row, column])
                                                * get(kernels, &[f, c, i, j]);
                                        }
                                    }
                                }
                            }
                            assert!((get(found, &[n, f, y, x]) - sum).abs() < 1e-12);
                        }
                    }
                }
            }
        }
        let plain = rt_torch_tensor_conv2d(images, kernels, 0, 1, 0);
        assert!(plain > 0);
        for (stride, padding) in [
            (0, 0),
            (-1, 0),
            (1, -1),
            (1, i64::MAX),
            (i64::MIN, 0),
            (1, 1 << 30),
        ] {
            assert_eq!(
                rt_torch_tensor_conv2d(images, kernels, 0, stride, padding),
                0
            );
        }
        assert_eq!(
            shape(rt_torch_tensor_conv2d(images, kernels, 0, i64::MAX, 0)),
            [2, 4, 1, 1]
        );
        let far = rt_torch_tensor_conv2d(images, kernels, bias, 1 << 62, 1 << 61);
        assert_eq!(shape(far), [2, 4, 2, 2]);
        assert_eq!(get(far, &[0, 1, 0, 0]), get(bias, &[1]));
        let two_channels = randn(&[1, 2, 1, 1], 4);
        assert_eq!(rt_torch_tensor_conv2d(images, two_channels, 0, 1, 0), 0);
        assert_eq!(rt_torch_tensor_conv2d(images, kernels, images, 1, 0), 0);
        assert_eq!(rt_torch_tensor_conv2d(kernels, images, -1, 1, 0), 0);
        let none = tensor(&[], &[0, 3, 5, 6]);
        assert_eq!(
            shape(rt_torch_tensor_conv2d(none, kernels, bias, 1, 0)),
            [0, 4, 3, 5]
        );
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let numbers = |seed, normal: bool| {
            let shape = [10_000i64];
            data(unsafe {
                if normal {
                    rt_torch_tensor_randn(shape.as_ptr(), 1, seed, F64)
                } else {
                    rt_torch_tensor_rand(shape.as_ptr(), 1, seed, F64)
                }
            })
        };
        assert_eq!(numbers(7, false), numbers(7, false));
        assert_ne!(numbers(7, false), numbers(8, false));
        let even = numbers(i64::MIN, false);
        assert!(even.iter().all(|v| (0.0..1.0).contains(v)));
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / 1e4;
            (
                mean,
                values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1e4,
            )
        };
        let (mean, variance) = moments(&even);
        assert!((mean - 0.5).abs() < 0.02 && (variance - 1.0 / 12.0).abs() < 0.01);
        let (mean, variance) = moments(&numbers(3, true));
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05);
        unsafe {
            assert_eq!(rt_torch_tensor_rand([2].as_ptr(), 1, 0, I64), 0);
            assert_eq!(rt_torch_tensor_randn(null(), 1, 0, F64), 0);
        }
    }

    #[test]
    fn products_that_take_too_long_are_refused() {
        let shape = [4096i64, 4096];
        let large = unsafe { rt_torch_tensor_zeros(shape.as_ptr(), 2, F32) };
        assert!(large > 0);
        assert_eq!(rt_torch_tensor_matmul(large, large), 0);
        rt_torch_tensor_free(large);
    }

    #[test]
    fn bad_handles() {
        let freed = range(1, &[1]);
        assert!(rt_torch_tensor_free(freed));
        let good = range(1, &[1]);
        for bad in BAD_HANDLES.into_iter().chain([freed]) {
            for op in [
                rt_torch_tensor_add,
                rt_torch_tensor_sub,
                rt_torch_tensor_mul,
                rt_torch_tensor_div,
                rt_torch_tensor_matmul,
            ] {
                assert_eq!((op(bad, good), op(good, bad)), (0, 0));
            }
            for op in [
                rt_torch_tensor_sum,
                rt_torch_tensor_mean,
                rt_torch_tensor_max,
                rt_torch_tensor_relu,
                rt_torch_tensor_neg,
                rt_torch_tensor_clone,
                rt_torch_tensor_exp,
                rt_torch_tensor_log,
                rt_torch_tensor_tanh,
                rt_torch_tensor_sigmoid,
                rt_torch_tensor_sqrt,
                rt_torch_tensor_abs,
                rt_torch_grad,
            ] {
                assert_eq!(op(bad), 0);
            }
            for count in [
                rt_torch_tensor_ndim,
                rt_torch_tensor_numel,
                rt_torch_tensor_dtype,
            ] {
                assert_eq!(count(bad), -1);
            }
            assert_eq!(
                (reshape(bad, &[1]), rt_torch_tensor_transpose(bad, 0, 0)),
                (0, 0)
            );
            assert!(get(bad, &[0]).is_nan() && rt_torch_tensor_item(bad).is_nan());
            assert!(!rt_torch_tensor_free(bad));
            assert!(!rt_torch_set_requires_grad(bad, true) && !rt_torch_requires_grad(bad));
            assert!(!rt_torch_backward(bad) && !rt_torch_zero_grad(bad));
            assert!(!rt_torch_backward_from(bad, good) && !rt_torch_backward_from(good, bad));
            assert_eq!(rt_torch_tensor_pow(bad, 2.0), 0);
            assert_eq!(rt_torch_tensor_cast(bad, F64), 0);
            assert_eq!(rt_torch_tensor_slice(bad, 0, 0, 1, 1), 0);
            assert_eq!(rt_torch_tensor_argmax(bad, 0), 0);
            assert_eq!(rt_torch_tensor_sum_axis(bad, 0, true), 0);
            assert_eq!(cat(&[good, bad], 0), 0);
            assert_eq!(unsafe { rt_torch_tensor_to_ints(bad, null_mut(), 0) }, -1);
            unsafe {
                assert!(!rt_torch_tensor_set(bad, [0].as_ptr(), 1, 0.0));
                assert_eq!(rt_torch_tensor_shape(bad, null_mut(), 0), -1);
                assert_eq!(rt_torch_tensor_to_data(bad, null_mut(), 0), -1);
            }
        }
        rt_torch_tensor_free(good);
    }
}

#[cfg(not(feature = "pytorch"))]
#[test]
fn without_the_feature_nothing_is_available() {
    assert!(!rt_torch_available());
    let (shape, value) = ([1i64], [1.0f64]);
    unsafe {
        assert_eq!(rt_torch_tensor_full(shape.as_ptr(), 1, 1.0, 0), 0);
        assert_eq!(rt_torch_tensor_zeros(shape.as_ptr(), 1, 0), 0);
        assert_eq!(rt_torch_tensor_ones(null(), 0, 0), 0);
        assert_eq!(
            rt_torch_tensor_from_data(value.as_ptr(), 1, shape.as_ptr(), 1, 0),
            0
        );
        assert_eq!(rt_torch_tensor_reshape(1, shape.as_ptr(), 1), 0);
        assert_eq!(rt_torch_tensor_shape(1, null_mut(), 0), -1);
        assert_eq!(rt_torch_tensor_to_data(1, null_mut(), 0), -1);
        assert!(rt_torch_tensor_get(1, shape.as_ptr(), 1).is_nan());
        assert!(!rt_torch_tensor_set(1, shape.as_ptr(), 1, 1.0));
    }
    for binary in [
        rt_torch_tensor_add,
        rt_torch_tensor_sub,
        rt_torch_tensor_mul,
        rt_torch_tensor_div,
        rt_torch_tensor_matmul,
    ] {
        assert_eq!(binary(1, 1), 0);
    }
    for unary in [
        rt_torch_tensor_sum,
        rt_torch_tensor_mean,
        rt_torch_tensor_max,
        rt_torch_tensor_relu,
        rt_torch_tensor_neg,
        rt_torch_tensor_clone,
    ] {
        assert_eq!(unary(1), 0);
    }
    for count in [
        rt_torch_tensor_ndim,
        rt_torch_tensor_numel,
        rt_torch_tensor_dtype,
    ] {
        assert_eq!(count(1), -1);
    }
    assert_eq!(rt_torch_tensor_transpose(1, 0, 0), 0);
    assert!(rt_torch_tensor_item(1).is_nan() && !rt_torch_tensor_free(1));
}

#[cfg(not(feature = "pytorch"))]
#[test]
fn without_the_feature_nothing_is_learned() {
    let (mut out, path) = ([0i64; 2], "unused");
    let (ints, one) = (out.as_ptr(), &mut out[0] as *mut i64);
    for handle in [
        rt_torch_tensor_exp(1),
        rt_torch_tensor_log(1),
        rt_torch_tensor_tanh(1),
        rt_torch_tensor_sigmoid(1),
        rt_torch_tensor_sqrt(1),
        rt_torch_tensor_abs(1),
        rt_torch_tensor_pow(1, 2.0),
        rt_torch_tensor_sum_axis(1, 0, false),
        rt_torch_tensor_mean_axis(1, 0, false),
        rt_torch_tensor_argmax(1, 0),
        rt_torch_tensor_softmax(1, 0),
        rt_torch_tensor_log_softmax(1, 0),
        rt_torch_tensor_cast(1, 0),
        rt_torch_tensor_slice(1, 0, 0, 1, 1),
        rt_torch_tensor_conv2d(1, 1, 0, 1, 0),
        rt_torch_grad(1),
        rt_torch_layer_forward(1, 1),
        rt_torch_linear_new(1, 1, true, 0, 0),
        rt_torch_conv2d_new(1, 1, 1, 1, 0, 0, 0),
        rt_torch_batch_norm_new(1, 0),
        rt_torch_batch_norm_stat(1, 0),
        rt_torch_layer_norm_new(1, 0),
        rt_torch_dropout_new(0.5, 0),
        rt_torch_embedding_new(1, 1, 0, 0),
        rt_torch_rnn_new(1, 1, 0, 0),
        rt_torch_rnn_step(1, 1, 1),
        rt_torch_loss_mse(1, 1),
        rt_torch_loss_cross_entropy(1, 1),
        rt_torch_dataset_new(1, 1),
        rt_torch_dataloader_new(1, 1, false, 0, false),
        rt_torch_dist_group_new(1, 0),
        rt_torch_dist_all_gather(1, 0, 1),
        unsafe { rt_torch_tensor_from_ints(ints, 1, ints, 0) },
        unsafe { rt_torch_tensor_rand(ints, 0, 0, 0) },
        unsafe { rt_torch_tensor_randn(ints, 0, 0, 0) },
        unsafe { rt_torch_tensor_cat(ints, 1, 0) },
        unsafe { rt_torch_sgd_new(ints, 0, 0.1, 0.0, 0.0) },
        unsafe { rt_torch_adam_new(ints, 0, 0.1, 0.9, 0.9, 0.1) },
        unsafe { rt_torch_rmsprop_new(ints, 0, 0.1, 0.9, 0.1) },
        unsafe { rt_torch_jit_trace_end(ints, 1) },
    ] {
        assert_eq!(handle, 0);
    }
    for count in [
        rt_torch_jit_op_count(1),
        rt_torch_dataset_len(1),
        rt_torch_dataloader_batches(1),
        rt_torch_dist_size(1),
        unsafe { rt_torch_tensor_to_ints(1, null_mut(), 0) },
        unsafe { rt_torch_layer_parameters(1, null_mut(), 0) },
        unsafe { rt_torch_jit_run(1, ints, 0, null_mut(), 0) },
        unsafe { rt_torch_onnx_export(1, null_mut(), 0) },
        unsafe { rt_torch_load(path.as_ptr(), 6, null_mut(), 0) },
        unsafe { rt_torch_dataloader_next(1, one, one) },
    ] {
        assert_eq!(count, -1);
    }
    for flag in [
        rt_torch_set_requires_grad(1, true),
        rt_torch_requires_grad(1),
        rt_torch_backward(1),
        rt_torch_backward_from(1, 1),
        rt_torch_zero_grad(1),
        rt_torch_no_grad_set(true),
        rt_torch_no_grad_get(),
        rt_torch_layer_set_training(1, true),
        rt_torch_layer_free(1),
        rt_torch_optim_step(1),
        rt_torch_optim_zero_grad(1),
        rt_torch_optim_free(1),
        rt_torch_jit_free(1),
        rt_torch_dataset_free(1),
        rt_torch_dataloader_reset(1),
        rt_torch_dataloader_free(1),
        rt_torch_dist_barrier(1, 0),
        rt_torch_dist_all_reduce(1, 0, 1, 0),
        rt_torch_dist_broadcast(1, 0, 1, 0),
        rt_torch_dist_group_free(1),
        unsafe { rt_torch_jit_trace_begin(ints, 0) },
        unsafe { rt_torch_onnx_save(1, path.as_ptr(), 6) },
        unsafe { rt_torch_save(ints, 0, path.as_ptr(), 6) },
    ] {
        assert!(!flag);
    }
    assert!(rt_torch_optim_set_rate(1, 0.1).is_nan());
    assert_eq!(out, [0; 2]);
}
