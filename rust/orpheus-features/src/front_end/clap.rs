//! CLAP's log-mel spectrogram, as transformers 5 makes it for clips of at most ten seconds.
//!
//! 48 kHz; frames of 1024 samples, 480 apart, under a periodic Hann window, centred, the signal
//! mirrored beyond its ends; 64 bands of power from 50 to 14,000 Hz, in dB.

use std::str::FromStr;

use super::log_mel::{Level, N_BANDS, Recipe};
use crate::error::{Error, Result};
use crate::spectrum::framing::Padding;
use crate::spectrum::mel::{MelNorm, MelScale, Slopes};

/// Samples of a clip: ten seconds.
pub(super) const N_SAMPLES: usize = 480_000;
/// Frames of a clip.
pub(super) const N_FRAMES: usize = 1001;
/// Values of a clip.
pub(super) const N_VALUES: usize = N_FRAMES * N_BANDS;
/// Copies of the spectrogram that a fused checkpoint takes: for longer audio, the others would be
/// crops of it.
pub(super) const N_FUSED: usize = 4;

const UNFUSED: Recipe = Recipe {
    sample_rate: 48_000,
    n_fft: 1024,
    win_length: 1024,
    hop_length: 480,
    padding: Padding::Reflect,
    range_hz: [50.0, 14_000.0],
    bands: (MelScale::Slaney, MelNorm::Slaney, Slopes::Hz),
    level: Level::Decibels,
};

/// The recipe of a checkpoint.
pub(super) fn recipe(fused: bool) -> Recipe {
    if fused {
        Recipe { bands: (MelScale::Htk, MelNorm::None, Slopes::Hz), ..UNFUSED }
    } else {
        UNFUSED
    }
}

/// What becomes of clips shorter than ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClapPadding {
    /// Repeated as often as it fits wholly, then zeros.
    #[default]
    RepeatPad,
    /// Repeated, the last time in part.
    Repeat,
    /// Zeros.
    Pad,
}

impl ClapPadding {
    /// Writes `samples` to the front of `clip` and fills the rest.
    pub(super) fn fill(self, samples: &[f32], clip: &mut [f32]) {
        let n_whole = match self {
            Self::Pad => 1,
            Self::RepeatPad => clip.len() / samples.len(),
            Self::Repeat => clip.len().div_ceil(samples.len()),
        };
        let mut rest = clip.chunks_mut(samples.len());
        for chunk in rest.by_ref().take(n_whole) {
            chunk.copy_from_slice(&samples[..chunk.len()]);
        }
        for chunk in rest {
            chunk.fill(0.0);
        }
    }
}

impl FromStr for ClapPadding {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "repeatpad" => Ok(Self::RepeatPad),
            "repeat" => Ok(Self::Repeat),
            "pad" => Ok(Self::Pad),
            _ => Err(Error::Parameter {
                name: "padding",
                given: format!("{name:?}"),
                expected: "\"repeatpad\", \"repeat\" or \"pad\"".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ClapPadding;

    #[test]
    fn a_short_clip_is_repeated_and_padded_as_its_name_says() {
        let filled = |padding: ClapPadding| {
            let mut clip = [9.0; 8];
            padding.fill(&[1.0, 2.0, 3.0], &mut clip);
            clip.map(|sample| sample as i32)
        };
        assert_eq!(filled(ClapPadding::RepeatPad), [1, 2, 3, 1, 2, 3, 0, 0]);
        assert_eq!(filled(ClapPadding::Repeat), [1, 2, 3, 1, 2, 3, 1, 2]);
        assert_eq!(filled(ClapPadding::Pad), [1, 2, 3, 0, 0, 0, 0, 0]);
    }
}
