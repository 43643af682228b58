#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 16 lanes over packed numbers of 4 bits, over signs, and over signs with more bits.

use std::arch::x86_64::{
    __m512, __m512i, _mm_loadu_si128, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_si128,
    _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32, _mm512_extracti32x4_epi32, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_add_ps, _mm512_maskz_loadu_epi8,
    _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8, _mm512_permutexvar_ps,
    _mm512_reduce_add_ps, _mm512_set1_epi8, _mm512_set1_epi64, _mm512_setr_epi32,
    _mm512_setzero_ps, _mm512_srli_epi32, _mm512_storeu_ps,
};

use super::avx512::sums_of_four;
use super::{FOUR, GROUP, Signs, avx2_bits, four_codes, put};
use crate::codec::nibbles::PackedBlocks;
use crate::filter::Picks;

pub(super) fn packed_kernel(
    blocks: &PackedBlocks,
    codes: &[u8],
    table: &[[f32; 16]],
    first: usize,
    sums: &mut [f32; GROUP],
) {
    // SAFETY: this function leaves the module only where the features were detected.
    unsafe { packed(blocks, codes, table, first, sums) }
}

pub(super) fn signs_kernel(signs: &Signs<'_>, codes: &[u8], picks: Picks<'_>, sums: &mut [f32]) {
    // SAFETY: likewise.
    unsafe { sign_sums(signs, codes, picks, sums) }
}

/// The kernel over signs with more bits, which wants instructions that not every processor with
/// the others has.
pub(super) fn bits_kernel() -> super::BitsKernel {
    let at_hand = is_x86_feature_detected!("avx512vbmi");
    if at_hand {
        // SAFETY: the features were detected.
        |query, bits, signs, extra| unsafe { bits_dot(query, bits, signs, extra) }
    } else {
        avx2_bits::bits_kernel
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn packed(
    blocks: &PackedBlocks,
    codes: &[u8],
    table: &[[f32; 16]],
    first: usize,
    sums: &mut [f32; GROUP],
) {
    let (bytes, stride) = blocks.group(codes, first);
    let mut totals = [_mm512_setzero_ps(); 4];
    let (pairs, last) = table.as_chunks::<2>();
    for (pair, rows) in pairs.iter().enumerate() {
        let bytes = &bytes[pair * stride..][..32];
        for half in 0..2 {
            let [low, high] = lookups(&bytes[16 * half..], &rows[half]);
            totals[2 * half] = _mm512_add_ps(totals[2 * half], low);
            totals[2 * half + 1] = _mm512_add_ps(totals[2 * half + 1], high);
        }
    }
    if let [row] = last {
        let [low, high] = lookups(&bytes[pairs.len() * stride..], row);
        totals[0] = _mm512_add_ps(totals[0], low);
        totals[1] = _mm512_add_ps(totals[1], high);
    }
    // From the order of the bytes to that of the vectors.
    let order = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    for half in 0..2 {
        let total = _mm512_add_ps(totals[half], totals[half + 2]);
        let total = _mm512_permutexvar_ps(order, total);
        // SAFETY: there is room for two times 16 values.
        unsafe { _mm512_storeu_ps(sums.as_mut_ptr().add(16 * half), total) };
    }
}

/// The table entries that the lower and upper halves of 16 bytes choose.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn lookups(bytes: &[u8], row: &[f32; 16]) -> [__m512; 2] {
    let bytes = &bytes[..16];
    // SAFETY: there are 16 bytes and 16 values.
    let (bytes, row) =
        unsafe { (_mm_loadu_si128(bytes.as_ptr().cast()), _mm512_loadu_ps(row.as_ptr())) };
    let numbers = _mm512_cvtepu8_epi32(bytes);
    // Only the lowest four bits choose.
    let upper = _mm512_srli_epi32::<4>(numbers);
    [_mm512_permutexvar_ps(numbers, row), _mm512_permutexvar_ps(upper, row)]
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn sign_sums(signs: &Signs<'_>, codes: &[u8], picks: Picks<'_>, sums: &mut [f32]) {
    let size = signs.code_size;
    for (index, sums) in sums.chunks_mut(FOUR).enumerate() {
        let rows = four_codes(codes, size, picks, index * FOUR);
        let mut totals = [_mm512_setzero_ps(); FOUR];
        for (chunk, query) in signs.query.chunks_exact(16).take(signs.dim.div_ceil(16)).enumerate()
        {
            for (row, total) in rows.iter().zip(&mut totals) {
                // SAFETY: what follows the signs has 8 bytes at least, so that the last two lie in
                // the code even if half of them are of something else: the query is zero there.
                unsafe {
                    let query = _mm512_loadu_ps(query.as_ptr());
                    let mask = row.add(2 * chunk).cast::<u16>().read_unaligned();
                    *total = _mm512_mask_add_ps(*total, mask, *total, query);
                }
            }
        }
        put(sums, sums_of_four(totals));
    }
}

/// Where 64 numbers of so many bits lie in their bytes.
struct Spread {
    /// Which byte comes to byte `j` of lane `l`: as a lane holds eight numbers, `bits * l + j`.
    bytes: [u8; 64],
    /// The bit of a lane at which each of its numbers starts.
    starts: [u8; 8],
}

/// By the number of bits.
static SPREADS: [Spread; 9] = {
    const NONE: Spread = Spread { bytes: [0; 64], starts: [0; 8] };
    let mut spreads = [NONE; 9];
    let mut bits = 1;
    while bits <= 8 {
        let mut index = 0;
        while index < 64 {
            let byte = index / 8 * bits + index % 8;
            spreads[bits].bytes[index] = if byte < 64 { byte as u8 } else { 63 };
            index += 1;
        }
        let mut number = 0;
        while number < 8 {
            spreads[bits].starts[number] = (number * bits) as u8;
            number += 1;
        }
        bits += 1;
    }
    spreads
};

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512vbmi")]
fn bits_dot(query: &[f32], bits: usize, signs: &[u8], extra: &[u8]) -> f32 {
    let Some(Spread { bytes, starts }) = SPREADS.get(bits) else { return f32::NAN };
    // SAFETY: 64 bytes are read from 64 bytes.
    let spread = unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
    let starts = _mm512_set1_epi64(i64::from_le_bytes(*starts));
    let mask = _mm512_set1_epi8((u8::MAX >> (8 - bits)) as i8);
    let (mut low, mut high) = ([_mm512_setzero_ps(); 2], [_mm512_setzero_ps(); 2]);
    let step = 8 * bits;
    for (index, query) in query.chunks_exact(64).enumerate() {
        let bytes = head(extra, index * step, step);
        let numbers = _mm512_permutexvar_epi8(spread, bytes);
        let numbers = _mm512_and_si512(_mm512_multishift_epi64_epi8(starts, numbers), mask);
        let set = signs_of(signs, index * 8);
        for quarter in 0..4 {
            // SAFETY: a chunk has 64 values.
            let query = unsafe { _mm512_loadu_ps(query.as_ptr().add(16 * quarter)) };
            let values = quarter_of(numbers, quarter);
            let set = (set >> (16 * quarter)) as u16;
            let at = quarter % 2;
            low[at] = _mm512_fmadd_ps(query, values, low[at]);
            high[at] = _mm512_mask_add_ps(high[at], set, high[at], query);
        }
    }
    let high = _mm512_add_ps(high[0], high[1]);
    let low = _mm512_add_ps(low[0], low[1]);
    let weight = std::arch::x86_64::_mm512_set1_ps((1 << bits) as f32);
    _mm512_reduce_add_ps(_mm512_fmadd_ps(high, weight, low))
}

/// 16 of 64 bytes as values.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn quarter_of(bytes: __m512i, quarter: usize) -> __m512 {
    let bytes = match quarter {
        0 => _mm512_castsi512_si128(bytes),
        1 => _mm512_extracti32x4_epi32::<1>(bytes),
        2 => _mm512_extracti32x4_epi32::<2>(bytes),
        _ => _mm512_extracti32x4_epi32::<3>(bytes),
    };
    _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))
}

/// At most `len` bytes, 64 at most, from `at` on, and zeros for those that are not there.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn head(bytes: &[u8], at: usize, len: usize) -> __m512i {
    let bytes = bytes.get(at..).unwrap_or_default();
    let len = len.min(bytes.len());
    let mask = if len == 0 { 0 } else { u64::MAX >> (64 - len) };
    // SAFETY: lanes that the mask leaves out are not read.
    unsafe { _mm512_maskz_loadu_epi8(mask, bytes.as_ptr().cast()) }
}

/// Eight bytes from `at` on as bits, and zeros for those that are not there.
#[inline]
fn signs_of(signs: &[u8], at: usize) -> u64 {
    let signs = signs.get(at..).unwrap_or_default();
    if let Some(eight) = signs.first_chunk::<8>() {
        return u64::from_le_bytes(*eight);
    }
    signs.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}
