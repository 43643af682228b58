//! Numbers of 4 bits, packed by blocks of vectors.
//!
//! A block holds, for each pair of numbers and each 32 of its vectors, 16 bytes of the first number
//! of the pair and 16 of the second. Byte `j` of those holds vector `p(j)` in its lower half and
//! vector `p(j) + 16` in its upper one, `p` being 0, 8, 1, 9, …, 7, 15.

use super::kernel::{CodecKernels, GROUP};
use crate::filter::Picks;
use crate::format::model::Packing;

/// How many bytes of a block hold what, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedBlocks {
    block_vectors: usize,
    block_bytes: usize,
    /// Numbers of a vector.
    m: usize,
    /// Bytes of a block that hold numbers; others follow.
    packed_bytes: usize,
}

impl PackedBlocks {
    /// `m` numbers a vector, at most `packing.padded_m`.
    pub(crate) fn new(m: usize, packing: &Packing) -> Self {
        let Packing { block_vectors, padded_m, block_bytes, .. } = *packing;
        Self { block_vectors, block_bytes, m, packed_bytes: padded_m / 2 * block_vectors }
    }

    /// Number `m` of the vector at `place`.
    pub(super) fn number(&self, codes: &[u8], place: usize, m: usize) -> usize {
        let (block, within) = (place / self.block_vectors, place % self.block_vectors);
        let group = block * self.block_bytes + m / 2 * self.block_vectors + within / GROUP * GROUP;
        let (byte, is_upper) = byte_of(within % GROUP);
        let byte = codes[group + m % 2 * 16 + byte];
        usize::from(if is_upper { byte >> 4 } else { byte & 15 })
    }

    /// All numbers of the vector at `place`.
    pub(super) fn numbers(&self, codes: &[u8], place: usize) -> impl Iterator<Item = usize> {
        (0..self.m).map(move |m| self.number(codes, place, m))
    }

    /// Bytes of the vector at `place`, `len` for each, that follow the numbers of its block.
    pub(super) fn extra<'a>(&self, codes: &'a [u8], place: usize, len: usize) -> &'a [u8] {
        let (block, within) = (place / self.block_vectors, place % self.block_vectors);
        &codes[block * self.block_bytes + self.packed_bytes + within * len..][..len]
    }

    /// The numbers of the 32 vectors from `first` on, a multiple of 32, and bytes from one pair of
    /// numbers to the next: 16 of the first of the pair, 16 of the second. There are as many bytes
    /// as the pairs take.
    pub(super) fn group<'a>(&self, codes: &'a [u8], first: usize) -> (&'a [u8], usize) {
        let (block, within) = (first / self.block_vectors, first % self.block_vectors);
        let block = &codes[block * self.block_bytes..][..self.packed_bytes];
        (&block[within..], self.block_vectors)
    }

    /// The same of as many of `n` vectors from `place` on as are in one block, and how many.
    pub(super) fn extras<'a>(
        &self,
        codes: &'a [u8],
        place: usize,
        n: usize,
        len: usize,
    ) -> (&'a [u8], usize) {
        let (block, within) = (place / self.block_vectors, place % self.block_vectors);
        let n = n.min(self.block_vectors - within);
        let start = block * self.block_bytes + self.packed_bytes + within * len;
        (&codes[start..][..n * len], n)
    }

    /// Writes the sum of the table entries (`[m][16]`) that the numbers of each pick choose.
    pub(super) fn sums(
        &self,
        kernels: Option<CodecKernels>,
        codes: &[u8],
        table: &[f32],
        picks: Picks<'_>,
        sums: &mut [f32],
    ) {
        let (rows, _) = table.as_chunks::<16>();
        let Picks::Range { first, len } = picks else {
            for (index, sum) in sums[..picks.len()].iter_mut().enumerate() {
                let rows = rows.iter().enumerate();
                let place = picks.row(index);
                *sum = rows.map(|(m, row)| row[self.number(codes, place, m)]).sum();
            }
            return;
        };
        let group_sums = |first: usize, groups: &mut [[f32; GROUP]]| match kernels {
            Some(kernels) => kernels.packed(self, codes, rows, first, groups),
            None => {
                for (index, sums) in groups.iter_mut().enumerate() {
                    self.group_sums(codes, rows, first + index * GROUP, sums);
                }
            }
        };
        let n_before = (first.next_multiple_of(GROUP) - first).min(len);
        let (before, rest) = sums[..len].split_at_mut(n_before);
        let (whole, after) = rest.as_chunks_mut::<GROUP>();
        let mut alone = [[0.0; GROUP]];
        if !before.is_empty() {
            group_sums(first / GROUP * GROUP, &mut alone);
            before.copy_from_slice(&alone[0][first % GROUP..][..n_before]);
        }
        let first = first + n_before;
        group_sums(first, whole);
        if !after.is_empty() {
            group_sums(first + whole.len() * GROUP, &mut alone);
            after.copy_from_slice(&alone[0][..after.len()]);
        }
    }

    /// The sums of the 32 vectors from `first` on, a multiple of 32, padding included.
    fn group_sums(&self, codes: &[u8], table: &[[f32; 16]], first: usize, sums: &mut [f32; GROUP]) {
        let (bytes, stride) = self.group(codes, first);
        // In the order of the bytes; sorted by vector at the end.
        let (mut lower, mut upper) = ([0.0f32; 16], [0.0f32; 16]);
        for (m, row) in table.iter().enumerate() {
            let at = m / 2 * stride + m % 2 * 16;
            for (lane, &byte) in bytes[at..at + 16].iter().enumerate() {
                lower[lane] += row[usize::from(byte & 15)];
                upper[lane] += row[usize::from(byte >> 4)];
            }
        }
        for (vector, sum) in sums.iter_mut().enumerate() {
            let (byte, is_upper) = byte_of(vector);
            *sum = if is_upper { upper[byte] } else { lower[byte] };
        }
    }
}

/// Which byte of 16, and which half of it, holds a vector of a group.
pub(super) fn byte_of(vector: usize) -> (usize, bool) {
    let low = vector % 16;
    (low % 8 * 2 + low / 8, vector >= 16)
}

#[cfg(test)]
pub(in crate::codec) mod tests {
    use super::*;
    use crate::distance::{Kernels, Tier};

    /// Kernels of every tier that this machine has.
    fn tiers() -> impl Iterator<Item = Option<CodecKernels>> {
        Tier::ALL.into_iter().filter_map(Kernels::of).map(CodecKernels::beside)
    }

    /// Packs `numbers(place, m)` of `n` vectors; bytes that hold none are 0xee.
    pub(in crate::codec) fn packed(
        packing: &Packing,
        n: usize,
        m: usize,
        numbers: impl Fn(usize, usize) -> usize,
    ) -> Vec<u8> {
        let mut codes = vec![0xee; n.div_ceil(packing.block_vectors) * packing.block_bytes];
        let order: Vec<usize> = (0..8).flat_map(|low| [low, low + 8]).collect();
        for place in 0..n {
            let (block, within) = (place / packing.block_vectors, place % packing.block_vectors);
            for m in 0..m {
                let byte = order.iter().position(|&vector| vector == within % 16).unwrap();
                let start = block * packing.block_bytes + m / 2 * packing.block_vectors;
                let at = start + within / 32 * 32 + m % 2 * 16 + byte;
                let shift = if within % 32 >= 16 { 4 } else { 0 };
                codes[at] = codes[at] & !(15 << shift) | (numbers(place, m) as u8) << shift;
            }
        }
        codes
    }

    pub(in crate::codec) fn packing(block_vectors: usize, m: usize, extra: usize) -> Packing {
        let padded_m = m.next_multiple_of(2);
        let block_bytes = block_vectors * (padded_m / 2 + extra);
        Packing { block_vectors, padded_m, block_bytes, implementation: 0, query_block: 0 }
    }

    #[test]
    fn numbers_are_found_where_they_were_put() {
        let numbers = |place: usize, m: usize| (place * 7 + m * 5 + place * m) % 16;
        for (block_vectors, m, extra) in [(32, 4, 0), (64, 3, 0), (96, 7, 5), (32, 1, 8)] {
            let n = 150;
            let packing = packing(block_vectors, m, extra);
            let codes = packed(&packing, n, m, numbers);
            let blocks = PackedBlocks::new(m, &packing);
            let table: Vec<f32> = (0..m * 16).map(|entry| (entry * entry) as f32).collect();
            let range = Picks::Range { first: 5, len: n - 5 };
            let all = tiers().map(|kernels| {
                let mut sums = vec![f32::NAN; n - 5];
                blocks.sums(kernels, &codes, &table, range, &mut sums);
                sums
            });
            let all: Vec<_> = all.collect();
            for place in 0..n {
                let expected: Vec<usize> = (0..m).map(|m| numbers(place, m)).collect();
                assert_eq!(blocks.numbers(&codes, place).collect::<Vec<_>>(), expected);
                let sum: f32 = expected.iter().enumerate().map(|(m, c)| table[m * 16 + c]).sum();
                let mut alone = [f32::NAN];
                blocks.sums(None, &codes, &table, Picks::Rows(&[place]), &mut alone);
                assert!((alone[0] - sum).abs() < 0.5);
                let is_sum = |sums: &Vec<f32>| (sums[place - 5] - sum).abs() < 0.5;
                assert!(place < 5 || all.iter().all(is_sum));
            }
        }
    }
}
