//! The portable kernel: what the others are tested against.

use super::super::layout::{LANES, block_bytes};
use super::{check, table_at};

/// For each vector of `blocks` the sum of the entries that its signs, of `stride` bytes, stand for.
pub(in crate::code) fn sums(blocks: &[u8], stride: usize, tables: &[u8], sums: &mut [i32]) {
    check(blocks, stride, tables, sums);
    for (block, sums) in
        blocks.chunks_exact(block_bytes(stride)).zip(sums.as_chunks_mut::<LANES>().0)
    {
        let mut totals = [0u16; LANES];
        for (byte, lanes) in block.as_chunks::<LANES>().0.iter().enumerate() {
            let tables = &tables[table_at(byte)..][..80];
            for (total, &signs) in totals.iter_mut().zip(lanes) {
                let (low, high) = (usize::from(signs & 15), usize::from(signs >> 4));
                *total += u16::from(tables[low]) + u16::from(tables[64 + high]);
            }
        }
        *sums = totals.map(i32::from);
    }
}
