//! Vectors in, codes out.

use super::codes::{Extent, UNKNOWN_SCALE};
use super::digits::length;
use super::rotation::Rotation;
use super::signs::{Marks, mark, sign_stride};
use crate::metric::Metric;

/// How good the digits of a query have to be, in units of its length, for the bounds of [`Extent`];
/// for a worse query the bounds are widened by as much.
pub(crate) const QUERY_ERROR: f32 = 8e-3;
/// How much larger than the usual error a code's may be before nothing is said of its vector.
const LENIENCE: f32 = 1.25;
/// Lengths for which the bounds hold in float32.
const LENGTHS: std::ops::Range<f32> = 1e-12..1e12;

/// What turns vectors around one centre into codes.
#[derive(Clone, Debug)]
pub(crate) struct Coder {
    rotation: Rotation,
    metric: Metric,
    /// Subtracted from every vector.
    center: Vec<f32>,
    /// The centre, measured from where queries are measured from, and turned. Empty if the two are
    /// the same place, and under inner product, where it does not matter.
    lever: Vec<f32>,
    /// The centre, measured likewise under any metric: from there signs are compared. Empty if it is
    /// where queries are measured from, and if signs are not kept.
    sign_lever: Vec<f32>,
}

/// What is known of one vector besides its codes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coded {
    /// Largest magnitude of a value, as the upper half of a float32; or [`UNKNOWN_SCALE`].
    pub(crate) scale: u16,
    /// What is added to the inner product with a query to get the merit; zero under inner product.
    pub(crate) offset: f32,
    /// How far a coarse and a fine code may be off, in units of the scale.
    reach: [f32; 2],
    /// Length before it was centred.
    norm: f32,
    /// What is known of its signs.
    pub(crate) marks: Marks,
}

impl Coder {
    /// For vectors around `center`, compared with queries that are measured from `anchor`
    /// (under inner product: from the origin, whatever `anchor` is).
    pub(crate) fn new(metric: Metric, center: &[f32], anchor: &[f32]) -> Self {
        let rotation = Rotation::new(center.len());
        let mut lever: Vec<f32> = center.iter().zip(anchor).map(|(c, a)| c - a).collect();
        if metric.larger_is_nearer() {
            lever.copy_from_slice(center);
        }
        if lever.iter().all(|&value| value == 0.0) {
            lever.clear();
        } else {
            rotation.apply(&mut lever);
        }
        let signs_are_kept = sign_stride(center.len()).is_some();
        let sign_lever = if signs_are_kept { lever.clone() } else { Vec::new() };
        if metric.larger_is_nearer() {
            lever.clear();
        }
        Self { rotation, metric, center: center.to_vec(), lever, sign_lever }
    }

    /// Writes the codes of `weight` times the vector with the values `lanes` into `coarse` and
    /// `fine`, which are zeros, and its signs into `signs`, unless that is empty; `turned` keeps its memory from call to call.
    ///
    /// To be called through [`super::CodeKernels::encode`].
    #[expect(clippy::inline_always, reason = "as Rotation::apply")]
    #[inline(always)]
    pub(super) fn encode(
        &self,
        lanes: &[[u8; 4]],
        weight: f32,
        turned: &mut Vec<f32>,
        [coarse, fine, signs]: [&mut [u8]; 3],
    ) -> Coded {
        turned.clear();
        turned.extend(lanes.iter().map(|lane| f32::from_le_bytes(*lane) * weight));
        let original = length(turned);
        for (value, center) in turned.iter_mut().zip(&self.center) {
            *value -= center;
        }
        let norm = length(turned);
        self.rotation.apply(turned);
        if !((LENGTHS.contains(&norm) || norm == 0.0) && original < LENGTHS.end) {
            let marks = Marks::NONE;
            return Coded { scale: UNKNOWN_SCALE, offset: 0.0, reach: [0.0; 2], norm: 0.0, marks };
        }
        let scale = ceiling(largest(turned));
        let errors = write_codes(turned, widened(scale), coarse, fine);
        let offset = self.offset(turned, norm);
        let marks = match signs.is_empty() {
            true => Marks::NONE,
            false => mark(turned, norm, &self.sign_lever, offset, signs),
        };
        Coded {
            scale,
            offset,
            marks,
            reach: reaches(errors, norm, original, scale, lanes.len()),
            norm: original * 1.000_01,
        }
    }

    #[expect(clippy::inline_always, reason = "as Rotation::apply")]
    #[inline(always)]
    fn offset(&self, turned: &[f32], norm: f32) -> f32 {
        if self.metric.larger_is_nearer() {
            return 0.0;
        }
        let lever: f64 = self.lever.iter().zip(turned).map(|(a, b)| f64::from(a * b)).sum();
        -(0.5 * f64::from(norm) * f64::from(norm) + lever) as f32
    }
}

/// What is true of all `coded`; those for which it would not be lose their scale, so that they are
/// always compared exactly.
pub(crate) fn settle(coded: &mut [Coded]) -> Extent {
    let mut reach = [0.0; 2];
    for (digit, reach) in reach.iter_mut().enumerate() {
        let has_codes = |one: &&Coded| one.scale != UNKNOWN_SCALE && one.scale != 0;
        let mut all: Vec<f32> =
            coded.iter().filter(has_codes).map(|one| one.reach[digit]).collect();
        let middle = all.len() / 2;
        if !all.is_empty() {
            *reach = *all.select_nth_unstable_by(middle, f32::total_cmp).1 * LENIENCE;
        }
    }
    let mut extent = Extent { reach, ..Extent::default() };
    for one in coded {
        if one.scale != 0 && (0..2).any(|digit| one.reach[digit] > reach[digit]) {
            one.scale = UNKNOWN_SCALE;
        }
        if one.scale != UNKNOWN_SCALE {
            extent.scale = extent.scale.max(widened(one.scale));
            extent.offset = extent.offset.max(one.offset.abs());
            extent.norm = extent.norm.max(one.norm);
        }
    }
    extent
}

/// The float32 of which `scale` is the upper half.
pub(crate) fn widened(scale: u16) -> f32 {
    f32::from_bits(u32::from(scale) << 16)
}

#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()))
}

/// The upper half of the smallest float32 that is not below `value` and has a lower half of zeros.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn ceiling(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits >> 16) + u32::from(bits & 0xffff != 0)) as u16
}

/// Writes both codes of turned values; returns the lengths of what they leave out.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn write_codes(turned: &[f32], scale: f32, coarse: &mut [u8], fine: &mut [u8]) -> [f32; 2] {
    if scale <= 0.0 || scale.is_nan() {
        return [0.0; 2];
    }
    let per_unit = 128.0 / scale;
    let mut squares = [0.0f32; 2];
    for (block, values) in turned.chunks(128).enumerate() {
        let (mut codes, mut off) = ([0u8; 128], [[0.0f32; 128]; 2]);
        for (index, &value) in values.iter().enumerate() {
            let place = value * per_unit + 128.0;
            // At most 256.0, where the value is the scale itself; the cast saturates.
            let code = place as u8;
            codes[index] = code;
            off[0][index] = place - f32::from(code & 0xf0) - 8.0;
            off[1][index] = place - f32::from(code) - 0.5;
        }
        for (square, off) in squares.iter_mut().zip(&off) {
            *square += sum_of_squares(off);
        }
        // Byte `j` of a block of `half` bytes holds the values `j` and `half + j`.
        let half = (coarse.len() - block * 64).min(64);
        let (low, high) = codes[..2 * half].split_at(half);
        let planes = coarse[block * 64..].iter_mut().zip(&mut fine[block * 64..]);
        for ((coarse, fine), (low, high)) in planes.zip(low.iter().zip(high)) {
            *coarse = low >> 4 | high & 0xf0;
            *fine = low & 15 | high << 4;
        }
    }
    squares.map(|square| square.sqrt() / per_unit)
}

#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn sum_of_squares(values: &[f32; 128]) -> f32 {
    let mut sums = [0.0f32; 16];
    for chunk in values.as_chunks::<16>().0 {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    sums.iter().sum()
}

/// How far codes with these `errors` may be off, per unit of the scale and of the query's length.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn reaches(errors: [f32; 2], norm: f32, original: f32, scale: u16, dim: usize) -> [f32; 2] {
    let scale = widened(scale);
    if scale == 0.0 {
        return [0.0; 2];
    }
    // Rounding: of weighing, of turning, and of each `place`, which is up to 256 and has 16 bits
    // behind the point.
    let rounding = original * 2.0f32.powi(-23)
        + norm * 2.0 * Rotation::RELATIVE_ERROR
        + scale * (dim as f32).sqrt() * 2.0f32.powi(-22);
    [0, 1].map(|digit| {
        let own = errors[digit] * 1.001 + rounding;
        (own + QUERY_ERROR * (norm + own)) / scale * 1.001
    })
}
