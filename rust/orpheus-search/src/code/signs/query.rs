//! A query as sums over signs want it: a table for every four values.

use super::CONFIDENCE;
use super::kernel::TABLE_PAIR;
use super::layout::{Signs, sign_stride};
use crate::code::digits::{AlignedBytes, Digits};
use crate::code::kernel::{Bound, CodeKernels};

/// Largest entry of a table: eight of them fit 8 bits.
pub(super) const LARGEST: f32 = 31.0;

/// What all four signs can make of four digits, for every four of them.
#[derive(Debug)]
pub(crate) struct SignQuery {
    tables: AlignedBytes,
    /// What one step of a sum of entries is worth.
    slope: f32,
    /// What a sum of no entries is worth.
    level: f32,
}

impl SignQuery {
    /// `None` for a dimension whose signs are not kept.
    pub(crate) fn new(digits: &Digits, dim: usize, kernels: CodeKernels) -> Option<Self> {
        let stride = sign_stride(dim)?;
        let mut tables = AlignedBytes::zeroed(stride / 2 * TABLE_PAIR);
        let spans = kernels.tables(digits.as_bytes(), tables.as_mut_slice());
        let slope = digits.unit * spans.largest / LARGEST;
        Some(Self { tables, slope, level: -0.5 * digits.unit * spans.sum })
    }

    pub(super) fn tables(&self) -> &[u8] {
        self.tables.as_slice()
    }

    /// What the sum of a vector fulfils whose estimate is `limit`.
    pub(super) fn estimate(&self, limit: f32) -> Bound {
        Bound { slope: self.slope, level: self.level, limit }
    }

    /// What the sum of a vector fulfils that may merit `limit`, where the query is `distance` from
    /// the centre.
    pub(super) fn bound(&self, limit: f32, distance: f32, signs: &Signs<'_>) -> Bound {
        let margin = CONFIDENCE * signs.error() * distance;
        Bound { slope: self.slope, level: self.level + margin, limit }
    }

    /// What a vector seems to merit by its `sum`, besides what its centre does.
    pub(super) fn seems(&self, sum: i32, factor: u16, offset: f32) -> f32 {
        let factor = f32::from_bits(u32::from(factor) << 16);
        factor * (sum as f32 * self.slope + self.level) + offset
    }
}
