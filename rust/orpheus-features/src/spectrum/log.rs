//! Base-2 logarithms of vectors.

use std::f64::consts::LN_2;

use super::simd::Simd;

/// `log2(mantissa * 2^exponent)` for a mantissa in [√½, √2).
///
/// With s = (m - 1) / (m + 1), ln m = 2 (s + s³/3 + s⁵/5 + …). |s| is at most 0.172, so that the
/// first term left out, s¹¹/11, is below half a unit in the last place of float32.
#[inline(always)]
pub(super) fn log2_of_mantissa<S: Simd<Real = f32>>(
    simd: S,
    exponent: S::V,
    mantissa: S::V,
) -> S::V {
    let one = simd.splat(1.0);
    let s = simd.div(simd.sub(mantissa, one), simd.add(mantissa, one));
    let s2 = simd.mul(s, s);
    let mut series = simd.splat(0.0);
    for divisor in [9.0, 7.0, 5.0, 3.0, 1.0] {
        series = simd.mul_add(s2, series, simd.constant(2.0 / LN_2 / divisor));
    }
    simd.mul_add(s, series, exponent)
}
