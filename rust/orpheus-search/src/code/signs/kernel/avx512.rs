#![expect(unsafe_code, reason = "SIMD: loads through pointers")]
//! Two bytes of the signs of 32 vectors at once.

use std::arch::x86_64::{
    __m256i, __m512i, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi16, _mm512_add_epi8,
    _mm512_add_epi16, _mm512_and_si512, _mm512_castsi512_si256, _mm512_cvtepu16_epi32,
    _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_permutex2var_epi32, _mm512_set1_epi8,
    _mm512_set1_epi16, _mm512_setr_epi32, _mm512_setzero_si512, _mm512_shuffle_epi8,
    _mm512_srli_epi16, _mm512_storeu_si512,
};

use super::super::layout::{LANES, block_bytes};
use super::{GROUP, TABLE_PAIR, check};

/// Bytes ahead of which signs are asked for: the processor by itself stops at every page.
const AHEAD: usize = 8192;

/// As [`super::scalar::sums`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(in crate::code) fn sums(blocks: &[u8], stride: usize, tables: &[u8], sums: &mut [i32]) {
    check(blocks, stride, tables, sums);
    let n_bytes = block_bytes(stride);
    let sums = sums.as_chunks_mut::<LANES>().0;
    for (block, sums) in blocks.chunks_exact(n_bytes).zip(sums) {
        // SAFETY: the block holds `stride` times 32 bytes, the tables twice as many, as checked;
        // `sums` has 32 places.
        unsafe {
            let (even, odd) = totals(block.as_ptr(), stride, tables.as_ptr());
            let (first, second) = in_order(even, odd);
            _mm512_storeu_si512(sums.as_mut_ptr().cast(), first);
            _mm512_storeu_si512(sums.as_mut_ptr().add(16).cast(), second);
        }
    }
}

/// The sums of the even and of the odd vectors of a block, in 16 bits.
///
/// # Safety
///
/// `block` can be read for 32 times `stride` bytes, and `tables` for 64 times as many; `stride` is a
/// multiple of eight.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn totals(block: *const u8, stride: usize, tables: *const u8) -> (__m256i, __m256i) {
    let (nibble, byte) = (_mm512_set1_epi8(15), _mm512_set1_epi16(255));
    let mut even = _mm512_setzero_si512();
    let mut odd = _mm512_setzero_si512();
    for group in 0..stride / (2 * GROUP) {
        let mut eight = _mm512_setzero_si512();
        for step in 0..GROUP {
            let pair = group * GROUP + step;
            // SAFETY: there are `stride / 2` pairs.
            unsafe {
                let address = block.add(2 * LANES * pair);
                _mm_prefetch::<_MM_HINT_T0>(address.wrapping_add(AHEAD).cast());
                let signs = _mm512_loadu_si512(address.cast());
                let tables = tables.add(TABLE_PAIR * pair);
                let low = _mm512_loadu_si512(tables.cast());
                let high = _mm512_loadu_si512(tables.add(64).cast());
                let low = _mm512_shuffle_epi8(low, _mm512_and_si512(signs, nibble));
                let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(signs), nibble);
                let high = _mm512_shuffle_epi8(high, upper);
                eight = _mm512_add_epi8(eight, _mm512_add_epi8(low, high));
            }
        }
        even = _mm512_add_epi16(even, _mm512_and_si512(eight, byte));
        odd = _mm512_add_epi16(odd, _mm512_srli_epi16::<8>(eight));
    }
    (folded(even), folded(odd))
}

/// The sum of both halves.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn folded(total: __m512i) -> __m256i {
    _mm256_add_epi16(_mm512_castsi512_si256(total), _mm512_extracti64x4_epi64::<1>(total))
}

/// Even and odd numbers of 16 bits as 32 of 32 bits, in turn.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn in_order(even: __m256i, odd: __m256i) -> (__m512i, __m512i) {
    let (even, odd) = (_mm512_cvtepu16_epi32(even), _mm512_cvtepu16_epi32(odd));
    let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    (_mm512_permutex2var_epi32(even, low, odd), _mm512_permutex2var_epi32(even, high, odd))
}
