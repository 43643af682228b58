//! Several rates out of one signal.

use super::design::greatest_common_divisor;
use super::{Quality, Resampler};
use crate::error::Result;

/// Converts one channel from one sample rate to several others at once, block by block.
///
/// Each output is what a [`Resampler`] between the same two rates gives, to −125 dB or better, and
/// independent of where the blocks begin and end to the last bit.
#[derive(Debug)]
pub struct Fan {
    resamplers: Vec<Resampler>,
}

impl Fan {
    /// At the start of a signal, with one output for each of `to_hz`.
    ///
    /// # Errors
    ///
    /// As [`Resampler::new`], for each pair of rates.
    pub fn new(from_hz: u32, to_hz: &[u32], quality: Quality) -> Result<Self> {
        let resampler = |&to| Resampler::new(from_hz, to, quality);
        Ok(Self { resamplers: to_hz.iter().map(resampler).collect::<Result<_>>()? })
    }

    /// Takes the next `input` and appends to each of `outputs` what is complete by now.
    ///
    /// # Panics
    ///
    /// If there is not one output for each rate.
    pub fn process(&mut self, input: &[f32], outputs: &mut [Vec<f32>]) {
        assert_eq!(outputs.len(), self.resamplers.len(), "one output for each rate");
        for (resampler, output) in self.resamplers.iter_mut().zip(outputs) {
            resampler.process(input, output);
        }
    }

    /// Ends the signal: appends what is left of each output, and goes back to the start.
    ///
    /// # Panics
    ///
    /// If there is not one output for each rate.
    pub fn finish(&mut self, outputs: &mut [Vec<f32>]) {
        assert_eq!(outputs.len(), self.resamplers.len(), "one output for each rate");
        for (resampler, output) in self.resamplers.iter_mut().zip(outputs) {
            resampler.finish(output);
        }
    }

    /// Back to the start, as new; what was held back is forgotten.
    pub fn reset(&mut self) {
        self.resamplers.iter_mut().for_each(Resampler::reset);
    }

    /// The furthest [`Resampler::reach`] of all rates.
    #[must_use]
    pub fn reach(&self) -> u64 {
        self.resamplers.iter().map(Resampler::reach).max().unwrap_or(0)
    }

    /// Input samples after which all outputs fall on an input's time again: a conversion can begin in
    /// the middle of a signal at multiples of it, as [`Resampler::reach`] says. Divides the input's
    /// rate.
    #[must_use]
    pub fn period(&self) -> u64 {
        let periods = self.resamplers.iter().map(Resampler::period);
        periods.fold(1, |a, b| a / greatest_common_divisor(a, b) * b)
    }
}
