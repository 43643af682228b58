//! The portable kernels: what the others are tested against.

use super::{BLOCK, Batch, Bound, CodeKernels, Sums};
use crate::code::codes::Codes;
use crate::code::digits::Digits;
use crate::code::encode::{Coded, Coder};
use crate::code::rotation::Rotation;
use crate::code::signs::kernel as signs;
use crate::code::signs::kernel::scalar::sums as sign_sums;
use crate::distance::Tier;
use crate::filter::Picks;

pub(super) const KERNELS: CodeKernels = CodeKernels {
    tier: Tier::Scalar,
    coarse,
    fine,
    keep,
    batch,
    encode,
    digits,
    sign_sums,
    tables,
};

fn coarse(codes: &Codes<'_>, picks: Picks<'_>, digits: &[u8], sums: &mut [i32]) {
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = dot(codes.coarse(picks.row(index)), digits);
    }
}

fn fine(codes: &Codes<'_>, row: usize, digits: &[u8]) -> i32 {
    dot(codes.fine(row), digits)
}

fn batch(batch: &Batch<'_>, _scratch: &mut Vec<u8>, sums: &mut [i32]) {
    let padded = Codes::padded(batch.codes.dim());
    for (digits, sums) in batch.digits.chunks(padded).zip(sums.chunks_mut(batch.n_rows.max(1))) {
        let picks = Picks::Range { first: batch.first, len: batch.n_rows };
        coarse(&batch.codes, picks, digits, sums);
    }
}

/// The sum of the products of a plane's halves with `digits`.
fn dot(plane: &[u8], digits: &[u8]) -> i32 {
    let mut sum = 0;
    for (block, digits) in plane.chunks(64).zip(digits.chunks(128)) {
        let (low, high) = digits.split_at(block.len());
        for ((&byte, &low), &high) in block.iter().zip(low).zip(high) {
            sum += i32::from(byte & 15) * i32::from(low as i8);
            sum += i32::from(byte >> 4) * i32::from(high as i8);
        }
    }
    sum
}

#[inline]
pub(super) fn keep(sums: &Sums<'_>, bound: &Bound, kept: &mut [u32; BLOCK]) -> usize {
    let mut n_kept = 0;
    for (index, (&sum, &scale)) in sums.products.iter().zip(sums.scales).enumerate() {
        let scale = f32::from_bits(u32::from(scale) << 16);
        let offset = sums.offsets.get(index).copied().unwrap_or(0.0);
        let merit = scale * (sum as f32 * bound.slope + bound.level) + offset;
        if merit >= bound.limit || merit.is_nan() {
            kept[n_kept] = index as u32;
            n_kept += 1;
        }
    }
    n_kept
}

fn encode(
    coder: &Coder,
    lanes: &[[u8; 4]],
    weight: f32,
    turned: &mut Vec<f32>,
    planes: [&mut [u8]; 3],
) -> Coded {
    coder.encode(lanes, weight, turned, planes)
}

fn digits(rotation: &Rotation, query: &mut [f32], padded: usize) -> Option<Digits> {
    rotation.apply(query);
    Digits::new(query, padded)
}

fn tables(digits: &[u8], tables: &mut [u8]) -> signs::Spans {
    signs::fill(digits, tables)
}
