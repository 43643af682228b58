//! Which statistics describe a track, and how much each family of them counts.

use super::{delta_pattern, dynamics, modulation, pulse, texture, timbre, tonal};

/// A family of statistics that is turned and weighted as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// As the documentation calls it.
    pub(super) name: &'static str,
    /// Statistics in it.
    pub(super) n_columns: usize,
    /// Values that it gives to the vector.
    pub(super) dim: usize,
    /// Length that it has in the vector: its square is its share of the similarity.
    pub(super) weight: f32,
}

const fn block(name: &'static str, n_columns: usize, dim: usize, weight: f32) -> Block {
    Block { name, n_columns, dim, weight }
}

/// Octaves of contrast and level.
pub(super) const N_OCTAVES: usize = 7;
/// Series of the spectrum's shape.
pub(super) const N_SHAPES: usize = 6;

/// All of them, in the order of the vector.
pub(super) const BLOCKS: [Block; 16] = [
    block("cepstrum", timbre::N_CEPSTRUM, 24, 2.0),
    block("cepstral_correlations", timbre::N_CORRELATIONS, 24, 0.8),
    block("contrast", 5 * N_OCTAVES, 24, 2.0),
    block("octaves", 2 * N_OCTAVES, 14, 1.2),
    block("octave_steps", N_OCTAVES, 7, 0.8),
    block("shape", 4 * N_SHAPES, 18, 0.8),
    block("tonality", tonal::N_TONAL, 24, 1.8),
    block("delta_pattern", delta_pattern::N_DELTA, 24, 1.3),
    block("fluctuation", modulation::N_FLUCTUATION, 24, 1.1),
    block("pulse", pulse::N_PULSE, 20, 0.6),
    block("band_pulse", pulse::N_BAND_PULSE, 20, 0.8),
    block("dynamics", dynamics::N_DYNAMICS, 8, 0.5),
    block("level", dynamics::N_LEVEL, 3, 0.7),
    block("envelopes", texture::N_MARGINALS, 20, 1.0),
    block("envelope_correlations", texture::N_CORRELATIONS, 20, 1.0),
    block("envelope_modulation", texture::N_MODULATION, 24, 1.3),
];

/// Statistics of all blocks.
pub(super) const N_COLUMNS: usize = {
    let (mut total, mut at) = (0, 0);
    while at < BLOCKS.len() {
        total += BLOCKS[at].n_columns;
        at += 1;
    }
    total
};

/// Values of the vector.
pub(super) const DIM: usize = {
    let (mut total, mut at) = (0, 0);
    while at < BLOCKS.len() {
        total += BLOCKS[at].dim;
        at += 1;
    }
    total
};
