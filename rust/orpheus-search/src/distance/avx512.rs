#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 16 lanes.

use std::arch::x86_64::{
    __m512, __mmask16, _MM_HINT_T0, _mm_add_ps, _mm_cvtss_f32, _mm_prefetch, _mm256_add_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_storeu_ps, _mm512_add_ps,
    _mm512_castps512_ps256, _mm512_extractf32x8_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_maskz_loadu_ps, _mm512_permute_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_shuffle_f32x4, _mm512_shuffle_ps, _mm512_storeu_ps, _mm512_sub_ps, _mm512_unpackhi_ps,
    _mm512_unpacklo_ps,
};

use super::{Kernels, Tier};

// Without `avx512vl` the compiler may use only half of the 32 registers, as the narrow instructions
// that end a sum cannot name the others.
block_kernels!("avx512f,avx512dq,avx512vl", __m512, lanes: 16, rows: 8);
// 24 accumulators, three registers of a panel and one value of a row.
panel_kernel!("avx512f,avx512dq,avx512vl", __m512, rows: 8, registers: 3);

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<Kernels> {
    let at_hand = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    at_hand.then_some(Kernels {
        tier: Tier::Avx512,
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
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
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn zero() -> __m512 {
    _mm512_setzero_ps()
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
    _mm512_fmadd_ps(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn subtract(a: __m512, b: __m512) -> __m512 {
    _mm512_sub_ps(a, b)
}

/// # Safety
///
/// 64 bytes can be read at `address`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
unsafe fn load(address: *const u8) -> __m512 {
    // SAFETY: the caller's promise; the instruction takes any address.
    unsafe { _mm512_loadu_ps(address.cast()) }
}

/// # Safety
///
/// `4 * n` bytes can be read at `address`; `n` is below 16.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
unsafe fn load_head(address: *const u8, n: usize) -> __m512 {
    let mask: __mmask16 = (1 << n) - 1;
    // SAFETY: lanes that the mask leaves out are not read.
    unsafe { _mm512_maskz_loadu_ps(mask, address.cast()) }
}

/// # Safety
///
/// 4 bytes can be read at `address`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
unsafe fn broadcast(address: *const u8) -> __m512 {
    // SAFETY: the caller's promise; `read_unaligned` takes any address.
    _mm512_set1_ps(unsafe { address.cast::<f32>().read_unaligned() })
}

/// # Safety
///
/// 64 bytes can be written at `address`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
unsafe fn store(address: *mut f32, values: __m512) {
    // SAFETY: the caller's promise; the instruction takes any address.
    unsafe { _mm512_storeu_ps(address, values) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn sums<const R: usize>(totals: &[__m512; R]) -> [f32; R] {
    let mut sums = [0.0; R];
    let (eights, rest) = totals.as_chunks::<8>();
    let (eight_sums, rest_sums) = sums.as_chunks_mut::<8>();
    for (sums, totals) in eight_sums.iter_mut().zip(eights) {
        *sums = sums_of_eight(totals);
    }
    for (sum, &total) in rest_sums.iter_mut().zip(rest) {
        *sum = sum_of_one(total);
    }
    sums
}

/// With `a`, `b`, … the lanes of a quarter and `0` to `3` the quarters, every sum is taken as
/// `q = (a + c) + (b + d)` and then `(q0 + q2) + (q1 + q3)`, here and in [`sum_of_one`].
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn sums_of_eight(totals: &[__m512; 8]) -> [f32; 8] {
    let low = quarter_sums([totals[0], totals[1], totals[2], totals[3]]);
    let high = quarter_sums([totals[4], totals[5], totals[6], totals[7]]);
    // Quarters 0 and 1 of both, plus quarters 2 and 3.
    let halves = _mm512_add_ps(
        _mm512_shuffle_f32x4::<0b01_00_01_00>(low, high),
        _mm512_shuffle_f32x4::<0b11_10_11_10>(low, high),
    );
    let eight = _mm256_add_ps(
        _mm512_castps512_ps256(_mm512_shuffle_f32x4::<0b10_00_10_00>(halves, halves)),
        _mm512_castps512_ps256(_mm512_shuffle_f32x4::<0b11_01_11_01>(halves, halves)),
    );
    let mut sums = [0.0; 8];
    // SAFETY: `sums` has room for eight values.
    unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), eight) };
    sums
}

/// The sums of four vectors over each of their quarters, side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn quarter_sums([w, x, y, z]: [__m512; 4]) -> __m512 {
    let pairs = |a, b| _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    let (wx, yz) = (pairs(w, x), pairs(y, z));
    _mm512_add_ps(
        _mm512_shuffle_ps::<0b01_00_01_00>(wx, yz),
        _mm512_shuffle_ps::<0b11_10_11_10>(wx, yz),
    )
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn sum_of_one(total: __m512) -> f32 {
    let pairs = _mm512_add_ps(total, _mm512_permute_ps::<0b01_00_11_10>(total));
    let quarters = _mm512_add_ps(pairs, _mm512_permute_ps::<0b10_11_00_01>(pairs));
    let halves =
        _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps::<1>(quarters));
    let one = _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves));
    _mm_cvtss_f32(one)
}
