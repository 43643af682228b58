#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 16 bytes.

use std::arch::aarch64::{
    vaddq_s32, vaddvq_s32, vandq_u8, vdupq_n_s32, vdupq_n_u8, vget_high_s8, vget_low_s8, vld1q_s8,
    vld1q_u8, vmlal_s8, vmull_s8, vpaddlq_s16, vreinterpretq_s8_u8, vshrq_n_u8,
};
use std::arch::is_aarch64_feature_detected;

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
    is_aarch64_feature_detected!("neon").then_some(CodeKernels {
        tier: Tier::Neon,
        // SAFETY: these functions leave this module only where the feature was detected.
        coarse: |codes, picks, digits, sums| unsafe { coarse(codes, picks, digits, sums) },
        // SAFETY: likewise.
        fine: |codes, row, digits| unsafe { fine(codes, row, digits) },
        keep: scalar::keep,
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
            signs::neon::sums(blocks, stride, tables, sums)
        },
        // SAFETY: likewise.
        tables: |digits, tables| unsafe { fill(digits, tables) },
    })
}

#[target_feature(enable = "neon")]
fn coarse(codes: &Codes<'_>, picks: Picks<'_>, digits: &[u8], sums: &mut [i32]) {
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = dot(codes.coarse(picks.row(index)), digits);
    }
}

#[target_feature(enable = "neon")]
fn fine(codes: &Codes<'_>, row: usize, digits: &[u8]) -> i32 {
    dot(codes.fine(row), digits)
}

#[target_feature(enable = "neon")]
fn batch(batch: &Batch<'_>, sums: &mut [i32]) {
    let padded = Codes::padded(batch.codes.dim());
    for row in 0..batch.n_rows {
        let plane = batch.codes.coarse(batch.first + row);
        for (query, digits) in batch.digits.chunks_exact(padded).enumerate() {
            sums[query * batch.n_rows + row] = dot(plane, digits);
        }
    }
}

/// The sum of the products of one plane with `digits`.
#[inline]
#[target_feature(enable = "neon")]
fn dot(plane: &[u8], digits: &[u8]) -> i32 {
    assert!(digits.len() == 2 * plane.len());
    let mask = vdupq_n_u8(15);
    let mut total = vdupq_n_s32(0);
    for at in (0..plane.len()).step_by(16) {
        // Byte `j` of a block of `len` bytes holds the values `j` and `len + j` of the block.
        let block = at - at % 64;
        let len = (plane.len() - block).min(64);
        // SAFETY: a plane is whole blocks of 32 bytes, and digits are twice as long, as checked.
        unsafe {
            let bytes = vld1q_u8(plane.as_ptr().add(at));
            let low = vreinterpretq_s8_u8(vandq_u8(bytes, mask));
            let high = vreinterpretq_s8_u8(vshrq_n_u8::<4>(bytes));
            let digits = digits.as_ptr().add(2 * block + at % 64).cast::<i8>();
            let low_digits = vld1q_s8(digits);
            let high_digits = vld1q_s8(digits.add(len));
            // A product is at most 15 · 127, four of them fit 16 bits.
            let mut sums = vmull_s8(vget_low_s8(low), vget_low_s8(low_digits));
            sums = vmlal_s8(sums, vget_high_s8(low), vget_high_s8(low_digits));
            sums = vmlal_s8(sums, vget_low_s8(high), vget_low_s8(high_digits));
            sums = vmlal_s8(sums, vget_high_s8(high), vget_high_s8(high_digits));
            total = vaddq_s32(total, vpaddlq_s16(sums));
        }
    }
    vaddvq_s32(total)
}

#[target_feature(enable = "neon")]
fn encode(
    coder: &Coder,
    lanes: &[[u8; 4]],
    weight: f32,
    turned: &mut Vec<f32>,
    planes: [&mut [u8]; 3],
) -> Coded {
    coder.encode(lanes, weight, turned, planes)
}

#[target_feature(enable = "neon")]
fn digits(rotation: &Rotation, query: &mut [f32], padded: usize) -> Option<Digits> {
    rotation.apply(query);
    Digits::new(query, padded)
}

#[target_feature(enable = "neon")]
fn fill(digits: &[u8], tables: &mut [u8]) -> signs::Spans {
    signs::fill(digits, tables)
}
