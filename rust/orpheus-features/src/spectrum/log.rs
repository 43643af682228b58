//! Base-2 logarithms of vectors.

use std::f64::consts::LN_2;

use super::simd::Simd;

/// Divisors of the terms that float32 needs, see [`log2_of_mantissa`].
pub(super) const TERMS_F32: [f64; 5] = [9.0, 7.0, 5.0, 3.0, 1.0];
/// Divisors of the terms that float64 needs.
pub(super) const TERMS_F64: [f64; 10] = [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0];

/// `log2(mantissa * 2^exponent)` for a mantissa in [√½, √2).
///
/// With s = (m - 1) / (m + 1), ln m = 2 (s + s³/3 + s⁵/5 + …). |s| is at most 0.172, so that the
/// first term left out, s¹¹/11 or s²¹/21, is below half a unit in the last place.
#[inline(always)]
pub(super) fn log2_of_mantissa<S: Simd, const N: usize>(
    simd: S,
    exponent: S::V,
    mantissa: S::V,
    divisors: [f64; N],
) -> S::V {
    let one = simd.constant(1.0);
    let s = simd.div(simd.sub(mantissa, one), simd.add(mantissa, one));
    let s2 = simd.mul(s, s);
    let mut series = simd.constant(0.0);
    for divisor in divisors {
        series = simd.mul_add(s2, series, simd.constant(2.0 / LN_2 / divisor));
    }
    simd.mul_add(s, series, exponent)
}
