//! Sums over signs, by the widest instructions at hand.
//!
//! They are whole numbers: every tier gives the same.

#[cfg(target_arch = "x86_64")]
pub(in crate::code) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(in crate::code) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(in crate::code) mod neon;
pub(in crate::code) mod scalar;

use super::layout::LANES;
use super::query::LARGEST;

/// Bytes of the tables of two bytes of signs: that of the lower four of the first byte twice, that
/// of the second byte twice, then the upper ones likewise. The widest registers take as many.
pub(super) const TABLE_PAIR: usize = 128;
/// Bytes of signs whose entries are summed in 8 bits.
const GROUP: usize = 4;

/// How far the values of the tables of a query reach.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::code) struct Spans {
    /// From the least to the largest of a table, of the one where that is most.
    pub(super) largest: f32,
    /// The sum of it over all tables.
    pub(super) sum: f32,
}

/// Where the table of byte `byte` of signs begins: the lower four, the upper ones follow after 64.
fn table_at(byte: usize) -> usize {
    byte / 2 * TABLE_PAIR + byte % 2 * 32
}

/// Fills `tables` from the digits of a query: entry `bits` of a table is what four digits sum to,
/// each with the sign that its bit says, on a scale from 0 to [`LARGEST`].
///
/// To be called through [`crate::code::CodeKernels::tables`].
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
pub(in crate::code) fn fill(digits: &[u8], tables: &mut [u8]) -> Spans {
    let fours = digits.as_chunks::<4>().0;
    let span = |four: &[u8; 4]| -> i32 {
        four.iter().map(|&digit| 2 * i32::from(digit as i8).abs()).sum()
    };
    let largest = fours.iter().map(span).max().unwrap_or(0);
    let sum: i32 = fours.iter().map(span).sum();
    let spans = Spans { largest: largest.max(1) as f32, sum: sum as f32 };
    let scale = LARGEST / spans.largest;
    for (index, four) in fours.iter().enumerate() {
        let (byte, is_upper) = (index / 2, index % 2);
        let least = -0.5 * span(four) as f32;
        let values = four.map(|digit| f32::from(digit as i8));
        let mut entries = [0u8; 16];
        for (bits, entry) in entries.iter_mut().enumerate() {
            let sign = |bit: usize| (((bits >> bit & 1) * 2) as f32) - 1.0;
            let sum = values[0] * sign(0)
                + values[1] * sign(1)
                + (values[2] * sign(2) + values[3] * sign(3));
            *entry = ((sum - least) * scale + 0.5) as u8;
        }
        let at = table_at(byte) + 64 * is_upper;
        tables[at..at + 16].copy_from_slice(&entries);
        tables[at + 16..at + 32].copy_from_slice(&entries);
    }
    spans
}

/// What kernels rely on.
fn check(blocks: &[u8], stride: usize, tables: &[u8], sums: &[i32]) {
    assert!(stride.is_multiple_of(2 * GROUP) && tables.len() == stride / 2 * TABLE_PAIR);
    assert!(sums.len().is_multiple_of(LANES) && blocks.len() == sums.len() * stride);
}

#[cfg(test)]
mod tests;
