#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 16 lanes.

use std::arch::x86_64::{
    __m512, __mmask16, _mm_add_ps, _mm_cvtss_f32, _mm_movehl_ps, _mm_shuffle_ps, _mm256_add_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps, _mm512_castps512_ps256, _mm512_extractf32x8_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_setzero_ps, _mm512_sub_ps,
};

use super::{Kernels, Tier};

block_kernels!("avx512f,avx512dq", __m512, lanes: 16, rows: 8);

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<Kernels> {
    let at_hand = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
    at_hand.then_some(Kernels {
        tier: Tier::Avx512,
        // SAFETY: these functions leave this module only where the features were detected.
        dot: |block, scores| unsafe { score::<false>(block, scores) },
        // SAFETY: likewise.
        squared_l2: |block, scores| unsafe { score::<true>(block, scores) },
    })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn zero() -> __m512 {
    _mm512_setzero_ps()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
    _mm512_fmadd_ps(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn subtract(a: __m512, b: __m512) -> __m512 {
    _mm512_sub_ps(a, b)
}

/// # Safety
///
/// 64 bytes can be read at `address`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(address: *const u8) -> __m512 {
    // SAFETY: the caller's promise; the instruction takes any address.
    unsafe { _mm512_loadu_ps(address.cast()) }
}

/// # Safety
///
/// `4 * n` bytes can be read at `address`; `n` is below 16.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_head(address: *const u8, n: usize) -> __m512 {
    let mask: __mmask16 = (1 << n) - 1;
    // SAFETY: lanes that the mask leaves out are not read.
    unsafe { _mm512_maskz_loadu_ps(mask, address.cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn sums<const R: usize>(totals: &[__m512; R]) -> [f32; R] {
    let mut sums = [0.0; R];
    for (sum, &total) in sums.iter_mut().zip(totals) {
        let eight =
            _mm256_add_ps(_mm512_castps512_ps256(total), _mm512_extractf32x8_ps::<1>(total));
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        *sum = _mm_cvtss_f32(_mm_add_ps(two, _mm_shuffle_ps::<1>(two, two)));
    }
    sums
}
