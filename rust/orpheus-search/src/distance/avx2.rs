#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 8 lanes.

use std::arch::x86_64::{
    __m256, _MM_HINT_T0, _mm_add_ps, _mm_cvtss_f32, _mm_prefetch, _mm_storeu_ps, _mm256_add_ps,
    _mm256_castps256_ps128, _mm256_cmpgt_epi32, _mm256_extractf128_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_maskload_ps, _mm256_permute_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setr_epi32, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_sub_ps,
    _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::{Kernels, Tier};

// Twelve accumulators, three queries and a row: the sixteen registers that there are.
block_kernels!("avx2,fma", __m256, lanes: 8, rows: 4);
// Twelve accumulators, two registers of a panel and one value of a row.
panel_kernel!("avx2,fma", __m256, rows: 6, registers: 2);

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<Kernels> {
    let at_hand = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    at_hand.then_some(Kernels {
        tier: Tier::Avx2,
        // SAFETY: these functions leave this module only where the features were detected.
        dot: |block, scores| unsafe { score::<false>(block, scores) },
        // SAFETY: likewise.
        squared_l2: |block, scores| unsafe { score::<true>(block, scores) },
        // SAFETY: likewise.
        each_dot: |query, rows, scores| unsafe { each::<false>(query, rows, scores) },
        // SAFETY: likewise.
        each_squared_l2: |query, rows, scores| unsafe { each::<true>(query, rows, scores) },
        // SAFETY: likewise.
        code_dots: |query, codes, dots| unsafe { code_dots(query, codes, dots) },
        // SAFETY: likewise.
        panel: |rows, values, best| unsafe { panel(rows, values, best) },
    })
}

/// Codes that are asked for while one is worked on: they lie anywhere, and take their time.
const CODES_AHEAD: usize = 6;

/// The compiler finds the instructions for the products by itself.
#[target_feature(enable = "avx2")]
fn code_dots(query: &[i8], codes: &[&[i8]], dots: &mut [i32]) {
    codes.iter().take(CODES_AHEAD).for_each(|codes| prefetch(codes));
    for (index, (one, dot)) in codes.iter().zip(dots).enumerate() {
        if let Some(codes) = codes.get(index + CODES_AHEAD) {
            prefetch(codes);
        }
        super::scalar::code_dots(query, &[one], std::slice::from_mut(dot));
    }
}

#[inline]
fn prefetch(codes: &[i8]) {
    for line in codes.chunks(64) {
        // SAFETY: a prefetch takes any address and changes nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr()) };
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn zero() -> __m256 {
    _mm256_setzero_ps()
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 {
    _mm256_fmadd_ps(a, b, c)
}

#[inline]
#[target_feature(enable = "avx2")]
fn subtract(a: __m256, b: __m256) -> __m256 {
    _mm256_sub_ps(a, b)
}

/// # Safety
///
/// 32 bytes can be read at `address`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(address: *const u8) -> __m256 {
    // SAFETY: the caller's promise; the instruction takes any address.
    unsafe { _mm256_loadu_ps(address.cast()) }
}

/// # Safety
///
/// `4 * n` bytes can be read at `address`; `n` is below 8.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_head(address: *const u8, n: usize) -> __m256 {
    let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lane);
    // SAFETY: lanes that the mask leaves out are not read.
    unsafe { _mm256_maskload_ps(address.cast(), mask) }
}

/// # Safety
///
/// 4 bytes can be read at `address`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn broadcast(address: *const u8) -> __m256 {
    // SAFETY: the caller's promise; `read_unaligned` takes any address.
    _mm256_set1_ps(unsafe { address.cast::<f32>().read_unaligned() })
}

/// # Safety
///
/// 32 bytes can be written at `address`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store(address: *mut f32, values: __m256) {
    // SAFETY: the caller's promise; the instruction takes any address.
    unsafe { _mm256_storeu_ps(address, values) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn sums<const R: usize>(totals: &[__m256; R]) -> [f32; R] {
    let mut sums = [0.0; R];
    let (fours, rest) = totals.as_chunks::<4>();
    let (four_sums, rest_sums) = sums.as_chunks_mut::<4>();
    for (sums, totals) in four_sums.iter_mut().zip(fours) {
        *sums = sums_of_four(*totals);
    }
    for (sum, &total) in rest_sums.iter_mut().zip(rest) {
        *sum = sum_of_one(total);
    }
    sums
}

/// With `a`, `b`, … the lanes of a half, every sum is taken as `h = (a + c) + (b + d)` and then
/// `h0 + h1`, here and in [`sum_of_one`].
#[inline]
#[target_feature(enable = "avx2")]
fn sums_of_four([w, x, y, z]: [__m256; 4]) -> [f32; 4] {
    let pairs = |a, b| _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    let (wx, yz) = (pairs(w, x), pairs(y, z));
    let halves = _mm256_add_ps(
        _mm256_shuffle_ps::<0b01_00_01_00>(wx, yz),
        _mm256_shuffle_ps::<0b11_10_11_10>(wx, yz),
    );
    let four = _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves));
    let mut sums = [0.0; 4];
    // SAFETY: `sums` has room for four values.
    unsafe { _mm_storeu_ps(sums.as_mut_ptr(), four) };
    sums
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_of_one(total: __m256) -> f32 {
    let pairs = _mm256_add_ps(total, _mm256_permute_ps::<0b01_00_11_10>(total));
    let halves = _mm256_add_ps(pairs, _mm256_permute_ps::<0b10_11_00_01>(pairs));
    _mm_cvtss_f32(_mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves)))
}
