//! Where the vector of a stored number is.

use crate::format::model::Lists;

/// Stored numbers and the positions of their vectors, counted through all lists; ascending.
#[derive(Debug)]
pub(crate) struct Numbers {
    numbers: Vec<i64>,
    positions: Vec<usize>,
}

impl Numbers {
    pub(super) fn new(file: &[u8], lists: &Lists, nlist: usize) -> Self {
        let n = lists.n_vectors();
        let mut pairs = Vec::with_capacity(n);
        for number in 0..if n > 0 { nlist } else { 0 } {
            let (ids, _) = file[lists.list(number).ids].as_chunks::<8>();
            let first = lists.n_before(number);
            pairs.extend((first..).zip(ids).map(|(at, id)| (i64::from_le_bytes(*id), at)));
        }
        pairs.sort_unstable();
        let (numbers, positions) = pairs.into_iter().unzip();
        Self { numbers, positions }
    }

    /// All of them.
    pub(super) fn stored(&self) -> &[i64] {
        &self.numbers
    }

    /// The positions of the vectors with the given number.
    pub(super) fn positions(&self, number: i64) -> &[usize] {
        let start = self.numbers.partition_point(|&stored| stored < number);
        let n_equal = self.numbers[start..].partition_point(|&stored| stored == number);
        &self.positions[start..start + n_equal]
    }

    /// How many vectors have one of the given numbers.
    pub(super) fn n_vectors(&self, numbers: &[i64]) -> usize {
        numbers.iter().map(|&number| self.positions(number).len()).sum()
    }
}
