//! What a track may ask for. Checked before anything of that size is allocated or worked through.

use crate::error::{Error, Result};

/// Bounds on one track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// File size.
    pub max_bytes: u64,
    /// Length of the audio, seconds.
    pub max_seconds: f64,
    /// Values to decode over all channels: bounds the time that a small file can cost.
    pub max_decoded_samples: u64,
    /// Channels.
    pub max_channels: usize,
    /// CPU time of a track's thread and of its decoding worker, seconds; a tenth of the audio's length
    /// comes on top. Front ends do not count.
    pub max_cpu_seconds: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 30,
            max_seconds: 24.0 * 3600.0,
            max_decoded_samples: 1 << 34,
            max_channels: 32,
            max_cpu_seconds: 10.0,
        }
    }
}

impl Limits {
    /// Slowest sample rate that is believed, Hz.
    pub const MIN_SAMPLE_RATE: u32 = 1_000;
    /// Fastest sample rate that is believed, Hz.
    pub const MAX_SAMPLE_RATE: u32 = 768_000;

    pub(crate) fn check_bytes(&self, n_bytes: u64) -> Result<()> {
        if n_bytes <= self.max_bytes {
            return Ok(());
        }
        Err(Error::Limit {
            what: "file size",
            given: format!("{n_bytes} bytes"),
            limit: format!("{} bytes", self.max_bytes),
        })
    }

    pub(crate) fn check_format(&self, sample_rate: u32, n_channels: usize) -> Result<()> {
        if !(Self::MIN_SAMPLE_RATE..=Self::MAX_SAMPLE_RATE).contains(&sample_rate) {
            return Err(Error::Limit {
                what: "sample rate",
                given: format!("{sample_rate} Hz"),
                limit: format!("{} to {} Hz", Self::MIN_SAMPLE_RATE, Self::MAX_SAMPLE_RATE),
            });
        }
        if n_channels == 0 || n_channels > self.max_channels {
            return Err(Error::Limit {
                what: "number of channels",
                given: n_channels.to_string(),
                limit: format!("1 to {}", self.max_channels),
            });
        }
        Ok(())
    }

    pub(crate) fn check_length(
        &self,
        n_samples: u64,
        sample_rate: u32,
        n_channels: usize,
    ) -> Result<()> {
        let seconds = n_samples as f64 / f64::from(sample_rate);
        if seconds > self.max_seconds {
            return Err(Error::Limit {
                what: "length",
                given: format!("more than {seconds:.0} s"),
                limit: format!("{:.0} s", self.max_seconds),
            });
        }
        if n_samples.saturating_mul(n_channels as u64) > self.max_decoded_samples {
            return Err(Error::Limit {
                what: "number of samples over all channels",
                given: format!("more than {}", n_samples.saturating_mul(n_channels as u64)),
                limit: self.max_decoded_samples.to_string(),
            });
        }
        Ok(())
    }
}
