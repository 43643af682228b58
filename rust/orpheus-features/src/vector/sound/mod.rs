//! The sound vector: a track as its sound is heard, for a plain cosine.
//!
//! Sixteen families of statistics (timbre, contrast, harmony without its key, onsets, rhythm, fluctuation,
//! dynamics and the texture of envelopes), each standardised, turned and weighted by constants that
//! are the same for every library.

mod blocks;
mod delta_pattern;
mod dynamics;
mod frames;
mod modulation;
mod projection;
mod pulse;
mod reference;
mod statistics;
mod summary;
mod table;
mod texture;
mod timbre;
mod tonal;

use std::sync::{Arc, OnceLock};

use self::blocks::BLOCKS;
use self::projection::Projection;
use self::summary::{Summary, SummaryPlan};
use crate::error::{Error, Result};
use crate::spectrum::simd::{Real, Tier};
use crate::temporal::Measure;

/// Rate that windows must have, in Hz.
pub const SAMPLE_RATE: u32 = 22_050;
/// Values in a vector.
pub const DIM: usize = blocks::DIM;
/// Statistics that a vector is made of.
pub const N_STATISTICS: usize = blocks::N_COLUMNS;
/// Changes when, and only when, the numbers do.
pub const REVISION: &str = "1";

/// A signal is described in parts of about this length, 30 s.
const PART: usize = 30 * SAMPLE_RATE as usize;

/// Computes sound vectors.
///
/// It holds tables only: one may be shared by any number of threads, each with its own
/// [`Workspace`].
///
/// # Examples
///
/// ```
/// use orpheus_features::vector::sound::{DIM, Sound};
///
/// let sound = Sound::shared()?;
/// let mut vector = [0.0; DIM];
/// let samples: Vec<f32> = (0..110_250).map(|n| (n as f32 * 0.05).sin() * 0.5).collect();
/// sound.vector_into(&samples, &mut sound.workspace(), &mut vector)?;
/// assert!((vector.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-5);
/// # Ok::<(), orpheus_features::Error>(())
/// ```
#[derive(Debug)]
pub struct Sound {
    tier: Tier,
    summary: SummaryPlan,
    projection: Projection,
}

/// Memory that one thread computes vectors in. It grows to what the longest part needs.
#[derive(Debug, Default)]
pub struct Workspace {
    summary: Summary,
}

impl Sound {
    fn on(tier: Tier) -> Result<Self> {
        Ok(Self { tier, summary: SummaryPlan::new(tier)?, projection: Projection::new() })
    }

    /// The plan, made when it is first asked for.
    ///
    /// # Errors
    ///
    /// None that this version has: its parameters are fixed.
    pub fn shared() -> Result<Arc<Self>> {
        static PLAN: OnceLock<Result<Arc<Sound>>> = OnceLock::new();
        PLAN.get_or_init(|| Self::on(Tier::best()).map(Arc::new)).clone()
    }

    /// Memory to compute in.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        Workspace::default()
    }

    /// Describes a signal of one channel at [`SAMPLE_RATE`], full scale at ±1.0, by a vector of unit length. One
    /// longer than 45 s is described in equal parts of about 30 s, whose vectors are averaged.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for a signal that cannot be
    /// described; [`Error::OutputLength`] if `vector` does not hold [`DIM`] values. `vector` is then
    /// unchanged.
    pub fn vector_into(
        &self,
        samples: &[f32],
        workspace: &mut Workspace,
        vector: &mut [f32],
    ) -> Result<()> {
        if vector.len() != DIM {
            return Err(Error::OutputLength { given: vector.len(), expected: DIM });
        }
        f32::dispatch(self.tier, Measure(samples))?;
        let (mut part_vector, mut total) = ([0.0; DIM], [0.0; DIM]);
        for part in parts(samples) {
            let mut statistics = [0.0; N_STATISTICS];
            self.summary.run(part, &mut workspace.summary, &mut statistics);
            self.projection.apply(&statistics, &mut part_vector);
            total.iter_mut().zip(&part_vector).for_each(|(sum, value)| *sum += value);
        }
        let length = total.iter().map(|value| value * value).sum::<f32>().sqrt();
        for (place, value) in vector.iter_mut().zip(total) {
            *place = value / length.max(f32::MIN_POSITIVE);
        }
        Ok(())
    }

    /// The statistics of a signal of at most 45 s, before they are weighted: what the constants are
    /// fitted to.
    ///
    /// # Errors
    ///
    /// As [`Sound::vector_into`].
    pub fn statistics(&self, samples: &[f32], workspace: &mut Workspace) -> Result<Vec<f32>> {
        f32::dispatch(self.tier, Measure(samples))?;
        let mut statistics = [0.0; N_STATISTICS];
        self.summary.run(samples, &mut workspace.summary, &mut statistics);
        Ok(statistics.to_vec())
    }
}

/// Equal parts of about [`PART`] samples.
fn parts(samples: &[f32]) -> impl Iterator<Item = &[f32]> {
    let n_parts = ((samples.len() as f64 / PART as f64).round() as usize).max(1);
    (0..n_parts).map(move |part| {
        &samples[samples.len() * part / n_parts..samples.len() * (part + 1) / n_parts]
    })
}

/// Describes windows of `n_samples` that lie back to back in `windows`; the vectors lie back to back in
/// the result. A tail shorter than a window is left out.
///
/// # Errors
///
/// As [`Sound::vector_into`]; a sample is named by its place in `windows`.
pub fn sound_vectors(windows: &[f32], n_samples: usize) -> Result<Vec<f32>> {
    let sound = Sound::shared()?;
    let mut workspace = sound.workspace();
    // Windows of no samples are refused like any other of that length.
    let n_windows = windows.len().checked_div(n_samples).unwrap_or(1);
    let mut vectors = vec![0.0; n_windows * DIM];
    for (window, vector) in vectors.chunks_exact_mut(DIM).enumerate() {
        let start = window * n_samples;
        sound
            .vector_into(&windows[start..start + n_samples], &mut workspace, vector)
            .map_err(|error| error.moved_by(start))?;
    }
    Ok(vectors)
}

/// The families of statistics in a vector: name, statistics, values, weight.
#[must_use]
pub fn families() -> Vec<(&'static str, usize, usize, f32)> {
    BLOCKS.iter().map(|block| (block.name, block.n_columns, block.dim, block.weight)).collect()
}

#[cfg(test)]
mod tests {
    use super::{DIM, Sound, parts};
    use crate::signals::{noise, tune};
    use crate::spectrum::simd::Tier;

    fn vector(tier: Tier, signal: &[f32]) -> Vec<f32> {
        let sound = Sound::on(tier).expect("fixed parameters");
        let mut vector = vec![0.0; DIM];
        sound.vector_into(signal, &mut sound.workspace(), &mut vector).expect("a signal");
        vector
    }

    fn similarity(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn every_tier_gives_the_same_vector() {
        let signals = [tune(1, 110_250), noise(2, 30_000), vec![0.0; 9000], vec![0.5; 3]];
        for signal in signals {
            let expected = vector(Tier::available()[0], &signal);
            for tier in Tier::available() {
                let found = vector(tier, &signal);
                let similarity = similarity(&found, &expected);
                assert!(similarity > 0.9999, "{similarity} on {}", tier.name());
            }
        }
    }

    #[test]
    fn any_length_gives_a_unit_vector() {
        let signal = tune(4, 80_000);
        let sound = Sound::on(Tier::best()).expect("fixed parameters");
        // One memory for all lengths: what an earlier signal left must not show.
        let mut workspace = sound.workspace();
        for n_samples in [80_000, 1, 2, 100, 511, 512, 2048, 5000, 30_000, 1, 80_000] {
            let mut found = vec![0.0; DIM];
            let part = &signal[..n_samples];
            sound.vector_into(part, &mut workspace, &mut found).expect("a signal");
            assert!((similarity(&found, &found) - 1.0).abs() < 1e-4, "{n_samples} samples");
            assert!(similarity(&found, &vector(Tier::best(), part)) > 0.999_99);
        }
    }

    #[test]
    fn long_signals_are_divided_evenly() {
        let lengths = |seconds: usize| -> Vec<usize> {
            let signal = vec![0.0; seconds * 22_050];
            parts(&signal).map(|part| part.len() / 22_050).collect()
        };
        assert_eq!(lengths(30), [30]);
        assert_eq!(lengths(44), [44]);
        assert_eq!(lengths(46), [23, 23]);
        assert_eq!(lengths(90), [30, 30, 30]);
    }
}
