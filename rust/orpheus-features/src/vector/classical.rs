//! The classical vector: timbre, brightness, noisiness, tempo, energy and pitch classes of one window.
//!
//! In this order: the means of 13 mel-frequency cepstral coefficients, their 13 variances, the mean
//! spectral centroid, bandwidth and roll-off (85 %) in Hz, the mean zero-crossing rate, the tempo in
//! beats per minute, the energy (mean of the squared samples), and the chroma in one of two
//! [layouts](Layout).

use std::str::FromStr;
use std::sync::OnceLock;

use crate::chroma::{ChromaBank, ChromaMeans, N_CHROMA};
use crate::error::{Error, Result};
use crate::rhythm::onset;
use crate::rhythm::tempo::{Tempo, TempoPlan};
use crate::spectrum::dct::N_MFCC;
use crate::spectrum::fft::N_FFT;
use crate::spectrum::simd::{Real, Tier};
use crate::temporal::{Measure, Waveform};
use crate::tuning::{N_TUNINGS, tuning_bin};
use crate::vector::frames::{FramePlan, FrameScratch, LoudnessPass, SpectrumPass};

/// Lowest sample rate that a vector is defined for, in Hz.
pub const MIN_SAMPLE_RATE: u32 = 1000;
/// Highest sample rate that a vector is defined for, in Hz.
pub const MAX_SAMPLE_RATE: u32 = 768_000;
