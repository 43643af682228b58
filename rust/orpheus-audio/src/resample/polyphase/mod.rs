//! Any rational ratio, for signals that leave the filter room to be short: those with an octave to
//! spare above what must be kept.

mod bank;
mod cubic;
mod fractional;
mod tile;

pub(super) use bank::{Bank, Polyphase};
pub(super) use fractional::{Fractional, Table};

use super::prototype::LowPass;
use super::simd::Real;

/// Where the outputs lie between the inputs, and the filter that is to run there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// Output `m` lies at input sample `m · step / scale`.
    pub(super) step: u64,
    /// See `step`; shares no factor with it.
    pub(super) scale: u64,
    /// Number of the first output, at most 0: its time is before zero.
    pub(super) first: i64,
    /// Reach of the filter to either side in units of `1 / scale` input samples.
    pub(super) reach: u64,
    /// Cycles per input sample.
    pub(super) cutoff: f64,
    pub(super) attenuation_db: f64,
}

impl Grid {
    fn low_pass(&self) -> LowPass {
        let half_width = self.reach as f64 / self.scale as f64;
        LowPass::centred_at(self.cutoff, half_width, self.attenuation_db)
    }

    /// `taps` of one output in `R`, scaled and rounded so that constants keep their value.
    ///
    /// Each rounding error is made good by the next tap, and the last ones are tiny. Where the filter
    /// does not stop the image of a constant (coming from a lower rate than twice the target, when the
    /// sharp filter does it afterwards), a single output's taps have a sum other than one, by right.
    fn round<R: Real>(&self, taps: &[f64]) -> Vec<R> {
        let sum: f64 = if self.cutoff <= 0.5 { taps.iter().sum() } else { 1.0 };
        let mut error = 0.0;
        let round = |tap: &f64| {
            let wanted = tap / sum + error;
            let got = R::from_f64(wanted);
            error = wanted - got.to_f64();
            got
        };
        taps.iter().map(round).collect()
    }

    /// Numerator of the time of output `m` after the first one, over `scale`.
    fn time(&self, m: usize) -> i64 {
        (self.first + m as i64) * self.step as i64
    }

    /// The first input that the output `m` after the first one depends on.
    fn first_input(&self, m: usize) -> i64 {
        let numerator = self.time(m) - self.reach as i64;
        -(-numerator).div_euclid(self.scale as i64)
    }

    /// The last one.
    fn last_input(&self, m: usize) -> i64 {
        (self.time(m) + self.reach as i64).div_euclid(self.scale as i64)
    }
}
