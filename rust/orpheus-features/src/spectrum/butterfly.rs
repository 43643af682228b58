//! Complex arithmetic and the smallest Fourier transforms, one per lane.

use std::f64::consts::FRAC_1_SQRT_2;

use super::simd::Simd;

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
