#![expect(unsafe_code, reason = "SIMD: loads through pointers")]
//! One byte of the signs of 32 vectors at once.

use std::arch::x86_64::{
    __m256i, _mm_unpackhi_epi16, _mm_unpacklo_epi16, _mm256_add_epi8, _mm256_add_epi16,
    _mm256_and_si256, _mm256_castsi256_si128, _mm256_cvtepu16_epi32, _mm256_extracti128_si256,
    _mm256_loadu_si256, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_si256,
};

use super::super::layout::{LANES, block_bytes};
use super::{GROUP, check, table_at};

/// As [`super::scalar::sums`].
#[target_feature(enable = "avx2")]
pub(in crate::code) fn sums(blocks: &[u8], stride: usize, tables: &[u8], sums: &mut [i32]) {
    check(blocks, stride, tables, sums);
    let sums = sums.as_chunks_mut::<LANES>().0;
    for (block, sums) in blocks.chunks_exact(block_bytes(stride)).zip(sums) {
        // SAFETY: the block holds `stride` times 32 bytes, the tables twice as many, as checked.
        let (even, odd) = unsafe { totals(block.as_ptr(), stride, tables.as_ptr()) };
        for (half, sums) in sums.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let [even, odd] = [even, odd].map(|all| match half {
                0 => _mm256_castsi256_si128(all),
                _ => _mm256_extracti128_si256::<1>(all),
            });
            let low = _mm256_cvtepu16_epi32(_mm_unpacklo_epi16(even, odd));
            let high = _mm256_cvtepu16_epi32(_mm_unpackhi_epi16(even, odd));
            // SAFETY: there is room for 16 sums.
            unsafe {
                _mm256_storeu_si256(sums.as_mut_ptr().cast::<__m256i>(), low);
                _mm256_storeu_si256(sums.as_mut_ptr().add(8).cast::<__m256i>(), high);
            }
        }
    }
}

/// The sums of the even and of the odd vectors of a block, in 16 bits.
///
/// # Safety
///
/// `block` can be read for 32 times `stride` bytes, and `tables` for 64 times as many; `stride` is a
/// multiple of four.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn totals(block: *const u8, stride: usize, tables: *const u8) -> (__m256i, __m256i) {
    let (nibble, byte) = (_mm256_set1_epi8(15), _mm256_set1_epi16(255));
    let mut even = _mm256_setzero_si256();
    let mut odd = _mm256_setzero_si256();
    for group in 0..stride / GROUP {
        let mut eight = _mm256_setzero_si256();
        for step in 0..GROUP {
            let at = group * GROUP + step;
            // SAFETY: `at` is below `stride`.
            unsafe {
                let signs = _mm256_loadu_si256(block.add(LANES * at).cast::<__m256i>());
                let tables = tables.add(table_at(at));
                let low = _mm256_loadu_si256(tables.cast::<__m256i>());
                let high = _mm256_loadu_si256(tables.add(64).cast::<__m256i>());
                let low = _mm256_shuffle_epi8(low, _mm256_and_si256(signs, nibble));
                let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(signs), nibble);
                let high = _mm256_shuffle_epi8(high, upper);
                eight = _mm256_add_epi8(eight, _mm256_add_epi8(low, high));
            }
        }
        even = _mm256_add_epi16(even, _mm256_and_si256(eight, byte));
        odd = _mm256_add_epi16(odd, _mm256_srli_epi16::<8>(eight));
    }
    (even, odd)
}
