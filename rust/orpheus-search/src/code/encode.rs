//! Vectors in, codes out.

use super::codes::{CodeParts, Codes, Extent, UNKNOWN_SCALE, place_of};
use super::digits::length;
use super::rotation::Rotation;
use crate::metric::Metric;

/// How good one digit and two digits of a query have to be, in units of its length, for the bounds
/// of [`Extent`]; for a worse query the bounds are widened by as much.
pub(crate) const QUERY_ERRORS: [f32; 2] = [8e-3, 4e-5];
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
}

/// Codes of vectors, in the layout of [`CodeParts`].
#[derive(Debug, Default)]
pub(crate) struct EncodedBlock {
    pub(crate) coarse: Vec<u8>,
    pub(crate) fine: Vec<u8>,
    pub(crate) scales: Vec<u16>,
    /// Empty under inner product.
    pub(crate) offsets: Vec<f32>,
    /// Of each vector, in units of its scale: how far a coarse and a fine code may be off.
    reaches: Vec<[f32; 2]>,
    /// Of each vector: its length.
    norms: Vec<f32>,
}

impl Coder {
    /// For vectors around `center`, compared with queries that are measured from `anchor`
    /// (under inner product: from the origin, whatever `anchor` is).
    pub(crate) fn new(metric: Metric, center: &[f32], anchor: &[f32]) -> Self {
        let rotation = Rotation::new(center.len());
        let mut lever: Vec<f32> = center.iter().zip(anchor).map(|(c, a)| c - a).collect();
        if metric.larger_is_nearer() || lever.iter().all(|&value| value == 0.0) {
            lever.clear();
        } else {
            rotation.apply(&mut lever);
        }
        Self { rotation, metric, center: center.to_vec(), lever }
    }

    fn dim(&self) -> usize {
        self.center.len()
    }

    /// Appends the code of `weight` times the vector with the values `lanes`; `turned` has room for
    /// one vector.
    pub(crate) fn encode(
        &self,
        lanes: &[[u8; 4]],
        weight: f32,
        turned: &mut Vec<f32>,
        block: &mut EncodedBlock,
    ) {
        turned.clear();
        turned.extend(lanes.iter().map(|lane| f32::from_le_bytes(*lane) * weight));
        let original = length(turned);
        for (value, center) in turned.iter_mut().zip(&self.center) {
            *value -= center;
        }
        let norm = length(turned);
        self.rotation.apply(turned);
        let known = (LENGTHS.contains(&norm) || norm == 0.0) && original < LENGTHS.end;
        block.norms.push(if known { original * 1.000_01 } else { 0.0 });
        if !self.metric.larger_is_nearer() {
            let lever: f64 = self.lever.iter().zip(&*turned).map(|(a, b)| f64::from(a * b)).sum();
            let offset = -(0.5 * f64::from(norm) * f64::from(norm) + lever) as f32;
            block.offsets.push(if known { offset } else { 0.0 });
        }
        let scale = if known { ceiling(largest(turned)) } else { UNKNOWN_SCALE };
        block.scales.push(scale);
        let errors = append_codes(turned, f32::from_bits(u32::from(scale) << 16), block);
        let reach = if known { reaches(errors, norm, original, scale, self.dim()) } else { [0.0; 2] };
        block.reaches.push(reach);
    }
}

impl EncodedBlock {
    /// Makes room for `n` vectors of `stride` bytes in each plane.
    pub(crate) fn reserve(
        &mut self,
        n: usize,
        stride: usize,
    ) -> Result<(), std::collections::TryReserveError> {
        self.coarse.try_reserve_exact(n.saturating_mul(stride))?;
        self.fine.try_reserve_exact(n.saturating_mul(stride))?;
        self.scales.try_reserve_exact(n)
    }

    /// Takes over the codes of another block.
    pub(crate) fn append(&mut self, other: Self) {
        self.coarse.extend_from_slice(&other.coarse);
        self.fine.extend_from_slice(&other.fine);
        self.scales.extend_from_slice(&other.scales);
        self.offsets.extend_from_slice(&other.offsets);
        self.reaches.extend_from_slice(&other.reaches);
        self.norms.extend_from_slice(&other.norms);
    }

    pub(crate) fn parts(&self) -> CodeParts<'_> {
        let Self { coarse, fine, scales, offsets, .. } = self;
        CodeParts { coarse, fine, scales, offsets }
    }

    /// Bytes that the codes take.
    pub(crate) fn n_bytes(&self) -> usize {
        2 * self.coarse.len() + 2 * self.scales.len() + 4 * self.offsets.len()
    }

    /// What is true of all codes; those for which it would not be lose their scale, so that they
    /// are always compared exactly.
    pub(crate) fn settle(&mut self) -> Extent {
        let mut extent = Extent::default();
        for digit in 0..2 {
            let known = |(reach, &scale): (&[f32; 2], &u16)| {
                (scale != UNKNOWN_SCALE && scale != 0).then_some(reach[digit])
            };
            let mut all: Vec<f32> =
                self.reaches.iter().zip(&self.scales).filter_map(known).collect();
            if all.is_empty() {
                continue;
            }
            let middle = all.len() / 2;
            let usual = *all.select_nth_unstable_by(middle, f32::total_cmp).1;
            extent.reach[digit] = usual * LENIENCE;
        }
        for (scale, reach) in self.scales.iter_mut().zip(&self.reaches) {
            if *scale != 0 && (0..2).any(|digit| reach[digit] > extent.reach[digit]) {
                *scale = UNKNOWN_SCALE;
            }
        }
        self.measure(extent.reach)
    }

    /// As [`Self::settle`], but with reaches that are already in use for other codes.
    pub(crate) fn settle_within(&mut self, reach: [f32; 2]) -> Extent {
        for (scale, own) in self.scales.iter_mut().zip(&self.reaches) {
            if *scale != 0 && (0..2).any(|digit| own[digit] > reach[digit]) {
                *scale = UNKNOWN_SCALE;
            }
        }
        self.measure(reach)
    }

    fn measure(&self, reach: [f32; 2]) -> Extent {
        let known = |index: usize| self.scales[index] != UNKNOWN_SCALE;
        let most = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, f32::max);
        let n = self.scales.len();
        let scale = |index: usize| f32::from_bits(u32::from(self.scales[index]) << 16);
        Extent {
            reach,
            scale: most(&mut (0..n).filter(|&i| known(i)).map(scale)),
            offset: most(&mut self.offsets.iter().map(|offset| offset.abs())),
            norm: most(&mut (0..n).filter(|&i| known(i)).map(|i| self.norms[i])),
        }
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()))
}

/// The upper half of the smallest float32 that is not below `value` and has a lower half of zeros.
fn ceiling(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits >> 16) + u32::from(bits & 0xffff != 0)) as u16
}

/// Appends both codes of turned values; returns the lengths of what they leave out.
fn append_codes(turned: &[f32], scale: f32, block: &mut EncodedBlock) -> [f32; 2] {
    let stride = Codes::stride(turned.len());
    let start = block.coarse.len();
    block.coarse.resize(start + stride, 0);
    block.fine.resize(start + stride, 0);
    if !(scale > 0.0) {
        return [0.0; 2];
    }
    let (coarse, fine) = (&mut block.coarse[start..], &mut block.fine[start..]);
    let per_unit = 128.0 / scale;
    let mut squares = [0.0f32; 2];
    for (chunk_index, chunk) in turned.chunks(128).enumerate() {
        let (mut codes, mut off) = ([0u8; 128], [[0.0f32; 2]; 128]);
        for ((code, off), &value) in codes.iter_mut().zip(&mut off).zip(chunk) {
            let place = value * per_unit + 128.0;
            // At most 256.0, where the value is the scale itself; the cast saturates.
            *code = place as u8;
            let high = f32::from(*code >> 4) * 16.0 + 8.0;
            *off = [place - high, place - f32::from(*code) - 0.5];
        }
        for digit in 0..2 {
            squares[digit] += off[..chunk.len()].iter().map(|off| off[digit] * off[digit]).sum::<f32>();
        }
        for (index, code) in codes[..chunk.len()].iter().enumerate() {
            let (byte, shift) = place_of(chunk_index * 128 + index, stride);
            coarse[byte] |= (code >> 4) << shift;
            fine[byte] |= (code & 15) << shift;
        }
    }
    squares.map(|square| square.sqrt() / per_unit)
}

/// How far codes with these `errors` may be off, per unit of the scale and of the query's length.
fn reaches(errors: [f32; 2], norm: f32, original: f32, scale: u16, dim: usize) -> [f32; 2] {
    let scale = f32::from_bits(u32::from(scale) << 16);
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
        (own + QUERY_ERRORS[digit] * (norm + own)) / scale * 1.001
    })
}
