#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 16 lanes.

use std::arch::x86_64::{
    __m256i, __m512, _mm_add_ps, _mm_loadu_si128, _mm_maskz_loadu_epi8, _mm_storeu_ps,
    _mm256_add_ps, _mm256_castps256_ps128, _mm256_castsi128_si256, _mm256_castsi256_si128,
    _mm256_extractf128_ps, _mm256_loadu_si256, _mm256_maskz_loadu_epi8, _mm512_add_ps,
    _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_castps512_ps256, _mm512_castsi512_ps,
    _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32, _mm512_cvtepu16_epi32, _mm512_cvtph_ps,
    _mm512_extractf32x8_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_loadu_ps,
    _mm512_mask_set1_epi32, _mm512_permutexvar_ps, _mm512_set_epi8, _mm512_set1_epi32,
    _mm512_setr_epi32, _mm512_setr_ps, _mm512_setzero_ps, _mm512_shuffle_epi8, _mm512_shuffle_ps,
    _mm512_slli_epi32, _mm512_srlv_epi32, _mm512_sub_ps, _mm512_unpackhi_ps, _mm512_unpacklo_ps,
};

use super::{
    AHEAD, CodecKernels, FOUR, Numbers, Width, avx512_bits, avx512_tables, four_codes, put,
};
use crate::code::fetch;
use crate::distance::Tier;
use crate::filter::Picks;

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<CodecKernels> {
    let at_hand = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    at_hand.then_some(CodecKernels {
        tier: Tier::Avx512,
        // SAFETY: this function leaves the module only where the features were detected.
        numbers: |query, codes, picks, scores| unsafe { numbers(query, codes, picks, scores) },
        packed: avx512_bits::packed_kernel,
        bytes: avx512_tables::bytes_kernel,
        near: avx512_tables::near_kernel,
        tabulate: avx512_tables::tabulate_kernel,
        signs: avx512_bits::signs_kernel,
        bits: avx512_bits::bits_kernel(),
    })
}

numbers_kernel!("avx512f,avx512dq,avx512bw,avx512vl", __m512, lanes: 16);

/// 16 numbers of so many bits as values.
///
/// # Safety
///
/// `2 * BITS` bytes can be read at `address`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
unsafe fn widen<const BITS: usize, const BRAIN: bool>(address: *const u8) -> __m512 {
    // SAFETY: the caller's promise; lanes that a mask leaves out are not read.
    let bytes = unsafe {
        match BITS {
            4 => return nibbles(address.cast::<u64>().read_unaligned()),
            6 => _mm256_castsi128_si256(_mm_maskz_loadu_epi8(0x0fff, address.cast())),
            8 => _mm256_castsi128_si256(_mm_loadu_si128(address.cast())),
            _ => _mm256_loadu_si256(address.cast()),
        }
    };
    values::<BITS, BRAIN>(bytes)
}

/// The same of fewer bytes; the others count as zero.
///
/// # Safety
///
/// `n_bytes`, at most 32, can be read at `address`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
unsafe fn widen_head<const BITS: usize, const BRAIN: bool>(
    address: *const u8,
    n_bytes: usize,
) -> __m512 {
    let mask = u32::MAX >> (32 - n_bytes);
    // SAFETY: lanes that the mask leaves out are not read.
    let bytes = unsafe { _mm256_maskz_loadu_epi8(mask, address.cast()) };
    values::<BITS, BRAIN>(bytes)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn values<const BITS: usize, const BRAIN: bool>(bytes: __m256i) -> __m512 {
    let low = _mm256_castsi256_si128(bytes);
    match BITS {
        4 => {
            let mut first = 0u64;
            // SAFETY: eight bytes have room for eight bytes.
            unsafe {
                std::arch::x86_64::_mm_storel_epi64(std::ptr::from_mut(&mut first).cast(), low);
            }
            nibbles(first)
        }
        6 => six_bits(_mm512_broadcast_i32x4(low)),
        8 => _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(low)),
        _ if BRAIN => _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bytes))),
        _ => _mm512_cvtph_ps(bytes),
    }
}

/// 16 numbers of 4 bits: a table of 16 values makes them floating-point numbers at once, and looks
/// at no other bits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn nibbles(bits: u64) -> __m512 {
    let table = _mm512_setr_ps(
        0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0,
    );
    let shifts = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
    let low = _mm512_set1_epi32(bits as i32);
    let both = _mm512_mask_set1_epi32(low, 0xff00, (bits >> 32) as i32);
    _mm512_permutexvar_ps(_mm512_srlv_epi32(both, shifts), table)
}

/// 16 numbers of 6 bits, from 12 bytes that each quarter of `bytes` holds.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn six_bits(bytes: std::arch::x86_64::__m512i) -> __m512 {
    // The two bytes in which number `i` starts, from byte `6 i / 8` on; 12 and -1 are zeros.
    let pairs = _mm512_set_epi8(
        -1, -1, 12, 11, -1, -1, 11, 10, -1, -1, 10, 9, -1, -1, 10, 9, -1, -1, 9, 8, -1, -1, 8, 7,
        -1, -1, 7, 6, -1, -1, 7, 6, -1, -1, 6, 5, -1, -1, 5, 4, -1, -1, 4, 3, -1, -1, 4, 3, -1, -1,
        3, 2, -1, -1, 2, 1, -1, -1, 1, 0, -1, -1, 1, 0,
    );
    let shifts = _mm512_setr_epi32(0, 6, 4, 2, 0, 6, 4, 2, 0, 6, 4, 2, 0, 6, 4, 2);
    let words = _mm512_srlv_epi32(_mm512_shuffle_epi8(bytes, pairs), shifts);
    _mm512_cvtepi32_ps(_mm512_and_si512(words, _mm512_set1_epi32(63)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn zero() -> __m512 {
    _mm512_setzero_ps()
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
    _mm512_fmadd_ps(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn subtract(a: __m512, b: __m512) -> __m512 {
    _mm512_sub_ps(a, b)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn subtract_product(a: __m512, b: __m512, c: __m512) -> __m512 {
    _mm512_fnmadd_ps(b, c, a)
}

/// # Safety
///
/// 16 values can be read at `address`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
unsafe fn load(address: *const f32) -> __m512 {
    // SAFETY: the caller's promise; the instruction takes any address.
    unsafe { _mm512_loadu_ps(address) }
}

/// The sum of the lanes of each.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
pub(super) fn sums_of_four([w, x, y, z]: [__m512; FOUR]) -> [f32; FOUR] {
    let pairs = |a, b| _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    let (wx, yz) = (pairs(w, x), pairs(y, z));
    let quarters = _mm512_add_ps(
        _mm512_shuffle_ps::<0b01_00_01_00>(wx, yz),
        _mm512_shuffle_ps::<0b11_10_11_10>(wx, yz),
    );
    let halves =
        _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps::<1>(quarters));
    let four = _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves));
    let mut sums = [0.0; FOUR];
    // SAFETY: there is room for four values.
    unsafe { _mm_storeu_ps(sums.as_mut_ptr(), four) };
    sums
}
