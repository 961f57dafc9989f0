//! Vectors of numbers against plain loops.

use native_ref::value::ffi::*;
use native_ref::RuntimeValue;

use crate::support::*;

const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.5,
    0.49999999999999994,
    -2.0,
    1e300,
    -1e-310,
    f64::MIN_POSITIVE,
    4503599627370495.5,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

fn vector(lanes: &[f64]) -> i64 {
    let made = unsafe { rt_vec_new(lanes.as_ptr(), lanes.len() as i64) };
    assert!(made > 0);
    made
}

/// The lanes of a vector, which is freed.
fn lanes(vector: i64) -> Vec<f64> {
    let count = rt_vec_len(vector);
    let mut lanes = vec![7.25; count as usize + 1];
    assert_eq!(
        unsafe { rt_vec_read(vector, lanes.as_mut_ptr(), count) },
        count
    );
    assert_eq!(lanes.pop(), Some(7.25));
    assert!(rt_vec_free(vector) && !rt_vec_free(vector));
    lanes
}

fn same(found: &[f64], expected: &[f64]) {
    let alike = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    assert_eq!(found.len(), expected.len());
    assert!(
        found.iter().zip(expected).all(alike),
        "{found:?} is not {expected:?}"
    );
}

/// Numbers of every size, 0 to 40 of them.
fn samples() -> Vec<Vec<f64>> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / 1e15 - 4.0
    };
    let mut samples: Vec<Vec<f64>> = (0..40)
        .map(|len| (0..len).map(|_| next()).collect())
        .collect();
    samples.push(SPECIAL.to_vec());
    samples.extend((0..SPECIAL.len()).map(|at| SPECIAL[at..].to_vec()));
    samples
}

#[test]
fn lane_functions_do_what_the_scalars_do() {
    type Lanewise = (extern "C" fn(i64) -> i64, fn(f64) -> f64);
    let functions: [Lanewise; 5] = [
        (rt_vec_abs, f64::abs),
        (rt_vec_sqrt, f64::sqrt),
        (rt_vec_ceil, f64::ceil),
        (rt_vec_floor, f64::floor),
        (rt_vec_round, f64::round),
    ];
    for sample in samples() {
        for (function, scalar) in functions {
            let whole = vector(&sample);
            let expected: Vec<f64> = sample.iter().map(|&lane| scalar(lane)).collect();
            same(&lanes(function(whole)), &expected);
            // The vector itself is as it was.
            same(&lanes(whole), &sample);
        }
    }
    let rounded = lanes(rt_vec_round(vector(&[
        0.5,
        -0.5,
        1.5,
        2.5,
        -2.5,
        0.49999999999999994,
    ])));
    same(&rounded, &[1.0, -1.0, 2.0, 3.0, -3.0, 0.0]);
}

#[test]
fn sums_and_products_have_one_order() {
    for sample in samples() {
        let whole = vector(&sample);
        let (mut sums, mut products) = ([0.0; 4], [1.0; 4]);
        for (index, lane) in sample.iter().enumerate() {
            sums[index % 4] += lane;
            products[index % 4] *= lane;
        }
        let sum = (sums[0] + sums[2]) + (sums[1] + sums[3]);
        let product = (products[0] * products[2]) * (products[1] * products[3]);
        same(&[rt_vec_sum(whole), rt_vec_product(whole)], &[sum, product]);
        assert!(rt_vec_free(whole));
    }
    let ones = vector(&vec![1.0; 1001]);
    assert_eq!((rt_vec_sum(ones), rt_vec_product(ones)), (1001.0, 1.0));
}

#[test]
fn the_smallest_and_the_largest_lane() {
    for sample in samples() {
        let whole = vector(&sample);
        let low = sample
            .iter()
            .copied()
            .fold(f64::INFINITY, |a, b| rt_math_min(a, b));
        let high = sample
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, |a, b| rt_math_max(a, b));
        same(&[rt_vec_min(whole), rt_vec_max(whole)], &[low, high]);
    }
    for at in 0..9 {
        let mut numbers = [1.0; 9];
        numbers[at] = f64::NAN;
        assert!(rt_vec_min(vector(&numbers)).is_nan());
        numbers[at] = -0.0;
        let zeros: Vec<f64> = numbers.iter().map(|lane| lane * 0.0).collect();
        same(&[rt_vec_min(vector(&zeros))], &[-0.0]);
        same(&[rt_vec_max(vector(&zeros))], &[0.0]);
    }
}

#[test]
fn no_lanes_have_neutral_results() {
    let empty = unsafe { rt_vec_new(std::ptr::null(), 0) };
    assert_eq!(rt_vec_len(empty), 0);
    assert_eq!((rt_vec_sum(empty), rt_vec_product(empty)), (0.0, 1.0));
    assert_eq!(rt_vec_min(empty), f64::INFINITY);
    assert_eq!(rt_vec_max(empty), f64::NEG_INFINITY);
    assert!(rt_vec_all(empty) && !rt_vec_any(empty));
    assert!(lanes(rt_vec_sqrt(empty)).is_empty());
    assert!(lanes(rt_vec_select(empty, empty, empty)).is_empty());
    assert!(lanes(rt_vec_blend(empty, empty, u64::MAX)).is_empty());
    assert_eq!(show(rt_vec_to_array(empty)), "[]");
    assert_eq!(rt_vec_with(empty, 0, 1.0), 0);
    assert!(rt_vec_extract(empty, 0).is_nan());
}

#[test]
fn all_and_any_take_nan_as_true() {
    for len in 1..12 {
        for at in 0..len {
            let mut flags = vec![0.0; len];
            assert!(!rt_vec_any(vector(&flags)) && !rt_vec_all(vector(&flags)));
            flags[at] = f64::NAN;
            assert!(rt_vec_any(vector(&flags)));
            assert_eq!(rt_vec_all(vector(&flags)), len == 1);
            let mut flags = vec![f64::NAN; len];
            flags[at] = -0.0;
            assert!(!rt_vec_all(vector(&flags)));
            assert_eq!(rt_vec_any(vector(&flags)), len > 1);
        }
    }
}

#[test]
fn selecting_and_blending() {
    let a: Vec<f64> = (0..70).map(f64::from).collect();
    let b: Vec<f64> = a.iter().map(|lane| -lane - 1.0).collect();
    let mask: Vec<f64> = (0..70).map(|lane| f64::from(lane % 3)).collect();
    let (va, vb, vm) = (vector(&a), vector(&b), vector(&mask));
    let chosen: Vec<f64> = (0..70)
        .map(|lane| if mask[lane] != 0.0 { a[lane] } else { b[lane] })
        .collect();
    same(&lanes(rt_vec_select(vm, va, vb)), &chosen);
    for bits in [0, 1, u64::MAX, 0xaaaa_5555_0f0f_8001] {
        let blended: Vec<f64> = (0..70)
            .map(|lane| {
                if bits >> (lane % 64) & 1 == 1 {
                    b[lane]
                } else {
                    a[lane]
                }
            })
            .collect();
        same(&lanes(rt_vec_blend(va, vb, bits)), &blended);
    }
    let short = vector(&a[..69]);
    let selected = [(short, va, vb), (vm, short, vb), (vm, va, short)];
    for (mask, a, b) in selected {
        assert_eq!(rt_vec_select(mask, a, b), 0);
        assert_eq!(take_error(), 4);
    }
    assert_eq!(rt_vec_blend(va, short, 0), 0);
    assert_eq!(take_error(), 4);
}

#[test]
fn shuffling() {
    let source = vector(&[10.0, 11.0, 12.0]);
    let shuffled =
        |order: &[i64]| unsafe { rt_vec_shuffle(source, order.as_ptr(), order.len() as i64) };
    same(
        &lanes(shuffled(&[2, 2, 0, 1, 1, 0])),
        &[12.0, 12.0, 10.0, 11.0, 11.0, 10.0],
    );
    assert!(lanes(shuffled(&[])).is_empty());
    for wrong in [3, -1, i64::MIN, i64::MAX] {
        assert_eq!(shuffled(&[0, wrong]), 0);
    }
    let order = [0_i64; 4];
    unsafe {
        let odd = order.as_ptr().cast::<u8>().add(4).cast::<i64>();
        for count in [1, -1, i64::MIN, i64::MAX, 1 << 40] {
            assert_eq!(rt_vec_shuffle(source, std::ptr::null(), count), 0);
            assert_eq!(rt_vec_shuffle(source, odd, count), 0);
        }
        assert_eq!(rt_vec_shuffle(-5, order.as_ptr(), 1), 0);
    }
    assert!(rt_vec_free(source));
}

#[test]
fn single_lanes() {
    let first = vector(&[1.0, f64::NAN, 3.0]);
    let second = rt_vec_with(first, 1, 2.0);
    rt_error_clear();
    assert!(rt_vec_extract(first, 1).is_nan() && !rt_error_has());
    assert_eq!(rt_vec_extract(second, 1), 2.0);
    for lane in [3, -1, i64::MIN, i64::MAX] {
        assert!(rt_vec_extract(first, lane).is_nan());
        assert_eq!(take_error(), 4);
        assert_eq!(rt_vec_with(first, lane, 0.0), 0);
        assert_eq!(take_error(), 4);
    }
    same(&lanes(second), &[1.0, 2.0, 3.0]);
}

#[test]
fn arrays_and_back() {
    let numbers = array(&[int(3), float(-0.0), int(i64::MAX), float(f64::NAN)]);
    let made = rt_vec_from_array(numbers);
    let back = rt_vec_to_array(made);
    assert_eq!(rt_array_len(back), 4);
    assert!(rt_value_is_float(rt_array_get(back, 0)));
    same(&lanes(made), &[3.0, -0.0, i64::MAX as f64, f64::NAN]);
    rt_error_clear();
    assert_eq!(rt_vec_from_array(array(&[int(1), text("2")])), 0);
    assert_eq!(take_error(), 3);
    for stranger in strangers() {
        assert_eq!(rt_vec_from_array(stranger), 0);
    }
}

#[test]
fn bad_vectors_are_told() {
    let gone = vector(&[1.0]);
    assert!(rt_vec_free(gone));
    let foreign = rt_atomic_new(1);
    let good = vector(&[1.0]);
    for bad in BAD_HANDLES.into_iter().chain([gone, foreign]) {
        rt_error_clear();
        assert!(rt_vec_sum(bad).is_nan() && rt_vec_product(bad).is_nan());
        assert_eq!(take_error(), 11);
        assert!(rt_vec_min(bad).is_nan() && rt_vec_max(bad).is_nan());
        assert!(!rt_vec_all(bad) && !rt_vec_any(bad) && !rt_vec_free(bad));
        for made in [
            rt_vec_abs(bad),
            rt_vec_sqrt(bad),
            rt_vec_ceil(bad),
            rt_vec_floor(bad),
            rt_vec_round(bad),
            rt_vec_select(bad, good, good),
            rt_vec_select(good, bad, good),
            rt_vec_select(good, good, bad),
            rt_vec_blend(bad, good, 1),
            rt_vec_blend(good, bad, 1),
            rt_vec_with(bad, 0, 1.0),
        ] {
            assert_eq!(made, 0);
        }
        assert!(rt_vec_extract(bad, 0).is_nan());
        assert_eq!(rt_vec_len(bad), -1);
        assert_eq!(rt_vec_to_array(bad), RuntimeValue::NIL);
        assert_eq!(unsafe { rt_vec_read(bad, std::ptr::null_mut(), 0) }, -1);
    }
}

#[test]
fn bad_memory_is_told() {
    let mut room = [0.0; 4];
    let made = vector(&[1.0, 2.0, 3.0]);
    unsafe {
        let odd = room.as_mut_ptr().cast::<u8>().add(1).cast::<f64>();
        for count in [1, -1, i64::MIN, i64::MAX, 1 << 40, (1 << 24) + 1] {
            assert_eq!(rt_vec_new(std::ptr::null(), count), 0);
            assert_eq!(rt_vec_new(odd, count), 0);
            assert_eq!(rt_vec_read(made, std::ptr::null_mut(), count), -1);
            assert_eq!(rt_vec_read(made, odd, count), -1);
        }
        assert_eq!(rt_vec_read(made, room.as_mut_ptr(), -1), -1);
        assert_eq!(rt_vec_read(made, std::ptr::null_mut(), 0), 3);
        assert_eq!(rt_vec_read(made, room.as_mut_ptr(), 2), 3);
    }
    assert_eq!(room, [1.0, 2.0, 0.0, 0.0]);
    assert!(rt_vec_free(made));
}
