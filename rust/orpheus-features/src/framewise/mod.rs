//! One feature at a time, frame by frame, with the parameters and the numbers of librosa 0.11.
//!
//! A feature is a struct of its options. Its `of` computes it from [`Spectra`], which are
//! signals to transform or a spectrogram that is there already, or from [`Signals`]. Whatever has one
//! number or a few per frame is computed a chunk of frames at a time: no spectrogram is kept.

mod chroma;
mod contrast;
mod decibels;
mod mel;
mod mfcc;
mod rms;
mod samples;
mod shape;
mod spectra;
mod stft;
mod table;
#[cfg(test)]
mod tests;
mod tuning;
mod visit;
mod window;
mod zero_crossings;

pub use crate::spectrum::framing::Padding;
pub use crate::vector::classical::Precision;
pub use chroma::{Chroma, ChromaNorm};
pub use contrast::Contrast;
pub use decibels::Decibels;
pub use mel::Mel;
pub use mfcc::Mfcc;
pub use rms::{Frames, rms_of_signals, rms_of_spectra};
pub use samples::{Samples, Signals, Values};
pub use shape::{Bandwidth, Centroid, Flatness, Rolloff};
pub use spectra::{Spectra, Transform};
pub use stft::stft;
pub use table::{Allocate, Table};
pub use tuning::Tuning;
pub use window::window;
pub use zero_crossings::ZeroCrossings;
