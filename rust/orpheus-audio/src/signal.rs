//! Decoded audio in memory.

/// Planar float32 samples and their rate. Full scale is ±1.0.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    samples: Vec<f32>,
    n_channels: usize,
    sample_rate: u32,
}

impl Signal {
    /// Joins channels of equal length; `channels` must not be empty.
    pub(crate) fn from_channels(mut channels: Vec<Vec<f32>>, sample_rate: u32) -> Self {
        let n_channels = channels.len();
        let samples = match channels.as_mut_slice() {
            [only] => std::mem::take(only),
            _ => channels.concat(),
        };
        Self { samples, n_channels, sample_rate }
    }

    /// Samples per channel.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.samples.len() / self.n_channels.max(1)
    }

    /// How many channels.
    #[must_use]
    pub fn n_channels(&self) -> usize {
        self.n_channels
    }

    /// Samples per second, Hz.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// One channel after the other.
    #[must_use]
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Gives the samples away: one channel after the other.
    #[must_use]
    pub fn into_samples(self) -> Vec<f32> {
        self.samples
    }
}
