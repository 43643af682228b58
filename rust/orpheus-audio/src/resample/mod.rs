//! Sample-rate conversion: streaming, zero-phase, and the same to the last bit however the signal is
//! cut into blocks.

#![expect(
    clippy::inline_always,
    reason = "only inlined code gets the instruction set of its kernel"
)]

mod aligned;
mod chain;
mod design;
mod engine;
mod fan;
mod fourier;
mod octave;
mod polyphase;
mod prototype;
mod quality;
pub(crate) mod seam;
mod simd;
mod spectral;

use std::slice;

use crate::error::{Error, Result};

pub use fan::Fan;
pub use quality::Quality;

/// Rates that a resampler works between, Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Largest quotient of two rates.
const MAX_RATIO: u32 = 256;

/// Converts one channel from one sample rate to another, block by block.
///
/// Output sample `m` is the band-limited signal at the time `m / to_hz`, with silence before and after
/// the signal: nothing is delayed. It is computed in steps of some thousand samples, and held back
/// until a step is complete. Where the blocks begin and end makes no difference to any bit.
///
/// Samples must be finite: one that is not spoils its step.
#[derive(Debug)]
pub struct Resampler {
    to_hz: u32,
    fan: Fan,
}

impl Resampler {
    /// A resampler at the start of a signal. Equal rates pass through unchanged.
    ///
    /// Filters are designed at first use, some milliseconds at most for usual rates, and kept for the
    /// next resampler between the same rates.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for rates outside 1–768 kHz, or more than a factor of 256 apart.
    pub fn new(from_hz: u32, to_hz: u32, quality: Quality) -> Result<Self> {
        Ok(Self { to_hz, fan: Fan::new(from_hz, &[to_hz], quality)? })
    }

    /// Takes the next `input` and appends the output that is complete by now.
    pub fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.fan.process(input, slice::from_mut(output));
    }

    /// Ends the signal: appends what is left, so that `ceil(n_in · to_hz / from_hz)` samples have come
    /// out altogether, and goes back to the start.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        self.fan.finish(slice::from_mut(output));
    }

    /// Back to the start, as new; what was held back is forgotten.
    pub fn reset(&mut self) {
        self.fan.reset();
    }

    /// Input samples before and after an output's time that have a part in it.
    ///
    /// A conversion can begin in the middle of a signal: after [`reset`](Self::reset), fed from input
    /// sample `p` on, where `p` is a multiple of [`period`](Self::period), output `0` is output
    /// `p · to_hz / from_hz` of the whole signal. Those of them whose time is at least `reach` samples
    /// after `p` are what the uninterrupted conversion gives, to its own rounding (−125 dB or better);
    /// likewise at the end, if as many samples follow them before [`finish`](Self::finish).
    #[must_use]
    pub fn reach(&self) -> u64 {
        self.fan.reach()
    }

    /// Input samples after which an input and an output fall on the same time again:
    /// `from_hz / gcd(from_hz, to_hz)`.
    #[must_use]
    pub fn period(&self) -> u64 {
        self.fan.period()
    }

    /// Samples that come out of `n_in` altogether: `ceil(n_in · to_hz / from_hz)`.
    #[must_use]
    pub fn n_out(&self, n_in: u64) -> u64 {
        self.fan.length_at(self.to_hz, n_in)
    }
}

/// A whole signal at once; the result holds `ceil(n · to_hz / from_hz)` samples.
///
/// # Errors
///
/// As [`Resampler::new`].
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32, quality: Quality) -> Result<Vec<f32>> {
    let mut resampler = Resampler::new(from_hz, to_hz, quality)?;
    let mut output = Vec::with_capacity(resampler.n_out(samples.len() as u64) as usize);
    resampler.process(samples, &mut output);
    resampler.finish(&mut output);
    Ok(output)
}

/// A whole signal at once through `resampler`, from its start, into `output`, which has room for
/// [`Resampler::n_out`] samples; those that do not fit are left out.
///
/// # Errors
///
/// [`Error::Parameter`] if a sample is not finite.
pub fn resample_into(samples: &[f32], output: &mut [f32], resampler: &mut Resampler) -> Result<()> {
    /// Samples that are taken in at a time.
    const BLOCK: usize = 16_384;
    resampler.reset();
    let mut converted = Vec::new();
    let mut rest = output;
    for block in samples.chunks(BLOCK) {
        // Every sample is looked at: a loop without an early end runs on whole vectors.
        if !block.iter().fold(true, |finite, sample| finite & sample.is_finite()) {
            return Err(Error::Parameter {
                name: "samples",
                given: "not finite in places".to_owned(),
                expected: "finite samples".to_owned(),
            });
        }
        converted.clear();
        resampler.process(block, &mut converted);
        rest = take(rest, &converted);
    }
    converted.clear();
    resampler.finish(&mut converted);
    take(rest, &converted);
    Ok(())
}

/// Copies `samples` to the front of `output` and returns what is behind them.
fn take<'a>(output: &'a mut [f32], samples: &[f32]) -> &'a mut [f32] {
    let n_samples = samples.len().min(output.len());
    let (front, behind) = output.split_at_mut(n_samples);
    front.copy_from_slice(&samples[..n_samples]);
    behind
}

fn check(from_hz: u32, to_hz: u32) -> Result<()> {
    for (name, rate) in [("from_hz", from_hz), ("to_hz", to_hz)] {
        if !RATES_HZ.contains(&rate) {
            let expected = format!("{} to {} Hz", RATES_HZ.start(), RATES_HZ.end());
            return Err(Error::Parameter { name, given: format!("{rate} Hz"), expected });
        }
    }
    if from_hz.max(to_hz) > from_hz.min(to_hz) * MAX_RATIO {
        return Err(Error::Parameter {
            name: "to_hz",
            given: format!("{to_hz} Hz from {from_hz} Hz"),
            expected: format!("rates at most a factor of {MAX_RATIO} apart"),
        });
    }
    Ok(())
}
