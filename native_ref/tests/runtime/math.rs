//! Math: known values, special values, integer edges.

use std::f64::consts::{E, FRAC_PI_2, FRAC_PI_4, LN_2, PI};

use native_ref::value::ffi::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

fn near(got: f64, want: f64) {
    assert!(
        (got - want).abs() <= 1e-14 * want.abs().max(1.0),
        "{got} is not {want}"
    );
}

/// Equal to the bit, so that -0.0 is not 0.0; any NaN is NaN.
fn same(got: f64, want: f64) {
    assert!(
        got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()),
        "{got:?} is not {want:?}"
    );
}

#[test]
fn roots_and_powers() {
    same(rt_math_sqrt(9.0), 3.0);
    same(rt_math_sqrt(-0.0), -0.0);
    same(rt_math_sqrt(-1.0), NAN);
    same(rt_math_sqrt(INF), INF);
    near(rt_math_cbrt(-27.0), -3.0);
    same(rt_math_pow(2.0, 10.0), 1024.0);
    same(rt_math_pow(0.0, 0.0), 1.0);
    same(rt_math_pow(NAN, 0.0), 1.0);
    same(rt_math_pow(-8.0, 1.0 / 3.0), NAN);
    same(rt_math_pow(10.0, 400.0), INF);
    same(rt_math_hypot(3.0, 4.0), 5.0);
    same(rt_math_hypot(INF, NAN), INF);
    near(rt_math_hypot(3e300, 4e300) / 1e300, 5.0);
}

#[test]
fn angles() {
    near(rt_math_sin(FRAC_PI_2), 1.0);
    near(rt_math_cos(PI), -1.0);
    near(rt_math_tan(FRAC_PI_4), 1.0);
    near(rt_math_asin(1.0), FRAC_PI_2);
    near(rt_math_acos(-1.0), PI);
    near(rt_math_atan(1.0), FRAC_PI_4);
    near(rt_math_atan2(1.0, -1.0), 3.0 * FRAC_PI_4);
    near(rt_math_atan2(-0.0, -1.0), -PI);
    same(rt_math_sin(-0.0), -0.0);
    for undefined in [
        rt_math_sin(INF),
        rt_math_cos(-INF),
        rt_math_asin(1.1),
        rt_math_acos(NAN),
    ] {
        same(undefined, NAN);
    }
    near(rt_math_sinh(1.0), (E - 1.0 / E) / 2.0);
    near(rt_math_cosh(1.0), (E + 1.0 / E) / 2.0);
    same(rt_math_tanh(INF), 1.0);
}

#[test]
fn logarithms() {
    near(rt_math_exp(1.0), E);
    same(rt_math_exp(-INF), 0.0);
    same(rt_math_exp(1000.0), INF);
    near(rt_math_ln(2.0), LN_2);
    same(rt_math_ln(0.0), -INF);
    same(rt_math_ln(-1.0), NAN);
    same(rt_math_log2(1024.0), 10.0);
    same(rt_math_log10(1000.0), 3.0);
    same(rt_math_log10(f64::MAX), f64::MAX.log10());
}

#[test]
fn rounding() {
    same(rt_math_floor(-1.5), -2.0);
    same(rt_math_ceil(-1.5), -1.0);
    same(rt_math_ceil(-0.5), -0.0);
    same(rt_math_round(2.5), 3.0);
    same(rt_math_round(-2.5), -3.0);
    same(rt_math_round(0.49999999999999994), 0.0);
    same(rt_math_trunc(-1.9), -1.0);
    same(rt_math_abs(-0.0), 0.0);
    same(rt_math_abs(-INF), INF);
    for f in [
        rt_math_floor,
        rt_math_ceil,
        rt_math_round,
        rt_math_trunc,
        rt_math_abs,
    ] {
        same(f(NAN), NAN);
        same(f(INF), INF);
    }
}

#[test]
fn remainders_and_ranges() {
    same(rt_math_fmod(7.5, 2.0), 1.5);
    same(rt_math_fmod(-7.5, 2.0), -1.5);
    same(rt_math_fmod(1.0, 0.0), NAN);
    same(rt_math_fmod(1.0, INF), 1.0);
    same(rt_math_min(0.0, -0.0), -0.0);
    same(rt_math_max(-0.0, 0.0), 0.0);
    same(rt_math_min(NAN, 1.0), NAN);
    same(rt_math_max(1.0, NAN), NAN);
    same(rt_math_min(-INF, 1.0), -INF);
    same(rt_math_clamp(5.0, 0.0, 1.0), 1.0);
    same(rt_math_clamp(-5.0, 0.0, 1.0), 0.0);
    same(rt_math_clamp(0.5, 0.0, 1.0), 0.5);
    same(rt_math_clamp(0.5, 1.0, 0.0), NAN);
    same(rt_math_clamp(NAN, 0.0, 1.0), NAN);
    assert!(rt_math_is_nan(NAN) && !rt_math_is_nan(INF));
    assert!(rt_math_is_finite(f64::MIN) && !rt_math_is_finite(INF) && !rt_math_is_finite(NAN));
}

#[test]
fn divisors_and_multiples() {
    assert_eq!(rt_math_gcd(12, -18), 6);
    assert_eq!(rt_math_gcd(0, 0), 0);
    assert_eq!(rt_math_gcd(0, -7), 7);
    assert_eq!(rt_math_gcd(i64::MIN, 6), 2);
    assert_eq!(rt_math_gcd(i64::MIN, 0), i64::MIN);
    assert_eq!(rt_math_gcd(i64::MIN, i64::MIN), i64::MIN);
    assert_eq!(rt_math_lcm(4, -6), 12);
    assert_eq!(rt_math_lcm(0, 5), 0);
    assert_eq!(rt_math_lcm(i64::MAX, 2), i64::MIN);
    assert_eq!(rt_math_lcm(i64::MIN, i64::MIN), i64::MIN);
    assert_eq!(rt_math_lcm(i64::MIN, -1), i64::MIN);
}
