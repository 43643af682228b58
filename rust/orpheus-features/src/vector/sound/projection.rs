//! From statistics to the vector: the same constants for every library.

use super::blocks::{BLOCKS, Block, DIM, N_COLUMNS};

/// Made by `tools/fit_sound.py`: for each block means and inverse deviations of its columns, an
/// offset for each value and the rows of its basis, little-endian float32.
static CONSTANTS: &[u8] = include_bytes!("constants.bin");

/// Where a statistic stops to count in proportion, in deviations.
const SATURATION: f32 = 3.0;
/// Squared length, in units of the mean, at which a block has lost half of its proportion.
const SOFTNESS: f32 = 0.3;

/// The constants of all blocks.
#[derive(Debug)]
pub(super) struct Projection {
    blocks: Vec<BlockProjection>,
}

#[derive(Debug)]
struct BlockProjection {
    weight: f32,
    means: Vec<f32>,
    inverse_deviations: Vec<f32>,
    offsets: Vec<f32>,
    /// One row per value.
    basis: Vec<f32>,
}

impl Projection {
    /// Reads the constants.
    pub(super) fn new() -> Self {
        let (values, _) = CONSTANTS.as_chunks::<4>();
        let mut values = values.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let blocks = BLOCKS.iter().map(|block| BlockProjection::read(block, &mut values)).collect();
        Self { blocks }
    }

    /// Turns `statistics` into a vector of unit length.
    pub(super) fn apply(&self, statistics: &[f32; N_COLUMNS], vector: &mut [f32]) {
        let (mut statistics, mut place) = (statistics.as_slice(), &mut *vector);
        for block in &self.blocks {
            let (columns, other_columns) = statistics.split_at(block.means.len());
            let (values, other_values) = place.split_at_mut(block.offsets.len());
            block.apply(columns, values);
            (statistics, place) = (other_columns, other_values);
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let scale = 1.0 / length.max(f32::MIN_POSITIVE);
        for value in vector.iter_mut() {
            *value *= scale;
        }
    }
}

impl BlockProjection {
    fn read(block: &Block, values: &mut impl Iterator<Item = f32>) -> Self {
        let mut take = |n: usize| values.by_ref().take(n).collect::<Vec<f32>>();
        Self {
            weight: block.weight,
            means: take(block.n_columns),
            inverse_deviations: take(block.n_columns),
            offsets: take(block.dim),
            basis: take(block.dim * block.n_columns),
        }
    }

    fn apply(&self, columns: &[f32], values: &mut [f32]) {
        let standards = self.means.iter().zip(&self.inverse_deviations);
        let saturated: Vec<f32> = columns
            .iter()
            .zip(standards)
            .map(|(column, (mean, inverse))| saturate((column - mean) * inverse))
            .collect();
        let rows = self.basis.chunks_exact(columns.len()).zip(&self.offsets);
        for (value, (row, offset)) in values.iter_mut().zip(rows) {
            *value = super::statistics::dot(row, &saturated) - offset;
        }
        let square: f32 = values.iter().map(|value| value * value).sum();
        let scale = self.weight / (square + SOFTNESS).sqrt();
        for value in values.iter_mut() {
            *value *= scale;
        }
    }
}

/// Nearly proportional near 0, never beyond [`SATURATION`]: one odd statistic cannot decide.
fn saturate(value: f32) -> f32 {
    let share = value / SATURATION;
    value / (1.0 + share * share).sqrt()
}

const _: () = assert!(DIM <= 512, "a vector has at most 512 values");

#[cfg(test)]
mod tests {
    use super::{BLOCKS, CONSTANTS, Projection, saturate};

    #[test]
    fn there_is_a_constant_for_every_place_and_each_is_a_number() {
        let n_values: usize = BLOCKS
            .iter()
            .map(|block| 2 * block.n_columns + block.dim + block.dim * block.n_columns)
            .sum();
        assert_eq!(CONSTANTS.len(), 4 * n_values);
        for block in Projection::new().blocks {
            let all = [block.means, block.inverse_deviations, block.offsets, block.basis].concat();
            assert!(all.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn a_statistic_saturates() {
        assert!((saturate(0.1) - 0.1).abs() < 1e-3);
        assert!(saturate(1e9) <= 3.0 && saturate(1e9) > 2.99);
        assert!((saturate(-2.0) + saturate(2.0)).abs() < 1e-6);
    }
}
