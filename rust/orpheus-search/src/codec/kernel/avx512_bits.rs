#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 16 lanes over packed numbers of 4 bits, over signs, and over signs with more bits.

use std::arch::x86_64::{
    __m512, __m512i, _mm_loadu_si128, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_si128,
    _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32, _mm512_extracti32x4_epi32, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_add_epi8, _mm512_mask_add_ps,
    _mm512_maskz_loadu_epi8, _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8,
    _mm512_permutexvar_ps, _mm512_set1_epi8, _mm512_set1_epi64, _mm512_set1_ps, _mm512_setr_epi32,
    _mm512_setzero_ps, _mm512_srli_epi32, _mm512_storeu_ps,
};

use super::avx512::sums_of_four;
use super::{Bits, FOUR, GROUP, Signs, avx2_bits, four_codes, put};
use crate::codec::nibbles::PackedBlocks;
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

/// The kernel over signs with more bits, which wants instructions that not every processor with
/// the others has.
pub(super) fn bits_kernel() -> super::BitsKernel {
    let at_hand = is_x86_feature_detected!("avx512vbmi");
    if at_hand {
        // SAFETY: the features were detected.
        |query, bits, vectors| unsafe { bits_dots(query, bits, vectors) }
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
    sums: &mut [[f32; GROUP]],
) {
    for (index, sums) in sums.iter_mut().enumerate() {
        let (bytes, stride) = blocks.group(codes, first + index * GROUP);
        group(bytes, stride, table, sums);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn group(bytes: &[u8], stride: usize, table: &[[f32; 16]], sums: &mut [f32; GROUP]) {
    let mut totals = [_mm512_setzero_ps(); 4];
    let (pairs, last) = table.as_chunks::<2>();
    let mut rest = bytes;
    for rows in pairs {
        let Some((bytes, _)) = rest.split_first_chunk::<32>() else { return };
        rest = rest.get(stride..).unwrap_or_default();
        let (halves, _) = bytes.as_chunks::<16>();
        for half in 0..2 {
            let [low, high] = lookups(&halves[half], &rows[half]);
            totals[2 * half] = _mm512_add_ps(totals[2 * half], low);
            totals[2 * half + 1] = _mm512_add_ps(totals[2 * half + 1], high);
        }
    }
    if let ([row], Some(bytes)) = (last, rest.first_chunk::<16>()) {
        let [low, high] = lookups(bytes, row);
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
fn lookups(bytes: &[u8; 16], row: &[f32; 16]) -> [__m512; 2] {
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
fn bits_dots(query: &[f32], bits: usize, vectors: &[Bits<'_>; FOUR]) -> [f32; FOUR] {
    let dots = match bits {
        1 => dots_of::<1>,
        2 => dots_of::<2>,
        3 => dots_of::<3>,
        4 => dots_of::<4>,
        5 => dots_of::<5>,
        6 => dots_of::<6>,
        7 => dots_of::<7>,
        _ => dots_of::<8>,
    };
    dots(query, vectors)
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512vbmi")]
fn dots_of<const BITS: usize>(query: &[f32], vectors: &[Bits<'_>; FOUR]) -> [f32; FOUR] {
    let mut totals = [_mm512_setzero_ps(); FOUR];
    let step = 8 * BITS;
    // Chunks of 64 numbers that are all there.
    let n_whole = (vectors[0].signs.len() / 8).min(vectors[0].extra.len() / step);
    for (index, query) in query.chunks_exact(64).enumerate() {
        for (vector, total) in vectors.iter().zip(&mut totals) {
            let (bytes, set) = if index < n_whole {
                let mask = u64::MAX >> (64 - step);
                // SAFETY: the chunk is one of the whole ones of every vector, as they are alike.
                unsafe {
                    let bytes = vector.extra.as_ptr().add(index * step);
                    let set = vector.signs.as_ptr().add(index * 8).cast::<[u8; 8]>();
                    (_mm512_maskz_loadu_epi8(mask, bytes.cast()), u64::from_le_bytes(*set))
                }
            } else {
                (head(vector.extra, index * step, step), signs_of(vector.signs, index * 8))
            };
            *total = add_products::<BITS>(*total, query, bytes, set);
        }
    }
    sums_of_four(totals)
}

/// Adds the products of 64 values with numbers whose lower bits are in `bytes`, and the highest in
/// `set`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512vbmi")]
fn add_products<const BITS: usize>(
    total: __m512,
    query: &[f32],
    bytes: __m512i,
    set: u64,
) -> __m512 {
    let Spread { bytes: spread, starts } = &SPREADS[BITS];
    // SAFETY: 64 bytes are read from 64 bytes.
    let spread = unsafe { _mm512_loadu_si512(spread.as_ptr().cast()) };
    let starts = _mm512_set1_epi64(i64::from_le_bytes(*starts));
    let mask = _mm512_set1_epi8((u8::MAX >> (8 - BITS)) as i8);
    let numbers = _mm512_permutexvar_epi8(spread, bytes);
    let mut numbers = _mm512_and_si512(_mm512_multishift_epi64_epi8(starts, numbers), mask);
    if BITS < 8 {
        let sign = _mm512_set1_epi8((1u32 << BITS) as u8 as i8);
        numbers = _mm512_mask_add_epi8(numbers, set, numbers, sign);
    }
    let mut total = total;
    for quarter in 0..4 {
        // SAFETY: there are 64 values.
        let query = unsafe { _mm512_loadu_ps(query.as_ptr().add(16 * quarter)) };
        let mut values = quarter_of(numbers, quarter);
        if BITS == 8 {
            // The sign has no room in a byte with the others.
            let set = (set >> (16 * quarter)) as u16;
            values = _mm512_mask_add_ps(values, set, values, _mm512_set1_ps(256.0));
        }
        total = _mm512_fmadd_ps(query, values, total);
    }
    total
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
