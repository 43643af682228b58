//! Sample-rate conversion: streaming, zero-phase, and the same to the last bit however the signal is
//! cut into blocks.

#![expect(
    clippy::inline_always,
    reason = "only inlined code gets the instruction set of its kernel"
)]

mod aligned;
mod chain;
mod design;
mod fan;
mod octave;
mod polyphase;
mod prototype;
mod simd;

use crate::error::{Error, Result};
use chain::Chain;
use design::{BEST, Filters, HIGH, Shelf, greatest_common_divisor};
use simd::Tier;

pub use fan::Fan;

/// How close the conversion comes to the ideal one.
///
/// Both pass everything up to 94 % of the lower Nyquist frequency within 0.1 dB and let nothing
/// through above it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Quality {
    /// In float32: noise, aliases and images are 130 dB below the signal.
    #[default]
    High,
    /// In float64: what is left is the rounding of float32 samples, some 150 dB below full scale.
    Best,
}

/// Rates that a resampler works between, Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Largest quotient of two rates.
const MAX_RATIO: u32 = 256;

/// Samples that are taken in at a time: what is in the works stays in the cache.
const MAX_BLOCK: usize = 4096;

/// Converts one channel from one sample rate to another, block by block.
///
/// Output sample `m` is the band-limited signal at the time `m / to_hz`, with silence before and after
/// the signal: nothing is delayed. It is computed in steps of some thousand samples, and held back
/// until a step is complete. Where the blocks begin and end makes no difference to any bit.
///
/// Samples must be finite: one that is not spoils its step.
#[derive(Debug)]
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    n_in: u64,
    n_out: u64,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Same,
    High(Box<Chain<f32>>),
    Best(Box<Chain<f64>>, Vec<f64>),
}

/// Filters for [`Quality::High`].
static HIGH_SHELF: Shelf<f32> = Shelf::new();

/// Filters for [`Quality::Best`].
static BEST_SHELF: Shelf<f64> = Shelf::new();

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
        check(from_hz, to_hz)?;
        let tier = Tier::best();
        let engine = if from_hz == to_hz {
            Engine::Same
        } else {
            match quality {
                Quality::High => Engine::high(HIGH_SHELF.filters(from_hz, to_hz, &HIGH, tier)),
                Quality::Best => Engine::best(BEST_SHELF.filters(from_hz, to_hz, &BEST, tier)),
            }
        };
        Ok(Self { from_hz, to_hz, n_in: 0, n_out: 0, engine })
    }

    /// Takes the next `input` and appends the output that is complete by now.
    pub fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.n_in += input.len() as u64;
        output.reserve(self.length_at_output(input.len() as u64) as usize);
        self.push(input, output);
    }

    /// Ends the signal: appends what is left, so that `ceil(n_in · to_hz / from_hz)` samples have come
    /// out altogether, and goes back to the start.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        const SILENCE: [f32; 1024] = [0.0; 1024];
        let n_wanted = self.length_at_output(self.n_in);
        let mut n_missing = n_wanted.saturating_sub(self.n_out) as usize;
        let mut tail = Vec::new();
        while n_missing > 0 {
            tail.clear();
            self.push(&SILENCE, &mut tail);
            tail.truncate(n_missing);
            output.extend_from_slice(&tail);
            n_missing -= tail.len();
        }
        self.reset();
    }

    /// Back to the start, as new; what was held back is forgotten.
    pub fn reset(&mut self) {
        (self.n_in, self.n_out) = (0, 0);
        match &mut self.engine {
            Engine::Same => {}
            Engine::High(chain) => chain.reset(),
            Engine::Best(chain, _) => chain.reset(),
        }
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
        match &self.engine {
            Engine::Same => 0,
            Engine::High(chain) => chain.reach(self.from_hz, self.to_hz),
            Engine::Best(chain, _) => chain.reach(self.from_hz, self.to_hz),
        }
    }

    /// Input samples after which an input and an output fall on the same time again:
    /// `from_hz / gcd(from_hz, to_hz)`.
    #[must_use]
    pub fn period(&self) -> u64 {
        let [from, to] = [self.from_hz, self.to_hz].map(u64::from);
        from / greatest_common_divisor(from, to)
    }

    fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        let before = output.len();
        for block in input.chunks(MAX_BLOCK) {
            match &mut self.engine {
                Engine::Same => output.extend_from_slice(block),
                Engine::High(chain) => chain.push(block, output),
                Engine::Best(chain, doubles) => {
                    chain.push(block, doubles);
                    output.extend(doubles.drain(..).map(|sample| sample as f32));
                }
            }
        }
        self.n_out += (output.len() - before) as u64;
    }

    fn length_at_output(&self, n_in: u64) -> u64 {
        let n_out = u128::from(n_in) * u128::from(self.to_hz);
        n_out.div_ceil(u128::from(self.from_hz)) as u64
    }
}

impl Engine {
    fn high(filters: Filters<f32>) -> Self {
        Self::High(Box::new(Chain::new(filters)))
    }

    fn best(filters: Filters<f64>) -> Self {
        Self::Best(Box::new(Chain::new(filters)), Vec::new())
    }
}

/// A whole signal at once; the result holds `ceil(n · to_hz / from_hz)` samples.
///
/// # Errors
///
/// As [`Resampler::new`].
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32, quality: Quality) -> Result<Vec<f32>> {
    let mut resampler = Resampler::new(from_hz, to_hz, quality)?;
    let mut output = Vec::with_capacity(resampler.length_at_output(samples.len() as u64) as usize);
    resampler.process(samples, &mut output);
    resampler.finish(&mut output);
    Ok(output)
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
