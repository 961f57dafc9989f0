//! Tensors with the feature `pytorch`, and the answers without it.

use std::ptr::{null, null_mut};

use native_ref::value::ffi::*;

#[cfg(feature = "pytorch")]
mod with_engine {
    use super::*;
    use crate::support::BAD_HANDLES;

    const F32: i64 = 0;
    const F64: i64 = 1;

    fn tensor(values: &[f64], shape: &[i64]) -> i64 {
        typed(values, shape, F64)
    }

    fn typed(values: &[f64], shape: &[i64], dtype: i64) -> i64 {
        let (count, ndim) = (values.len() as i64, shape.len() as i64);
        let handle = unsafe {
            rt_torch_tensor_from_data(values.as_ptr(), count, shape.as_ptr(), ndim, dtype)
        };
        assert!(handle > 0);
        handle
    }

    fn range(count: i64, shape: &[i64]) -> i64 {
        let values: Vec<f64> = (0..count).map(|n| n as f64).collect();
        tensor(&values, shape)
    }

    fn shape(handle: i64) -> Vec<i64> {
        let mut out = vec![0; rt_torch_tensor_ndim(handle) as usize];
        let n = out.len() as i64;
        assert_eq!(
            unsafe { rt_torch_tensor_shape(handle, out.as_mut_ptr(), n) },
            n
        );
        out
    }

    fn data(handle: i64) -> Vec<f64> {
        let mut out = vec![0.0; rt_torch_tensor_numel(handle) as usize];
        let n = out.len() as i64;
        assert_eq!(
            unsafe { rt_torch_tensor_to_data(handle, out.as_mut_ptr(), n) },
            n
        );
        out
    }

    fn get(handle: i64, indices: &[i64]) -> f64 {
        unsafe { rt_torch_tensor_get(handle, indices.as_ptr(), indices.len() as i64) }
    }

    fn reshape(handle: i64, shape: &[i64]) -> i64 {
        unsafe { rt_torch_tensor_reshape(handle, shape.as_ptr(), shape.len() as i64) }
    }

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
            assert_eq!(rt_torch_tensor_ones([1].as_ptr(), 1, 2), 0);
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
