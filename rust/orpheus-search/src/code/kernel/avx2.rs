#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 32 bytes.

use std::arch::x86_64::{
    _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_add_epi16, _mm256_add_epi32,
    _mm256_and_si256, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_setzero_si256, _mm256_srli_epi16,
};

use super::{Batch, CodeKernels, scalar};
use crate::code::codes::Codes;
use crate::code::digits::Digits;
use crate::code::encode::{Coded, Coder};
use crate::code::rotation::Rotation;
use crate::code::signs::kernel as signs;
use crate::distance::Tier;
use crate::filter::Picks;

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<CodeKernels> {
    let at_hand = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    at_hand.then_some(CodeKernels {
        tier: Tier::Avx2,
        // SAFETY: these functions leave this module only where the features were detected.
        coarse: |codes, picks, digits, sums| unsafe { coarse(codes, picks, digits, sums) },
        // SAFETY: likewise.
        fine: |codes, row, digits| unsafe { fine(codes, row, digits) },
        // SAFETY: likewise.
        keep: |sums, bound, kept| unsafe { keep(sums, bound, kept) },
        // SAFETY: likewise.
        batch: |batch_of, _, sums| unsafe { batch(batch_of, sums) },
        // SAFETY: likewise.
        encode: |coder, lanes, weight, turned, planes| unsafe {
            encode(coder, lanes, weight, turned, planes)
        },
        // SAFETY: likewise.
        digits: |rotation, query, padded| unsafe { digits(rotation, query, padded) },
        // SAFETY: likewise.
        sign_sums: |blocks, stride, tables, sums| unsafe {
            signs::avx2::sums(blocks, stride, tables, sums)
        },
        // SAFETY: likewise.
        tables: |digits, tables| unsafe { fill(digits, tables) },
    })
}

#[target_feature(enable = "avx2,fma")]
fn keep(sums: &super::Sums<'_>, bound: &super::Bound, kept: &mut [u32; super::BLOCK]) -> usize {
    // What the compiler makes of it with these registers is enough: four bits of each vector were
    // read to get its sum.
    scalar::keep(sums, bound, kept)
}

#[target_feature(enable = "avx2,fma")]
fn coarse(codes: &Codes<'_>, picks: Picks<'_>, digits: &[u8], sums: &mut [i32]) {
    for (index, sum) in sums.iter_mut().enumerate() {
        [*sum] = dots(codes.coarse(picks.row(index)), [digits]);
    }
}

#[target_feature(enable = "avx2,fma")]
fn fine(codes: &Codes<'_>, row: usize, digits: &[u8]) -> i32 {
    let [sum] = dots(codes.fine(row), [digits]);
    sum
}

#[target_feature(enable = "avx2,fma")]
fn batch(batch: &Batch<'_>, sums: &mut [i32]) {
    let padded = Codes::padded(batch.codes.dim());
    let n_rows = batch.n_rows;
    for row in 0..n_rows {
        let plane = batch.codes.coarse(batch.first + row);
        let fours = batch.digits.chunks_exact(4 * padded);
        let n_whole = fours.len() * 4;
        for (index, four) in fours.enumerate() {
            let mut four = four.chunks_exact(padded);
            let queries: [&[u8]; 4] = std::array::from_fn(|_| four.next().unwrap_or(&[]));
            for (lane, sum) in dots(plane, queries).into_iter().enumerate() {
                sums[(4 * index + lane) * n_rows + row] = sum;
            }
        }
        let rest = batch.digits[n_whole * padded..].chunks_exact(padded);
        for (index, query) in rest.enumerate() {
            [sums[(n_whole + index) * n_rows + row]] = dots(plane, [query]);
        }
    }
}

/// The sums of the products of one plane with `Q` queries' digits.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn dots<const Q: usize>(plane: &[u8], digits: [&[u8]; Q]) -> [i32; Q] {
    assert!(digits.iter().all(|digits| digits.len() == 2 * plane.len()));
    let mask = _mm256_set1_epi8(15);
    let mut totals = [_mm256_setzero_si256(); Q];
    for at in (0..plane.len()).step_by(32) {
        // Byte `j` of a block of `len` bytes holds the values `j` and `len + j` of the block.
        let block = at - at % 64;
        let len = (plane.len() - block).min(64);
        let low_at = 2 * block + at % 64;
        // SAFETY: a plane is whole blocks of 32 bytes, and digits are twice as long, as checked.
        unsafe {
            let bytes = _mm256_loadu_si256(plane.as_ptr().add(at).cast());
            let low = _mm256_and_si256(bytes, mask);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask);
            for query in 0..Q {
                let digits = digits[query].as_ptr().add(low_at);
                let low_digits = _mm256_loadu_si256(digits.cast());
                let high_digits = _mm256_loadu_si256(digits.add(len).cast());
                // Two products are at most 2 · 15 · 127, four of them fit 16 bits.
                let pairs = _mm256_add_epi16(
                    _mm256_maddubs_epi16(low, low_digits),
                    _mm256_maddubs_epi16(high, high_digits),
                );
                let fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
                totals[query] = _mm256_add_epi32(totals[query], fours);
            }
        }
    }
    totals.map(|total| {
        let halves =
            _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256::<1>(total));
        let pairs = _mm_add_epi32(halves, _mm_shuffle_epi32::<0b01_00_11_10>(halves));
        let one = _mm_add_epi32(pairs, _mm_shuffle_epi32::<0b10_11_00_01>(pairs));
        _mm_cvtsi128_si32(one)
    })
}

#[target_feature(enable = "avx2,fma")]
fn encode(
    coder: &Coder,
    lanes: &[[u8; 4]],
    weight: f32,
    turned: &mut Vec<f32>,
    planes: [&mut [u8]; 3],
) -> Coded {
    coder.encode(lanes, weight, turned, planes)
}

#[target_feature(enable = "avx2,fma")]
fn digits(rotation: &Rotation, query: &mut [f32], padded: usize) -> Option<Digits> {
    rotation.apply(query);
    Digits::new(query, padded)
}

#[target_feature(enable = "avx2,fma")]
fn fill(digits: &[u8], tables: &mut [u8]) -> signs::Spans {
    signs::fill(digits, tables)
}
