#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 8 lanes over tables of scores.

use std::arch::x86_64::{
    _CMP_GE_OQ, _CMP_LE_OQ, _mm256_cmp_ps, _mm256_loadu_ps, _mm256_movemask_ps, _mm256_or_ps,
    _mm256_set1_ps, _mm256_setzero_ps,
};

use super::{any_near, sum_of_bytes};
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
#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn tabulate(codebook: &Codebook, query: &[f32], metric: Metric, table: &mut [f32]) {
    codebook.tabulate(query, metric, table);
}

#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn near(scores: &[f32], limit: f32, larger_is_nearer: bool) -> bool {
    let limit_lanes = _mm256_set1_ps(limit);
    let (chunks, rest) = scores.as_chunks::<8>();
    let mut any = _mm256_setzero_ps();
    for chunk in chunks {
        // SAFETY: there are eight values.
        let scores = unsafe { _mm256_loadu_ps(chunk.as_ptr()) };
        let near = if larger_is_nearer {
            _mm256_cmp_ps::<_CMP_GE_OQ>(scores, limit_lanes)
        } else {
            _mm256_cmp_ps::<_CMP_LE_OQ>(scores, limit_lanes)
        };
        any = _mm256_or_ps(any, near);
    }
    _mm256_movemask_ps(any) != 0 || any_near(rest, limit, larger_is_nearer)
}

#[target_feature(enable = "avx2,fma,f16c,bmi2")]
fn bytes(code_size: usize, table: &[[f32; 256]], codes: &[u8], picks: Picks<'_>, sums: &mut [f32]) {
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = sum_of_bytes(&codes[picks.row(index) * code_size..][..code_size], table);
    }
}
