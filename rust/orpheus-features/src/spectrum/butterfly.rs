//! Complex arithmetic and the smallest Fourier transforms, one per lane.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use super::simd::{Real, Simd};

/// A complex number per lane.
pub(super) type Complex<V> = [V; 2];

/// Sum.
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, a: Complex<S::V>, b: Complex<S::V>) -> Complex<S::V> {
    [simd.add(a[0], b[0]), simd.add(a[1], b[1])]
}

/// Difference.
#[inline(always)]
pub(super) fn sub<S: Simd>(simd: S, a: Complex<S::V>, b: Complex<S::V>) -> Complex<S::V> {
    [simd.sub(a[0], b[0]), simd.sub(a[1], b[1])]
}

/// Every lane times the same complex number.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    simd: S,
    [a, b]: Complex<S::V>,
    by: Complex<S::Real>,
) -> Complex<S::V> {
    let (c, d) = (simd.splat(by[0]), simd.splat(by[1]));
    [simd.neg_mul_add(b, d, simd.mul(a, c)), simd.mul_add(b, c, simd.mul(a, d))]
}

/// Squared magnitude.
#[inline(always)]
pub(super) fn square<S: Simd>(simd: S, [a, b]: Complex<S::V>) -> S::V {
    simd.mul_add(a, a, simd.mul(b, b))
}

/// `exp(-2πi numerator / denominator)`, in the precision of `R`.
pub(super) fn root<R: Real>(numerator: usize, denominator: usize) -> Complex<R> {
    let angle = TAU * (numerator % denominator) as f64 / denominator as f64;
    [R::from_f64(angle.cos()), R::from_f64(-angle.sin())]
}

/// Discrete Fourier transform of `N` values, one of 1, 2, 4, 8 and 16.
#[inline(always)]
pub(super) fn dft<S: Simd, const N: usize>(simd: S, values: &mut [Complex<S::V>; N]) {
    // Which of these holds is known when `N` is.
    let values = &mut values[..];
    if let Ok(values) = <&mut [_; 2]>::try_from(&mut *values) {
        *values = [add(simd, values[0], values[1]), sub(simd, values[0], values[1])];
    } else if let Ok(values) = <&mut [_; 4]>::try_from(&mut *values) {
        *values = dft_4(simd, *values);
    } else if let Ok(values) = <&mut [_; 8]>::try_from(&mut *values) {
        *values = dft_8(simd, *values);
    } else if let Ok(values) = <&mut [_; 16]>::try_from(&mut *values) {
        dft_16(simd, values);
    }
}

/// Cosine and sine of a sixteenth of a turn.
const COS_16: f64 = 0.923_879_532_511_286_8;
const SIN_16: f64 = 0.382_683_432_365_089_8;

/// `exp(-2πi n / 16)` for the products `n` of two numbers below four.
const SIXTEENTHS: [[f64; 2]; 10] = [
    [1.0, 0.0],
    [COS_16, -SIN_16],
    [FRAC_1_SQRT_2, -FRAC_1_SQRT_2],
    [SIN_16, -COS_16],
    [0.0, -1.0],
    [-SIN_16, -COS_16],
    [-FRAC_1_SQRT_2, -FRAC_1_SQRT_2],
    [-COS_16, -SIN_16],
    [-1.0, 0.0],
    [-COS_16, SIN_16],
];

/// Discrete Fourier transform of sixteen values: 4 x 4.
#[inline(always)]
fn dft_16<S: Simd>(simd: S, values: &mut [Complex<S::V>; 16]) {
    for j in 0..4 {
        let column = [values[j], values[j + 4], values[j + 8], values[j + 12]];
        let column = dft_4(simd, column);
        for q in 0..4 {
            let [cosine, sine] = SIXTEENTHS[j * q];
            let turn = [S::Real::from_f64(cosine), S::Real::from_f64(sine)];
            values[j + 4 * q] = multiply(simd, column[q], turn);
        }
    }
    let mut output = *values;
    for q in 0..4 {
        let row = [values[4 * q], values[4 * q + 1], values[4 * q + 2], values[4 * q + 3]];
        let row = dft_4(simd, row);
        for k in 0..4 {
            output[q + 4 * k] = row[k];
        }
    }
    *values = output;
}

/// Discrete Fourier transform of four values.
#[inline(always)]
pub(super) fn dft_4<S: Simd>(simd: S, [a, b, c, d]: [Complex<S::V>; 4]) -> [Complex<S::V>; 4] {
    let (ac, ca) = (add(simd, a, c), sub(simd, a, c));
    let (bd, db) = (add(simd, b, d), sub(simd, b, d));
    [
        add(simd, ac, bd),
        [simd.add(ca[0], db[1]), simd.sub(ca[1], db[0])],
        sub(simd, ac, bd),
        [simd.sub(ca[0], db[1]), simd.add(ca[1], db[0])],
    ]
}

/// Discrete Fourier transform of eight values.
#[inline(always)]
pub(super) fn dft_8<S: Simd>(
    simd: S,
    [a, b, c, d, e, f, g, h]: [Complex<S::V>; 8],
) -> [Complex<S::V>; 8] {
    let [e0, e1, e2, e3] = dft_4(simd, [a, c, e, g]);
    let [o0, [p, q], [r, s], [t, u]] = dft_4(simd, [b, d, f, h]);
    let half = simd.constant(FRAC_1_SQRT_2);
    // Odd output k turns by k eighths: (1 - i)/√2, -i, (-1 - i)/√2.
    let o1 = [simd.mul(half, simd.add(p, q)), simd.mul(half, simd.sub(q, p))];
    let o3 = [simd.mul(half, simd.sub(u, t)), simd.mul(half, simd.add(t, u))];
    [
        add(simd, e0, o0),
        add(simd, e1, o1),
        [simd.add(e2[0], s), simd.sub(e2[1], r)],
        [simd.add(e3[0], o3[0]), simd.sub(e3[1], o3[1])],
        sub(simd, e0, o0),
        sub(simd, e1, o1),
        [simd.sub(e2[0], s), simd.add(e2[1], r)],
        [simd.sub(e3[0], o3[0]), simd.add(e3[1], o3[1])],
    ]
}
