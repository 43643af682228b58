#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 8 lanes.

use std::arch::x86_64::{
    __m128i, __m256, _mm_add_ps, _mm_loadl_epi64, _mm_loadu_si128, _mm_storeu_ps, _mm256_add_ps,
    _mm256_and_si256, _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cvtepi32_ps,
    _mm256_cvtepu8_epi32, _mm256_cvtepu16_epi32, _mm256_cvtph_ps, _mm256_extractf128_ps,
    _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_set1_epi32, _mm256_set1_epi64x,
    _mm256_setr_epi8, _mm256_setr_epi32, _mm256_setzero_ps, _mm256_shuffle_epi8, _mm256_shuffle_ps,
    _mm256_slli_epi32, _mm256_srlv_epi32, _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::{AHEAD, CodecKernels, FOUR, Numbers, Width, avx2_bits, avx2_tables, four_codes, put};
use crate::code::fetch;
use crate::distance::Tier;
use crate::filter::Picks;

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<CodecKernels> {
    let at_hand = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("bmi2");
    at_hand.then_some(CodecKernels {
        tier: Tier::Avx2,
        // SAFETY: this function leaves the module only where the features were detected.
        numbers: |query, codes, picks, scores| unsafe { numbers(query, codes, picks, scores) },
        packed: avx2_bits::packed_kernel,
        bytes: avx2_tables::bytes_kernel,
        near: avx2_tables::near_kernel,
        tabulate: avx2_tables::tabulate_kernel,
        signs: avx2_bits::signs_kernel,
        bits: avx2_bits::bits_kernel,
    })
}

numbers_kernel!("avx2,fma,f16c", __m256, lanes: 8);

/// Eight numbers of so many bits as values.
///
/// # Safety
///
/// `BITS` bytes can be read at `address`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn widen<const BITS: usize, const BRAIN: bool>(address: *const u8) -> __m256 {
    // SAFETY: the caller's promise.
    unsafe {
        match BITS {
            4 => nibbles(address.cast::<u32>().read_unaligned()),
            6 => {
                let low = address.cast::<u32>().read_unaligned();
                let high = address.add(4).cast::<u16>().read_unaligned();
                six_bits(u64::from(low) | u64::from(high) << 32)
            }
            8 => bytes(_mm_loadl_epi64(address.cast())),
            _ => halves::<BRAIN>(_mm_loadu_si128(address.cast())),
        }
    }
}

/// The same of fewer bytes; the others count as zero.
///
/// # Safety
///
/// `n_bytes`, at most 16, can be read at `address`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn widen_head<const BITS: usize, const BRAIN: bool>(
    address: *const u8,
    n_bytes: usize,
) -> __m256 {
    let mut head = [0; 16];
    // SAFETY: the caller's promise; `head` is long enough for all that is written and read.
    unsafe {
        head.as_mut_ptr().copy_from_nonoverlapping(address, n_bytes);
        widen::<BITS, BRAIN>(head.as_ptr())
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn bytes(bytes: __m128i) -> __m256 {
    _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn halves<const BRAIN: bool>(halves: __m128i) -> __m256 {
    if BRAIN {
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves)))
    } else {
        _mm256_cvtph_ps(halves)
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn nibbles(bits: u32) -> __m256 {
    let shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    let words = _mm256_srlv_epi32(_mm256_set1_epi32(bits as i32), shifts);
    _mm256_cvtepi32_ps(_mm256_and_si256(words, _mm256_set1_epi32(15)))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn six_bits(bits: u64) -> __m256 {
    // The two bytes in which each number starts.
    let pairs = _mm256_setr_epi8(
        0, 1, -1, -1, 0, 1, -1, -1, 1, 2, -1, -1, 2, 3, -1, -1, 3, 4, -1, -1, 3, 4, -1, -1, 4, 5,
        -1, -1, 5, 6, -1, -1,
    );
    let shifts = _mm256_setr_epi32(0, 6, 4, 2, 0, 6, 4, 2);
    let words = _mm256_shuffle_epi8(_mm256_set1_epi64x(bits as i64), pairs);
    let words = _mm256_srlv_epi32(words, shifts);
    _mm256_cvtepi32_ps(_mm256_and_si256(words, _mm256_set1_epi32(63)))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn zero() -> __m256 {
    _mm256_setzero_ps()
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 {
    _mm256_fmadd_ps(a, b, c)
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn subtract(a: __m256, b: __m256) -> __m256 {
    _mm256_sub_ps(a, b)
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn subtract_product(a: __m256, b: __m256, c: __m256) -> __m256 {
    _mm256_fnmadd_ps(b, c, a)
}

/// # Safety
///
/// Eight values can be read at `address`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn load(address: *const f32) -> __m256 {
    // SAFETY: the caller's promise; the instruction takes any address.
    unsafe { _mm256_loadu_ps(address) }
}

/// The sum of the lanes of each.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sums_of_four([w, x, y, z]: [__m256; FOUR]) -> [f32; FOUR] {
    let pairs = |a, b| _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    let (wx, yz) = (pairs(w, x), pairs(y, z));
    let halves = _mm256_add_ps(
        _mm256_shuffle_ps::<0b01_00_01_00>(wx, yz),
        _mm256_shuffle_ps::<0b11_10_11_10>(wx, yz),
    );
    let four = _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves));
    let mut sums = [0.0; FOUR];
    // SAFETY: there is room for four values.
    unsafe { _mm_storeu_ps(sums.as_mut_ptr(), four) };
    sums
}
