//! Codes of a matrix, made once and searched often.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::codes::{Codes, Extent};
use super::encode::{Coder, EncodedBlock};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::queries::inverse_norm;
use crate::rows::Rows;

/// Vectors that a thread encodes at a time.
const PART: usize = 1024;
/// Vectors that the centre is the mean of, evenly spaced.
const SAMPLE: usize = 16_384;

/// A matrix at a quarter of its bytes and a little more, from which exact answers can be had.
///
/// Holds four and four bits of each value around the mean of all vectors, and a bound on what they
/// leave out. A search that is given the codes of its matrix ([`crate::SearchOptions::codes`]) reads
/// them instead of the vectors, and of the vectors only the few that they cannot rule out: it gives
/// the same answer as without.
#[derive(Debug)]
pub struct RowCodes {
    metric: Metric,
    coder: Coder,
    center: Vec<f32>,
    n: usize,
    block: EncodedBlock,
    extent: Extent,
}

impl RowCodes {
    /// Encodes `rows` for searches under `metric`, on at most `n_threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there is not enough for the codes.
    pub fn new(rows: Rows<'_>, metric: Metric, n_threads: usize) -> Result<Self> {
        let center = mean(rows, metric);
        let coder = Coder::new(metric, &center, &center);
        let mut block = EncodedBlock::default();
        let stride = Codes::stride(rows.dim());
        block.reserve(rows.n_rows(), stride).map_err(|_| Error::Memory {
            n_bytes: rows.n_rows().saturating_mul(2 * stride),
            purpose: "codes",
        })?;
        for part in encoded_parts(rows, &coder, n_threads) {
            block.append(part);
        }
        let extent = block.settle();
        Ok(Self { metric, coder, center, n: rows.n_rows(), block, extent })
    }

    /// What the codes are compared by.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// How many vectors are encoded.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n
    }

    /// Values per vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.center.len()
    }

    /// Bytes of memory that the codes take.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.block.n_bytes()
    }

    pub(crate) fn coder(&self) -> &Coder {
        &self.coder
    }

    pub(crate) fn center(&self) -> &[f32] {
        &self.center
    }

    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }

    /// `None` never: the parts were made together.
    pub(crate) fn codes(&self) -> Option<Codes<'_>> {
        Codes::new(self.dim(), self.n, self.block.parts())
    }
}

/// The mean of a sample of the rows that are finite; of their directions for [`Metric::Cosine`].
fn mean(rows: Rows<'_>, metric: Metric) -> Vec<f32> {
    let step = rows.n_rows().div_ceil(SAMPLE).max(1);
    let mut sums = vec![0.0f64; rows.dim()];
    let mut n = 0usize;
    for row in (0..rows.n_rows()).step_by(step) {
        let weight = f64::from(weight(rows, row, metric));
        if rows.row(row).all(|value| value.abs() < 1e12) {
            for (sum, value) in sums.iter_mut().zip(rows.row(row)) {
                *sum += f64::from(value) * weight;
            }
            n += 1;
        }
    }
    sums.into_iter().map(|sum| (sum / n.max(1) as f64) as f32).collect()
}

/// What a row is multiplied by before it is encoded.
fn weight(rows: Rows<'_>, row: usize, metric: Metric) -> f32 {
    match metric {
        Metric::Cosine => inverse_norm(rows.row(row).map(f64::from)) as f32,
        Metric::L2 | Metric::InnerProduct => 1.0,
    }
}

/// Codes of all rows, in order.
fn encoded_parts(rows: Rows<'_>, coder: &Coder, n_threads: usize) -> Vec<EncodedBlock> {
    let n_parts = rows.n_rows().div_ceil(PART);
    let taken = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        let mut turned = Vec::with_capacity(rows.dim());
        loop {
            let part = taken.fetch_add(1, Ordering::Relaxed);
            if part >= n_parts {
                return done;
            }
            let range = part * PART..((part + 1) * PART).min(rows.n_rows());
            done.push((part, encoded(rows, coder, range, &mut turned)));
        }
    };
    let mut parts = thread::scope(|scope| {
        let helpers: Vec<_> = (1..n_threads.min(n_parts))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut parts = work();
        for helper in helpers {
            parts.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        parts
    });
    parts.sort_unstable_by_key(|(part, _)| *part);
    parts.into_iter().map(|(_, block)| block).collect()
}

fn encoded(
    rows: Rows<'_>,
    coder: &Coder,
    range: Range<usize>,
    turned: &mut Vec<f32>,
) -> EncodedBlock {
    let mut block = EncodedBlock::default();
    for row in range {
        let weight = weight(rows, row, coder.metric());
        coder.encode(rows.row_lanes(row), weight, turned, &mut block);
    }
    block
}
