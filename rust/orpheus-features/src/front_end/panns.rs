//! The log-mel spectrogram of the PANNs models at 32 kHz (Cnn14 and its kin), by its published
//! parameters.
//!
//! Frames of 1024 samples, 320 apart, under a periodic Hann window, centred, the signal mirrored
//! beyond its ends; 64 bands of power from 50 to 14,000 Hz, as librosa makes them, in dB.

use super::log_mel::{Level, Recipe};
use crate::spectrum::framing::Padding;
use crate::spectrum::mel::{MelNorm, MelScale, Slopes};

pub(super) const RECIPE: Recipe = Recipe {
    sample_rate: 32_000,
    n_fft: 1024,
    win_length: 1024,
    hop_length: 320,
    padding: Padding::Reflect,
    range_hz: [50.0, 14_000.0],
    bands: (MelScale::Slaney, MelNorm::Slaney, Slopes::HzRounded),
    level: Level::Decibels,
};
