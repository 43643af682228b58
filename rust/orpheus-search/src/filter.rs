//! Which vectors may be neighbours.

use std::ops::Range;

use crate::error::{Error, Result};

/// Rows without a gap that are worth a block of their own.
const LONG_RUN: usize = 1024;

/// What a caller allows.
#[derive(Clone, Copy, Debug, Default)]
pub enum Allow<'a> {
    /// Every vector.
    #[default]
    All,
    /// The vectors with these ids, in any order. An id that no vector has allows nothing.
    Ids(&'a [i64]),
    /// One byte per stored vector, in stored order; zero shuts it out.
    Mask(&'a [u8]),
}

/// What a caller shuts out, whatever is allowed.
#[derive(Clone, Copy, Debug, Default)]
pub enum Deny<'a> {
    /// Nothing.
    #[default]
    Nothing,
    /// The vectors with these ids, in any order.
    Ids(&'a [i64]),
    /// One byte per stored vector, in stored order; what is not zero shuts it out.
    Mask(&'a [u8]),
}

/// The rows that a scan visits; no other row is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of this many rows.
    All(usize),
    /// These rows, ascending, each once.
    Rows(Vec<usize>),
    /// The rows whose bit is set; bit `i` of word `w` stands for row `64 w + i`.
    Bitmap {
        /// The bits; those beyond the last row are zero.
        words: Vec<u64>,
        /// How many are set.
        n_allowed: usize,
    },
}

/// Rows of one block, in the order of their scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picks<'a> {
    /// Neighbouring rows.
    Range {
        /// The first of them.
        first: usize,
        /// How many.
        len: usize,
    },
    /// Scattered rows, ascending.
    Rows(&'a [usize]),
}

impl<'a> Picks<'a> {
    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Range { len, .. } => *len,
            Self::Rows(rows) => rows.len(),
        }
    }

    /// The row at `index`, which is below `len`.
    pub(crate) fn row(&self, index: usize) -> usize {
        match self {
            Self::Range { first, .. } => first + index,
            Self::Rows(rows) => rows[index],
        }
    }

    /// At most `len` of them, from the one at `first` on, which is at most their number.
    pub(crate) fn part(&self, first: usize, len: usize) -> Picks<'a> {
        let len = len.min(self.len() - first);
        match self {
            Self::Range { first: start, .. } => Picks::Range { first: start + first, len },
            Self::Rows(rows) => Picks::Rows(&rows[first..first + len]),
        }
    }

    /// Whether each of them is one of `n_rows` rows.
    pub(crate) fn all_below(&self, n_rows: usize) -> bool {
        match self {
            Self::Range { first, len } => *first <= n_rows && *len <= n_rows - first,
            Self::Rows(rows) => rows.iter().all(|&row| row < n_rows),
        }
    }
}

impl Filter {
    /// Rows in any order; one that is not below `n_rows` allows nothing.
    #[must_use]
    pub fn from_rows(rows: impl IntoIterator<Item = i64>, n_rows: usize) -> Self {
        let mut rows: Vec<usize> = rows
            .into_iter()
            .filter_map(|row| usize::try_from(row).ok())
            .filter(|&row| row < n_rows)
            .collect();
        if !rows.is_sorted_by(|a, b| a < b) {
            rows.sort_unstable();
            rows.dedup();
        }
        Self::Rows(rows)
    }

    /// One byte per row; zero shuts it out.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there is not one byte for each of `n_rows`.
    pub fn from_mask(mask: &[u8], n_rows: usize) -> Result<Self> {
        if mask.len() != n_rows {
            return Err(Error::Shape {
                name: "allow",
                found: mask.len(),
                expected: format!("one for each of the {n_rows} vectors"),
            });
        }
        let words: Vec<u64> = mask.chunks(64).map(packed).collect();
        let n_allowed = words.iter().map(|word| word.count_ones() as usize).sum();
        Ok(Self::Bitmap { words, n_allowed })
    }

    /// All of `n_rows` but those given, in any order; one that is not below `n_rows` changes nothing.
    pub(crate) fn all_but(rows: &[i64], n_rows: usize) -> Self {
        let mut words = vec![u64::MAX; n_rows.div_ceil(64)];
        if let Some(last) = words.last_mut() {
            *last >>= (64 - n_rows % 64) % 64;
        }
        let mut n_allowed = n_rows;
        for row in rows.iter().filter_map(|&row| usize::try_from(row).ok()) {
            if row < n_rows && words[row / 64] >> (row % 64) & 1 == 1 {
                words[row / 64] ^= 1 << (row % 64);
                n_allowed -= 1;
            }
        }
        Self::Bitmap { words, n_allowed }
    }

    /// The same without `row`.
    pub(crate) fn without(&self, row: usize) -> Self {
        let all;
        let words = match self {
            Self::Bitmap { words, .. } => words,
            Self::All(n_rows) => return Self::all_but(&[row as i64], *n_rows),
            Self::Rows(rows) => {
                all = rows.iter().copied().filter(|other| *other != row).collect();
                return Self::Rows(all);
            }
        };
        let mut words = words.clone();
        if let Some(word) = words.get_mut(row / 64) {
            *word &= !(1 << (row % 64));
        }
        let n_allowed = words.iter().map(|word| word.count_ones() as usize).sum();
        Self::Bitmap { words, n_allowed }
    }

    /// How many rows may be neighbours.
    #[must_use]
    pub fn n_allowed(&self) -> usize {
        match self {
            Self::All(n_rows) => *n_rows,
            Self::Rows(rows) => rows.len(),
            Self::Bitmap { n_allowed, .. } => *n_allowed,
        }
    }

    /// Whether nearly all rows may be.
    pub(crate) fn is_nearly_everything(&self) -> bool {
        match self {
            Self::All(_) => true,
            Self::Rows(_) => false,
            Self::Bitmap { n_allowed, .. } => *n_allowed >= self.n_places() / 64 * 63,
        }
    }

    /// Whether `row` may be a neighbour.
    pub(crate) fn contains(&self, row: usize) -> bool {
        match self {
            Self::All(n_rows) => row < *n_rows,
            Self::Rows(rows) => rows.binary_search(&row).is_ok(),
            Self::Bitmap { words, .. } => {
                words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
            }
        }
    }

    /// Places along which a scan is cut into parts: rows or bits, or entries of the list.
    pub(crate) fn n_places(&self) -> usize {
        match self {
            Self::All(n_rows) => *n_rows,
            Self::Rows(rows) => rows.len(),
            Self::Bitmap { words, .. } => words.len() * 64,
        }
    }

    /// Hands the allowed rows of `places` to `visit`, at most `block_len` at a time.
    ///
    /// `scratch` is where rows of a bitmap are listed. The ends of `places` are multiples of 64 or
    /// the end of everything.
    pub(crate) fn visit_blocks(
        &self,
        places: Range<usize>,
        block_len: usize,
        scratch: &mut Vec<usize>,
        mut visit: impl FnMut(Picks<'_>),
    ) {
        match self {
            Self::All(_) => {
                for first in places.clone().step_by(block_len) {
                    visit(Picks::Range { first, len: block_len.min(places.end - first) });
                }
            }
            Self::Rows(rows) => {
                rows[places].chunks(block_len).for_each(|rows| visit(picks_of(rows)));
            }
            Self::Bitmap { words, .. } => {
                scratch.clear();
                let (mut at, end) = (places.start / 64, places.end / 64);
                while at < end {
                    let n_full =
                        words[at..end].iter().take_while(|word| **word == u64::MAX).count();
                    if n_full > 0 && n_full * 64 >= block_len.min(LONG_RUN) {
                        // Where hardly anything is shut out, hardly any row needs to be listed.
                        if !scratch.is_empty() {
                            visit(picks_of(scratch));
                            scratch.clear();
                        }
                        let run = at * 64..(at + n_full) * 64;
                        for first in run.clone().step_by(block_len) {
                            visit(Picks::Range { first, len: block_len.min(run.end - first) });
                        }
                        at += n_full;
                        continue;
                    }
                    let mut word = words[at];
                    while word != 0 {
                        scratch.push(at * 64 + word.trailing_zeros() as usize);
                        word &= word - 1;
                        if scratch.len() == block_len {
                            visit(picks_of(scratch));
                            scratch.clear();
                        }
                    }
                    at += 1;
                }
                if !scratch.is_empty() {
                    visit(picks_of(scratch));
                }
            }
        }
    }
}

/// Up to 64 bytes as bits: set where the byte is not zero.
fn packed(bytes: &[u8]) -> u64 {
    bytes.iter().enumerate().fold(0, |word, (bit, &byte)| word | (u64::from(byte != 0) << bit))
}

/// Ascending, distinct `rows`; a run without gaps is recognised, as it is scanned faster.
fn picks_of(rows: &[usize]) -> Picks<'_> {
    match (rows.first(), rows.last()) {
        (Some(&first), Some(&last)) if last - first + 1 == rows.len() => {
            Picks::Range { first, len: rows.len() }
        }
        _ => Picks::Rows(rows),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn visited(filter: &Filter, cut: usize, block_len: usize) -> Vec<usize> {
        let mut rows = Vec::new();
        let mut scratch = Vec::new();
        let cut = (cut * 64).min(filter.n_places());
        for places in [0..cut, cut..filter.n_places()] {
            filter.visit_blocks(places, block_len, &mut scratch, |picks| {
                assert!((1..=block_len).contains(&picks.len()));
                rows.extend((0..picks.len()).map(|index| picks.row(index)));
            });
        }
        rows
    }

    proptest! {
        #[test]
        fn a_mask_and_a_shuffled_list_with_repeats_visit_the_same_rows(
            mask in prop::collection::vec(0u8..3, 0..300),
            block_len in 1usize..70,
            cut in 0usize..5,
        ) {
            let allowed: Vec<usize> = (0..mask.len()).filter(|&row| mask[row] != 0).collect();
            let mut ids: Vec<i64> = allowed.iter().chain(&allowed).map(|&row| row as i64).collect();
            ids.reverse();
            ids.extend([-1, i64::MIN, i64::MAX, mask.len() as i64]);
            let by_mask = Filter::from_mask(&mask, mask.len()).unwrap();
            let by_rows = Filter::from_rows(ids, mask.len());
            prop_assert_eq!(by_mask.n_allowed(), allowed.len());
            prop_assert_eq!(by_rows.n_allowed(), allowed.len());
            prop_assert_eq!(visited(&by_mask, cut, block_len), allowed.clone());
            prop_assert_eq!(visited(&by_rows, cut, block_len), allowed);
        }

        #[test]
        fn all_but_some_rows_are_visited(
            n_rows in 0usize..5000,
            denied in prop::collection::vec(-3i64..5010, 0..20),
            block_len in 1usize..70,
            cut in 0usize..5,
        ) {
            let left: Vec<usize> =
                (0..n_rows).filter(|&row| !denied.contains(&(row as i64))).collect();
            let filter = Filter::all_but(&denied, n_rows);
            prop_assert_eq!(filter.n_allowed(), left.len());
            prop_assert_eq!(visited(&filter, cut, block_len), left);
        }

        #[test]
        fn without_a_filter_every_row_is_visited_once(
            n_rows in 0usize..300,
            block_len in 1usize..70,
            cut in 0usize..5,
        ) {
            let everything: Vec<usize> = (0..n_rows).collect();
            prop_assert_eq!(visited(&Filter::All(n_rows), cut, block_len), everything);
        }
    }

    #[test]
    fn a_mask_of_another_length_is_refused() {
        assert!(matches!(Filter::from_mask(&[1, 1], 3), Err(Error::Shape { found: 2, .. })));
    }
}
