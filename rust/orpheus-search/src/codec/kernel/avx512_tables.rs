#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 16 lanes over tables of scores.

use std::arch::x86_64::{
    _CMP_GE_OQ, _CMP_LE_OQ, _mm_maskz_loadu_epi8, _mm512_add_epi32, _mm512_add_ps,
    _mm512_cmp_ps_mask, _mm512_cvtepu8_epi32, _mm512_loadu_ps, _mm512_mask_i32gather_ps,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_ps,
};

use super::avx512::sums_of_four;
use super::{FOUR, any_near, four_codes, put};
use crate::codec::product::Codebook;
use crate::filter::Picks;
use crate::metric::Metric;

pub(super) fn bytes_kernel(
    code_size: usize,
    table: &[[f32; 256]],
    codes: &[u8],
    picks: Picks<'_>,
    sums: &mut [f32],
) {
    // SAFETY: this function leaves the module only where the features were detected.
    unsafe { bytes(code_size, table, codes, picks, sums) }
}

pub(super) fn near_kernel(scores: &[f32], limit: f32, larger_is_nearer: bool) -> bool {
    // SAFETY: likewise.
    unsafe { near(scores, limit, larger_is_nearer) }
}

pub(super) fn tabulate_kernel(
    codebook: &Codebook,
    query: &[f32],
    metric: Metric,
    table: &mut [f32],
) {
    // SAFETY: likewise.
    unsafe { tabulate(codebook, query, metric, table) }
}

/// The compiler finds the instructions by itself.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn tabulate(codebook: &Codebook, query: &[f32], metric: Metric, table: &mut [f32]) {
    codebook.tabulate(query, metric, table);
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn near(scores: &[f32], limit: f32, larger_is_nearer: bool) -> bool {
    let limit_lanes = _mm512_set1_ps(limit);
    let (chunks, rest) = scores.as_chunks::<16>();
    let mut any = 0;
    for chunk in chunks {
        // SAFETY: there are 16 values.
        let scores = unsafe { _mm512_loadu_ps(chunk.as_ptr()) };
        any |= if larger_is_nearer {
            _mm512_cmp_ps_mask::<_CMP_GE_OQ>(scores, limit_lanes)
        } else {
            _mm512_cmp_ps_mask::<_CMP_LE_OQ>(scores, limit_lanes)
        };
    }
    any != 0 || any_near(rest, limit, larger_is_nearer)
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn bytes(code_size: usize, table: &[[f32; 256]], codes: &[u8], picks: Picks<'_>, sums: &mut [f32]) {
    let first = _mm512_setr_epi32(
        0, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 2560, 2816, 3072, 3328, 3584, 3840,
    );
    let step = _mm512_set1_epi32(4096);
    for (index, sums) in sums.chunks_mut(FOUR).enumerate() {
        let rows = four_codes(codes, code_size, picks, index * FOUR);
        let mut totals = [_mm512_setzero_ps(); FOUR];
        let mut places = first;
        for (chunk, tables) in table.chunks(16).enumerate() {
            let mask = u16::MAX >> (16 - tables.len());
            for (row, total) in rows.iter().zip(&mut totals) {
                // SAFETY: bytes and entries that the mask leaves out are not read; the others are
                // among the bytes of the code, and among 256 for each.
                unsafe {
                    let bytes = _mm_maskz_loadu_epi8(mask, row.add(16 * chunk).cast());
                    let places = _mm512_add_epi32(_mm512_cvtepu8_epi32(bytes), places);
                    let values = _mm512_mask_i32gather_ps::<4>(
                        _mm512_setzero_ps(),
                        mask,
                        places,
                        table.as_ptr().cast(),
                    );
                    *total = _mm512_add_ps(*total, values);
                }
            }
            places = _mm512_add_epi32(places, step);
        }
        put(sums, sums_of_four(totals));
    }
}
