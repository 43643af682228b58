//! A query, ready to be compared with codes.

use super::codes::{Codes, Extent};
use super::digits::Digits;
use super::encode::QUERY_ERROR;
use super::kernel::{Bound, CodeKernels};
use super::rotation::Rotation;
use crate::metric::Metric;

/// Rounding of one float32 operation.
const UNIT: f32 = f32::EPSILON / 2.0;

/// What all codes of a store have in common.
#[derive(Debug)]
pub(crate) struct Frame {
    /// What is compared: for [`Metric::Cosine`] the codes are of vectors of length one.
    pub(crate) metric: Metric,
    /// Where queries are measured from under [`Metric::L2`].
    pub(crate) anchor: Vec<f32>,
    pub(crate) rotation: Rotation,
    pub(crate) extent: Extent,
    /// Length of the longest centre.
    pub(crate) center_norm: f32,
    /// Distance of the farthest centre from the anchor.
    pub(crate) lever: f32,
}

/// The numbers of a [`Frame`], as a file has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeFacts {
    extent: Extent,
    center_norm: f32,
    lever: f32,
}

impl CodeFacts {
    pub(crate) fn of(frame: &Frame) -> Self {
        let Frame { extent, center_norm, lever, .. } = frame;
        Self { extent: *extent, center_norm: *center_norm, lever: *lever }
    }

    pub(crate) fn to_array(self) -> [f32; 7] {
        let Self { extent: Extent { reach: [coarse, fine], scale, offset, norm }, .. } = self;
        [coarse, fine, scale, offset, norm, self.center_norm, self.lever]
    }

    pub(crate) fn from_array(facts: [f32; 7]) -> Self {
        let [coarse, fine, scale, offset, norm, center_norm, lever] = facts;
        Self { extent: Extent { reach: [coarse, fine], scale, offset, norm }, center_norm, lever }
    }

    pub(crate) fn frame(self, metric: Metric, anchor: Vec<f32>) -> Frame {
        let Self { extent, center_norm, lever } = self;
        let rotation = Rotation::new(anchor.len());
        Frame { metric, anchor, rotation, extent, center_norm, lever }
    }
}

/// The merit of a vector at a centre, and by how much it may be off.
///
/// *Merit* is what is compared: the inner product, or minus half the squared distance; larger is
/// nearer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    merit: f32,
    off: f32,
}

impl Base {
    pub(super) fn merit(self) -> f32 {
        self.merit
    }
}

/// One query in digits, with all that its bounds need.
#[derive(Debug)]
pub(crate) struct CodedQuery {
    digits: Digits,
    /// What a coarse and a fine code's bound is multiplied by, besides the scale.
    reach: [f32; 2],
    /// What rounding may change a merit by, whatever the merit.
    slack: f32,
    /// What rounding may change a merit by, per unit of its magnitude.
    relative_slack: f32,
    /// What rounding may change a score by that the exact kernels sum, in units of its magnitude.
    sum_error: f32,
    is_l2: bool,
}

/// Queries that are compared together.
#[derive(Debug)]
pub(crate) struct CodedQueries {
    pub(crate) each: Vec<CodedQuery>,
    /// Digits of all of them, back to back; none for a single one.
    pub(crate) digits: Vec<u8>,
}

impl CodedQueries {
    /// Queries of as many values as the frame's vectors, each handed out by `query`. `None` if the
    /// bounds do not hold for one of them.
    pub(crate) fn new<'a>(queries: impl Iterator<Item = &'a [f32]>, frame: &Frame) -> Option<Self> {
        let each: Option<Vec<_>> = queries.map(|query| CodedQuery::new(query, frame)).collect();
        let each = each?;
        let mut digits = Vec::new();
        if each.len() > 1 {
            for query in &each {
                digits.extend_from_slice(query.digits.as_bytes());
            }
        }
        Some(Self { each, digits })
    }
}

impl Frame {
    /// Whether a query has the same digits for codes of `other`.
    pub(crate) fn measures_as(&self, other: &Self) -> bool {
        self.metric == other.metric && (self.metric != Metric::L2 || self.anchor == other.anchor)
    }
}

impl CodedQuery {
    /// `None` if the bounds do not hold for such a query.
    pub(crate) fn new(query: &[f32], frame: &Frame) -> Option<Self> {
        let mut turned = query.to_vec();
        if frame.metric == Metric::L2 {
            for (value, anchor) in turned.iter_mut().zip(&frame.anchor) {
                *value -= anchor;
            }
        }
        let padded = Codes::padded(query.len());
        let digits = CodeKernels::best().digits(&frame.rotation, &mut turned, padded)?;
        Some(Self::of_digits(digits, frame, query.len()))
    }

    /// The same query for codes of `frame`, which measures queries from where this one's does.
    pub(crate) fn for_frame(&self, frame: &Frame) -> Self {
        Self::of_digits(self.digits.clone(), frame, frame.anchor.len())
    }

    /// A query that has been turned and cut.
    fn of_digits(digits: Digits, frame: &Frame, dim: usize) -> Self {
        let is_l2 = frame.metric == Metric::L2;
        let span = digits.norm.max(digits.error / QUERY_ERROR);
        let reach = frame.extent.reach.map(|reach| reach * span);
        // The exact scores are sums of `dim` products in at least eight lanes; both the one that
        // sets the limit and the one that is held against it may be off.
        let sum_error = (dim as f32 / 4.0 + 64.0) * UNIT;
        let arithmetic = arithmetic_slack(&digits, frame, dim);
        let (slack, relative_slack) = if is_l2 {
            (arithmetic, 2.0 * sum_error)
        } else {
            (arithmetic + 2.0 * sum_error * digits.norm * frame.extent.norm, 0.0)
        };
        Self { digits, reach, slack, relative_slack, sum_error, is_l2 }
    }

    /// Its digits.
    pub(crate) fn digits(&self) -> &Digits {
        &self.digits
    }

    /// The base of a list, from the score of its centre as the exact kernels give it: a squared
    /// distance, or an inner product.
    pub(crate) fn base(&self, score: f32, frame: &Frame) -> Base {
        if self.is_l2 {
            let merit = -0.5 * score;
            return Base { merit, off: (self.sum_error + 8.0 * UNIT) * merit.abs() };
        }
        let off = self.sum_error * self.digits.norm * frame.center_norm;
        Base { merit: score, off: off + 8.0 * UNIT * score.abs() }
    }

    /// The merit that goes with a score of the exact kernels.
    pub(crate) fn merit_of(&self, score: f32) -> f32 {
        if self.is_l2 { -0.5 * score } else { score }
    }

    /// The least merit by its bound that a vector must have to count, where `floor` is reached.
    pub(crate) fn limit(&self, floor: f32) -> f32 {
        if floor == f32::NEG_INFINITY {
            return floor;
        }
        floor - self.slack - self.relative_slack * floor.abs()
    }

    /// What the sum of a vector must fulfil for its merit to reach `floor`.
    pub(crate) fn bound(&self, floor: f32, base: Base) -> Bound {
        let unit = self.digits.unit;
        let level = (0.5 / 8.0 - 1.0) * unit * self.digits.sum as f32 + self.reach[0];
        Bound { slope: unit / 8.0, level, limit: self.limit(floor) - base.merit - base.off }
    }

    /// What the sum of a vector fulfils whose merit seems to be above `floor`, by what is likely.
    pub(crate) fn estimate(&self, floor: f32, base: Base) -> Bound {
        let bound = self.bound(floor, base);
        Bound { level: bound.level - self.reach[0], limit: floor - base.merit, ..bound }
    }

    /// What a vector seems to merit by the sum of its coarse code.
    pub(crate) fn seems(&self, sum: i32, scale: f32, offset: f32, base: Base) -> f32 {
        let unit = self.digits.unit;
        let level = (0.5 / 8.0 - 1.0) * unit * self.digits.sum as f32;
        scale * (sum as f32 * (unit / 8.0) + level) + offset + base.merit
    }

    /// The merit that both codes of a vector give, from their `sums`, and by how much it may be off.
    pub(crate) fn merit(&self, sums: [i32; 2], scale: f32, offset: f32, base: Base) -> (f32, f32) {
        let [coarse, fine] = sums.map(f64::from);
        let sum = (16.0 * coarse + fine) / 128.0 + (0.5 / 128.0 - 1.0) * f64::from(self.digits.sum);
        let product = f64::from(self.digits.unit) * sum;
        let merit = f64::from(scale) * product + f64::from(offset) + f64::from(base.merit);
        (merit as f32, scale * self.reach[1] + base.off)
    }
}

/// What the arithmetic of bounds may be off by.
fn arithmetic_slack(digits: &Digits, frame: &Frame, dim: usize) -> f32 {
    // No vector is longer than this from its centre.
    let spread = frame.extent.scale * (dim as f32).sqrt();
    let of_lever = 4.0 * Rotation::RELATIVE_ERROR * frame.lever * spread;
    16.0 * UNIT * (2.0 * digits.norm * spread + frame.extent.offset) + of_lever
}
