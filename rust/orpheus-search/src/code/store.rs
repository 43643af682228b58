//! Codes of vectors in lists, made once and searched often.

use std::ops::Range;
use std::sync::Arc;

use super::codes::{CodeParts, Codes};
use super::digits::length;
use super::encode::{Coder, settle};
use super::fill::{encode, weight};
use super::plane::Plane;
use super::query::{Base, CodeFacts, Frame};
use super::rotation::Rotation;
use super::signs::{LANES, Marks, SignPlane, Signs, StoredSigns, Stretch, sign_stride};
use crate::error::Result;
use crate::format::mmap::Mapping;
use crate::metric::Metric;
use crate::rows::Rows;

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
    coarse: Plane,
    fine: Plane,
    scales: Vec<u16>,
    /// Empty under inner product.
    offsets: Vec<f32>,
    /// For dimensions whose signs are kept.
    signs: Option<SignPlane>,
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
        let anchor = match lists {
            [_] => centers.clone(),
            _ => Rows::new(&centers, dim).map_or(Vec::new(), |rows| mean(rows, Metric::L2)),
        };
        let n_bytes = before[lists.len()].saturating_mul(Codes::stride(dim));
        let (mut coarse, mut fine) = (Plane::zeroed(n_bytes)?, Plane::zeroed(n_bytes)?);
        let coders: Vec<Coder> =
            centers.chunks_exact(dim).map(|center| Coder::new(metric, center, &anchor)).collect();
        let mut signs = SignPlane::room(&before, dim)?;
        let planes = [coarse.as_mut_slice(), fine.as_mut_slice(), signs.as_mut_slice()];
        let mut coded = encode(lists, &coders, metric, planes, n_threads);
        let extent = settle(&mut coded);
        let scales = coded.iter().map(|one| one.scale).collect();
        let has_offsets = !metric.larger_is_nearer();
        let offsets = coded.iter().filter(|_| has_offsets).map(|one| one.offset).collect();
        let center_norm = centers.chunks_exact(dim).map(length).fold(0.0, f32::max);
        let from_anchor = |center: &[f32]| {
            length(&center.iter().zip(&anchor).map(|(c, a)| c - a).collect::<Vec<_>>())
        };
        let lever = centers.chunks_exact(dim).map(from_anchor).fold(0.0, f32::max);
        let rotation = Rotation::new(dim);
        let frame = Frame { metric, anchor, rotation, extent, center_norm, lever };
        let marks: Vec<Marks> = coded.iter().map(|one| one.marks).collect();
        let signs = sign_stride(dim).and_then(|_| SignPlane::new(signs, &before, &marks));
        Ok(Self { frame, centers, before, coarse, fine, scales, offsets, signs })
    }

    /// Encodes a matrix as one list around the mean of all vectors.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub(crate) fn of_matrix(rows: Rows<'_>, metric: Metric, n_threads: usize) -> Result<Self> {
        Self::new(&[rows], mean(rows, metric), metric, n_threads)
    }

    /// Codes that lie in a mapped file; `None` if their numbers contradict each other.
    pub(crate) fn mapped(stored: StoredCodes, file: &Arc<Mapping>) -> Option<Self> {
        let StoredCodes { metric, facts, anchor, centers, before, scales, offsets, planes, signs } =
            stored;
        let dim = anchor.len();
        if before.first() != Some(&0) || !before.is_sorted() || dim == 0 {
            return None;
        }
        let [coarse, fine] = planes.map(|(place, sums)| Plane::mapped(file, place, sums));
        let frame = facts.frame(metric, anchor);
        let signs = match signs {
            Some(signs) => Some(SignPlane::mapped(signs, &before, file)?),
            None => None,
        };
        let (coarse, fine) = (coarse?, fine?);
        let codes = Self { frame, centers, before, coarse, fine, scales, offsets, signs };
        let is_whole = codes.codes().is_some() && codes.signs.is_some() == codes.signs().is_some();
        is_whole.then_some(codes)
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

    pub(crate) fn centers(&self) -> &[f32] {
        &self.centers
    }

    pub(crate) fn before(&self) -> &[usize] {
        &self.before
    }

    pub(crate) fn scales(&self) -> &[u16] {
        &self.scales
    }

    pub(crate) fn offsets(&self) -> &[f32] {
        &self.offsets
    }

    /// The coarse plane and the fine one.
    pub(crate) fn planes(&self) -> [&[u8]; 2] {
        [self.coarse.as_slice(), self.fine.as_slice()]
    }

    /// What is kept of the vectors' signs.
    pub(crate) fn sign_plane(&self) -> Option<&SignPlane> {
        self.signs.as_ref()
    }

    /// The signs of the vectors; `None` for a dimension whose signs are not kept.
    pub(crate) fn signs(&self) -> Option<Signs<'_>> {
        self.signs.as_ref()?.signs(self.dim(), self.n())
    }

    /// Vectors of list `list`, from its own number `first` on, for a query that is `distance` from
    /// its centre, which has the merit `base`.
    pub(crate) fn stretch(
        &self,
        list: usize,
        rows: Range<usize>,
        base: Base,
        distance: f32,
    ) -> Option<Stretch> {
        let places = self.places(list);
        let block = self.signs()?.first_block(list) + rows.start / LANES;
        let (skipped, first) = (rows.start % LANES, places.start + rows.start);
        let len = rows.len().min(places.end.saturating_sub(first));
        Some(Stretch { block, skipped, first, len, base, distance })
    }

    /// `None` never: the parts were made together, or have been compared with each other.
    pub(crate) fn codes(&self) -> Option<Codes<'_>> {
        let parts = CodeParts {
            coarse: self.coarse.as_slice(),
            fine: self.fine.as_slice(),
            scales: &self.scales,
            offsets: &self.offsets,
            guards: [self.coarse.sums(), self.fine.sums()],
        };
        Codes::new(self.dim(), self.n(), parts)
    }

    pub(crate) fn n_bytes(&self) -> usize {
        let codes = 2 * self.coarse.as_slice().len() + 2 * self.scales.len();
        codes + 4 * self.offsets.len() + self.signs.as_ref().map_or(0, SignPlane::n_bytes)
    }
}

/// Codes as a file has them.
pub(crate) struct StoredCodes {
    pub(crate) metric: Metric,
    pub(crate) facts: CodeFacts,
    pub(crate) anchor: Vec<f32>,
    pub(crate) centers: Vec<f32>,
    pub(crate) before: Vec<usize>,
    pub(crate) scales: Vec<u16>,
    pub(crate) offsets: Vec<f32>,
    /// Where the coarse and the fine plane lie, and the checksums of their blocks.
    pub(crate) planes: [(Range<usize>, Vec<u32>); 2],
    /// For dimensions whose signs are kept.
    pub(crate) signs: Option<StoredSigns>,
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
        Ok(Self(ListCodes::of_matrix(rows, metric, n_threads)?))
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
