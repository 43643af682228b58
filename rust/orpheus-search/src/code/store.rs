//! Codes of vectors in lists, made once and searched often.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::codes::Codes;
use super::digits::length;
use super::encode::{Coder, EncodedBlock};
use super::query::Frame;
use super::rotation::Rotation;
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::queries::inverse_norm;
use crate::rows::Rows;

/// Vectors that a thread encodes at a time.
const PART: usize = 1024;
/// Vectors that the centre of a matrix is the mean of, evenly spaced.
const SAMPLE: usize = 16_384;

/// Codes of vectors in lists, each list around a centre of its own.
#[derive(Debug)]
pub(crate) struct ListCodes {
    frame: Frame,
    /// Centres of the lists, back to back.
    centers: Vec<f32>,
    /// Vectors before each list, and in all.
    before: Vec<usize>,
    block: EncodedBlock,
}

impl ListCodes {
    /// Encodes `lists`, of which list `i` lies around row `i` of `centers`, on at most `n_threads`
    /// threads.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there is not enough for the codes.
    pub(crate) fn new(
        lists: &[Rows<'_>],
        centers: Vec<f32>,
        metric: Metric,
        n_threads: usize,
    ) -> Result<Self> {
        let dim = centers.len() / lists.len().max(1);
        let mut before = vec![0];
        before.extend(lists.iter().scan(0, |sum, list| {
            *sum += list.n_rows();
            Some(*sum)
        }));
        let n = before[lists.len()];
        let anchor = match lists {
            [_] => centers.clone(),
            _ => Rows::new(&centers, dim).map_or(Vec::new(), |rows| mean(rows, Metric::L2)),
        };
        let mut block = EncodedBlock::default();
        let n_bytes = n.saturating_mul(Codes::stride(dim));
        block
            .reserve(n, Codes::stride(dim))
            .map_err(|_| Error::Memory { n_bytes: n_bytes.saturating_mul(2), purpose: "codes" })?;
        let coders: Vec<Coder> =
            centers.chunks_exact(dim).map(|center| Coder::new(metric, center, &anchor)).collect();
        for part in encoded_parts(lists, &coders, metric, n_threads) {
            block.append(part);
        }
        let extent = block.settle();
        let center_norm = centers.chunks_exact(dim).map(length).fold(0.0, f32::max);
        let rotation = Rotation::new(dim);
        let from_anchor = |center: &[f32]| {
            length(&center.iter().zip(&anchor).map(|(c, a)| c - a).collect::<Vec<_>>())
        };
        let lever = centers.chunks_exact(dim).map(from_anchor).fold(0.0, f32::max);
        let frame = Frame { metric, anchor, rotation, extent, center_norm, lever };
        Ok(Self { frame, centers, before, block })
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frame
    }

    pub(crate) fn dim(&self) -> usize {
        self.frame.anchor.len()
    }

    /// How many vectors are encoded.
    pub(crate) fn n(&self) -> usize {
        self.before.last().copied().unwrap_or(0)
    }

    /// Places of the vectors of list `list` among all.
    pub(crate) fn places(&self, list: usize) -> Range<usize> {
        self.before[list]..self.before[list + 1]
    }

    /// The centre of list `list`.
    pub(crate) fn center(&self, list: usize) -> &[f32] {
        &self.centers[list * self.dim()..][..self.dim()]
    }

    /// `None` never: the parts were made together.
    pub(crate) fn codes(&self) -> Option<Codes<'_>> {
        Codes::new(self.dim(), self.n(), self.block.parts())
    }

    pub(crate) fn n_bytes(&self) -> usize {
        self.block.n_bytes()
    }
}

/// A matrix at a quarter of its bytes and a little more, from which exact answers can be had.
///
/// Holds four and four bits of each value around the mean of all vectors, and a bound on what they
/// leave out. A search that is given the codes of its matrix ([`crate::SearchOptions::codes`]) reads
/// them instead of the vectors, and of the vectors only the few that they cannot rule out: it gives
/// the same answer as without.
#[derive(Debug)]
pub struct RowCodes(ListCodes);

impl RowCodes {
    /// Encodes `rows` for searches under `metric`, on at most `n_threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there is not enough for the codes.
    pub fn new(rows: Rows<'_>, metric: Metric, n_threads: usize) -> Result<Self> {
        Ok(Self(ListCodes::new(&[rows], mean(rows, metric), metric, n_threads)?))
    }

    /// What the codes are compared by.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.0.frame.metric
    }

    /// How many vectors are encoded.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.0.n()
    }

    /// Values per vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.0.dim()
    }

    /// Bytes of memory that the codes take.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.0.n_bytes()
    }

    pub(crate) fn lists(&self) -> &ListCodes {
        &self.0
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

/// Codes of all lists, in order.
fn encoded_parts(
    lists: &[Rows<'_>],
    coders: &[Coder],
    metric: Metric,
    n_threads: usize,
) -> Vec<EncodedBlock> {
    let parts_of = |(list, rows): (usize, &Rows<'_>)| {
        let n_rows = rows.n_rows();
        (0..n_rows).step_by(PART).map(move |first| (list, first..n_rows.min(first + PART)))
    };
    let parts: Vec<_> = lists.iter().enumerate().flat_map(parts_of).collect();
    let taken = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        let mut turned = Vec::new();
        loop {
            let part = taken.fetch_add(1, Ordering::Relaxed);
            let Some((list, range)) = parts.get(part) else { return done };
            let mut block = EncodedBlock::default();
            for row in range.clone() {
                let weight = weight(lists[*list], row, metric);
                coders[*list].encode(lists[*list].row_lanes(row), weight, &mut turned, &mut block);
            }
            done.push((part, block));
        }
    };
    let mut blocks = thread::scope(|scope| {
        let helpers: Vec<_> = (1..n_threads.min(parts.len()))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut blocks = work();
        for helper in helpers {
            blocks.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        blocks
    });
    blocks.sort_unstable_by_key(|(part, _)| *part);
    blocks.into_iter().map(|(_, block)| block).collect()
}
