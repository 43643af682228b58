//! Vectors as they are in a file, a few here and there.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use super::acceleration::Acceleration;
use crate::distance::{Block, Kernels};
use crate::error::{Error, Result};
use crate::filter::Picks;
use crate::metric::Metric;
use crate::queries::QueryBlock;
use crate::rows::Rows;
use crate::sidecar::RowSums;

/// Bytes of vectors up to which they are read where they are mapped: more would come to count as
/// memory of the process, with all that lies around them (see [`crate::format::mmap::Mapping::read_at`]).
const MOST_MAPPED: usize = 32 << 20;

/// Compares vectors of a file with one query, each after a look at its checksum.
pub(super) struct FileVectors<'a> {
    acceleration: &'a Acceleration,
    sums: Option<&'a RowSums>,
    file: &'a [u8],
    query: &'a QueryBlock,
    kernels: Kernels,
    metric: Metric,
    buffer: RefCell<Vec<u8>>,
    failure: Cell<Option<Error>>,
}

impl<'a> FileVectors<'a> {
    pub(super) fn new(
        acceleration: &'a Acceleration,
        sums: Option<&'a RowSums>,
        file: &'a [u8],
        query: &'a QueryBlock,
        (kernels, metric): (Kernels, Metric),
    ) -> Self {
        let (buffer, failure) = (RefCell::default(), Cell::new(None));
        Self { acceleration, sums, file, query, kernels, metric, buffer, failure }
    }

    /// Whether a vector is read where it is mapped, so that asking for it ahead helps.
    pub(super) fn are_mapped(&self) -> bool {
        self.acceleration.n_bytes() <= MOST_MAPPED
    }

    /// The score of the vector that lies at `range`, whose place among all is `place`; NaN after a
    /// failure, which [`Self::finish`] gives.
    pub(super) fn score(&self, place: usize, range: Range<usize>) -> f32 {
        if self.are_mapped() {
            return self.score_of(place, &self.file[range]);
        }
        let mut buffer = self.buffer.borrow_mut();
        buffer.resize(range.len(), 0);
        match self.acceleration.read_at(range, &mut buffer) {
            Ok(()) => self.score_of(place, &buffer),
            Err(error) => {
                self.failure.set(Some(error));
                f32::NAN
            }
        }
    }

    fn score_of(&self, place: usize, vector: &[u8]) -> f32 {
        if self.sums.is_some_and(|sums| !sums.is(place, vector.as_chunks::<4>().0)) {
            self.failure.set(Some(Error::Changed { what: "a vector".to_owned() }));
        }
        let Ok(rows) = Rows::from_bytes(vector, self.query.dim()) else { return f32::NAN };
        self.score_in(rows, 0)
    }

    /// The score of row `row` of any matrix.
    pub(super) fn score_in(&self, rows: Rows<'_>, row: usize) -> f32 {
        let picks = Picks::Range { first: row, len: 1 };
        let Some(block) = Block::new(self.query, rows, picks) else { return f32::NAN };
        let mut score = [f32::NAN];
        match self.metric {
            Metric::L2 => self.kernels.squared_l2(&block, &mut score),
            _ => self.kernels.dot(&block, &mut score),
        }
        score[0]
    }

    /// What went wrong, if anything did.
    pub(super) fn finish(&self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }
}
