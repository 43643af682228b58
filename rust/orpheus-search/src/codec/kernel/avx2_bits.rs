#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 8 lanes over packed numbers of 4 bits, over signs, and over signs with more bits.

use std::arch::x86_64::{
    __m256, _mm_cvtsi64_si128, _mm_loadl_epi64, _mm256_add_ps, _mm256_and_ps, _mm256_and_si256,
    _mm256_blendv_ps, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_cvtepi32_ps,
    _mm256_cvtepu8_epi32, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_or_si256,
    _mm256_permutevar8x32_ps, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_ps,
    _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_ps, _pdep_u64,
};

use super::avx2::sums_of_four;
use super::{Bits, FOUR, GROUP, Signs, four_codes, put};
use crate::codec::nibbles::{PackedBlocks, byte_of};
use crate::filter::Picks;

pub(super) fn packed_kernel(
    blocks: &PackedBlocks,
    codes: &[u8],
    table: &[[f32; 16]],
    first: usize,
    sums: &mut [[f32; GROUP]],
) {
    // SAFETY: this function leaves the module only where the features were detected.
    unsafe { packed(blocks, codes, table, first, sums) }
}

pub(super) fn signs_kernel(signs: &Signs<'_>, codes: &[u8], picks: Picks<'_>, sums: &mut [f32]) {
    // SAFETY: likewise.
    unsafe { sign_sums(signs, codes, picks, sums) }
}

pub(super) fn bits_kernel(query: &[f32], bits: usize, vectors: &[Bits<'_>; FOUR]) -> [f32; FOUR] {
    // SAFETY: likewise.
    unsafe { bits_dots(query, bits, vectors) }
}

#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn packed(
    blocks: &PackedBlocks,
    codes: &[u8],
    table: &[[f32; 16]],
    first: usize,
    sums: &mut [[f32; GROUP]],
) {
    for (index, sums) in sums.iter_mut().enumerate() {
        let (bytes, stride) = blocks.group(codes, first + index * GROUP);
        group(bytes, stride, table, sums);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn group(bytes: &[u8], stride: usize, table: &[[f32; 16]], sums: &mut [f32; GROUP]) {
    // Lower and upper halves of eight bytes, and of the eight after those.
    let mut totals = [_mm256_setzero_ps(); 4];
    for (m, row) in table.iter().enumerate() {
        let bytes = &bytes[m / 2 * stride + m % 2 * 16..][..16];
        for half in 0..2 {
            // SAFETY: there are 16 bytes, and 16 values in a row.
            let (bytes, low, high) = unsafe {
                (
                    _mm_loadl_epi64(bytes.as_ptr().add(8 * half).cast()),
                    _mm256_loadu_ps(row.as_ptr()),
                    _mm256_loadu_ps(row.as_ptr().add(8)),
                )
            };
            let lower = _mm256_cvtepu8_epi32(bytes);
            let upper = _mm256_srli_epi32::<4>(lower);
            for (place, numbers) in [(half, lower), (2 + half, upper)] {
                // The lowest three bits choose from each half of the row, the fourth one of those.
                let is_high = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(numbers));
                let chosen = _mm256_blendv_ps(
                    _mm256_permutevar8x32_ps(low, numbers),
                    _mm256_permutevar8x32_ps(high, numbers),
                    is_high,
                );
                totals[place] = _mm256_add_ps(totals[place], chosen);
            }
        }
    }
    let mut in_bytes = [0.0; GROUP];
    for (place, &total) in totals.iter().enumerate() {
        // SAFETY: there is room for four times eight values.
        unsafe { _mm256_storeu_ps(in_bytes.as_mut_ptr().add(8 * place), total) };
    }
    for (vector, sum) in sums.iter_mut().enumerate() {
        let (byte, is_upper) = byte_of(vector);
        *sum = in_bytes[byte + if is_upper { 16 } else { 0 }];
    }
}

#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn sign_sums(signs: &Signs<'_>, codes: &[u8], picks: Picks<'_>, sums: &mut [f32]) {
    let size = signs.code_size;
    let first_byte = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let bits = [
        first_byte,
        _mm256_slli_epi32::<8>(first_byte),
        _mm256_slli_epi32::<16>(first_byte),
        _mm256_slli_epi32::<24>(first_byte),
    ];
    for (index, sums) in sums.chunks_mut(FOUR).enumerate() {
        let rows = four_codes(codes, size, picks, index * FOUR);
        let mut totals = [_mm256_setzero_ps(); FOUR];
        for (chunk, query) in signs.query.chunks_exact(32).take(signs.dim.div_ceil(32)).enumerate()
        {
            for (row, total) in rows.iter().zip(&mut totals) {
                // SAFETY: what follows the signs has 8 bytes at least, so that the last four lie
                // in the code even if some of them are of something else: the query is zero there.
                let word = unsafe { row.add(4 * chunk).cast::<i32>().read_unaligned() };
                let word = _mm256_set1_epi32(word);
                for (eight, &bits) in bits.iter().enumerate() {
                    let is_set = _mm256_cmpeq_epi32(_mm256_and_si256(word, bits), bits);
                    // SAFETY: a chunk has 32 values.
                    let query = unsafe { _mm256_loadu_ps(query.as_ptr().add(8 * eight)) };
                    let chosen = _mm256_and_ps(query, _mm256_castsi256_ps(is_set));
                    *total = _mm256_add_ps(*total, chosen);
                }
            }
        }
        put(sums, sums_of_four(totals));
    }
}

#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn bits_dots(query: &[f32], bits: usize, vectors: &[Bits<'_>; FOUR]) -> [f32; FOUR] {
    let mut totals = [_mm256_setzero_ps(); FOUR];
    for (vector, total) in vectors.iter().zip(&mut totals) {
        *total = bits_dot(query, bits, vector.signs, vector.extra);
    }
    sums_of_four(totals)
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn bits_dot(query: &[f32], bits: usize, signs: &[u8], extra: &[u8]) -> __m256 {
    /// The lowest bit of each byte.
    const LOWEST: u64 = u64::from_le_bytes([1; 8]);
    let places = LOWEST * u64::from(u8::MAX >> (8 - bits));
    let shift = std::arch::x86_64::_mm_cvtsi32_si128(bits as i32);
    let mut totals = [_mm256_setzero_ps(); 2];
    let (groups, _) = query.as_chunks::<8>();
    for (group, (query, &signs)) in groups.iter().zip(signs).enumerate() {
        // Eight numbers take as many bytes as each has bits: one to each byte of a word.
        let numbers = _pdep_u64(word(extra, group * bits), places);
        let numbers = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(numbers as i64));
        let signs = _pdep_u64(u64::from(signs), LOWEST);
        let signs = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(signs as i64));
        let signs = std::arch::x86_64::_mm256_sll_epi32(signs, shift);
        let values = _mm256_cvtepi32_ps(_mm256_or_si256(numbers, signs));
        // SAFETY: there are eight values.
        let query: __m256 = unsafe { _mm256_loadu_ps(query.as_ptr()) };
        totals[group % 2] = _mm256_fmadd_ps(query, values, totals[group % 2]);
    }
    _mm256_add_ps(totals[0], totals[1])
}

/// Eight bytes from `at` on, and zeros for those that are not there.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).unwrap_or_default();
    if let Some(eight) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*eight);
    }
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}
