//! Checksums (CRC-32) that are compared when something is touched for the first time.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::pool;
use crate::rows::Rows;

/// Bytes under one checksum of a plane.
const BLOCK: usize = 64 << 10;
/// Vectors that a thread sums at a time.
const PART: usize = 4096;

/// One bit for each of some things that need to be checked only once.
#[derive(Debug)]
struct Checked(Vec<AtomicU64>);

impl Checked {
    fn none_of(n: usize) -> Self {
        Self((0..n.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / 64].load(Ordering::Relaxed) >> (index % 64) & 1 == 1
    }

    fn is_full(&self, n: usize) -> bool {
        let n_checked: u32 =
            self.0.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum();
        n_checked as usize == n
    }

    fn add(&self, index: usize) {
        self.0[index / 64].fetch_or(1 << (index % 64), Ordering::Relaxed);
    }
}

/// Checksums of the vectors of an index, in the order of its lists.
#[derive(Debug)]
pub(crate) struct RowSums {
    sums: Vec<u32>,
    checked: Checked,
}

impl RowSums {
    pub(super) fn new(sums: Vec<u32>) -> Self {
        let checked = Checked::none_of(sums.len());
        Self { sums, checked }
    }

    /// Whether the vector at `place` is the one whose sum was taken.
    pub(crate) fn is(&self, place: usize, lanes: &[[u8; 4]]) -> bool {
        if self.checked.has(place) {
            return true;
        }
        let is_same = crc32fast::hash(lanes.as_flattened()) == self.sums[place];
        if is_same {
            self.checked.add(place);
        }
        is_same
    }

    /// Whether all of `lists` are what they were.
    pub(crate) fn all_are(&self, lists: &[Rows<'_>]) -> bool {
        if self.checked.is_full(self.sums.len()) {
            return true;
        }
        let rows = lists.iter().flat_map(|list| (0..list.n_rows()).map(|row| list.row_lanes(row)));
        rows.enumerate().all(|(place, lanes)| self.is(place, lanes))
    }
}

/// The checksum of each vector, in order.
pub(super) fn sums_of_rows(lists: &[Rows<'_>], n_threads: usize) -> Vec<u32> {
    let mut n = 0;
    let mut parts = Vec::new();
    for list in lists {
        for first in (0..list.n_rows()).step_by(PART) {
            let rows = first..list.n_rows().min(first + PART);
            parts.push((n + first, *list, rows));
        }
        n += list.n_rows();
    }
    let n_threads = n_threads.min(parts.len());
    let left = Mutex::new(parts.into_iter());
    let sums = Mutex::new(vec![0; n]);
    pool::run(n_threads, &|| {
        loop {
            let part = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, list, rows)) = part else { return };
            let sum = |row| crc32fast::hash(list.row_lanes(row).as_flattened());
            let here: Vec<u32> = rows.map(sum).collect();
            let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
            sums[place..place + here.len()].copy_from_slice(&here);
        }
    });
    sums.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Checksums of the blocks of a plane of codes.
#[derive(Debug)]
pub(crate) struct BlockSums {
    sums: Vec<u32>,
    checked: Checked,
}

impl BlockSums {
    /// `None` if there are not as many as a plane of `n_bytes` has blocks.
    pub(crate) fn new(sums: Vec<u32>, n_bytes: usize) -> Option<Self> {
        let checked = Checked::none_of(sums.len());
        (sums.len() == n_bytes.div_ceil(BLOCK)).then_some(Self { sums, checked })
    }

    /// Of each block of `plane`.
    pub(super) fn of(plane: &[u8]) -> Vec<u32> {
        plane.chunks(BLOCK).map(crc32fast::hash).collect()
    }

    /// How many a plane of `n_bytes` has.
    pub(super) fn n_of(n_bytes: usize) -> usize {
        n_bytes.div_ceil(BLOCK)
    }

    /// Whether the blocks that hold `range` of `plane` are what they were.
    pub(crate) fn are(&self, plane: &[u8], range: Range<usize>) -> bool {
        (range.start / BLOCK..range.end.div_ceil(BLOCK)).all(|block| {
            if self.checked.has(block) {
                return true;
            }
            let bytes = &plane[block * BLOCK..plane.len().min((block + 1) * BLOCK)];
            let is_same = crc32fast::hash(bytes) == self.sums[block];
            if is_same {
                self.checked.add(block);
            }
            is_same
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_a_plane_shows_in_the_block_that_holds_it_and_nowhere_else() {
        let mut plane: Vec<u8> = (0..200_000u32).map(|byte| (byte % 251) as u8).collect();
        let sums = BlockSums::of(&plane);
        plane[70_000] ^= 4;
        let sums = BlockSums::new(sums, plane.len()).unwrap();
        assert!(sums.are(&plane, 0..65_536) && sums.are(&plane, 140_000..200_000));
        assert!(!sums.are(&plane, 65_000..66_000));
        assert!(!sums.are(&plane, 70_000..70_001));
        plane[70_000] ^= 4;
        assert!(sums.are(&plane, 0..200_000));
    }

    #[test]
    fn a_vector_that_changed_is_not_taken_for_what_it_was() {
        let mut values = vec![1.0f32; 5000 * 3];
        let sums = sums_of_rows(&[Rows::new(&values, 3).unwrap()], 2);
        values[4 * 3 + 1] = 1.0 + f32::EPSILON;
        let rows = Rows::new(&values, 3).unwrap();
        let sums = RowSums::new(sums);
        assert!(sums.is(3, rows.row_lanes(3)) && !sums.is(4, rows.row_lanes(4)));
        assert!(!sums.all_are(&[rows]));
    }
}
