//! Taking up a conversion in the middle of a signal.
//!
//! Outputs lie on one grid from the start of the track on. A resampler that is started at an input
//! which coincides with an output gives the outputs of that grid, right from where its filter no longer
//! reaches back to what it was not given.

use std::ops::Range;

use super::Quality;
use super::design::{BEST, HIGH, greatest_common_divisor};

/// How two rates fit together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seam {
    from_hz: u64,
    to_hz: u64,
    /// Inputs to either side that influence an output.
    reach: u64,
}

impl Seam {
    /// Of a conversion that a resampler can do.
    pub(crate) fn new(from_hz: u32, to_hz: u32, quality: Quality) -> Self {
        let design = match quality {
            Quality::High => HIGH,
            Quality::Best => BEST,
        };
        let reach = if from_hz == to_hz {
            0
        } else {
            // Both steps' filters are measured in samples at twice the lower rate.
            let n_double = design.octave_reach as u64 + design.ratio_reach;
            (n_double * u64::from(from_hz)).div_ceil(2 * u64::from(from_hz.min(to_hz))) + 2
        };
        Self { from_hz: u64::from(from_hz), to_hz: u64::from(to_hz), reach }
    }

    /// Inputs from one that coincides with an output to the next such.
    pub(crate) fn stride(&self) -> u64 {
        self.from_hz / greatest_common_divisor(self.from_hz, self.to_hz)
    }

    /// Outputs of a signal of `n_in` inputs; for inputs that coincide with an output, its number.
    pub(crate) fn outputs(&self, n_in: u64) -> u64 {
        let n_out = (u128::from(n_in) * u128::from(self.to_hz)).div_ceil(u128::from(self.from_hz));
        u64::try_from(n_out).unwrap_or(u64::MAX)
    }

    /// The inputs that `outputs` depend on; the signal may begin or end among them.
    pub(crate) fn inputs(&self, outputs: &Range<u64>) -> Range<u64> {
        let scaled = |output: u64| u128::from(output) * u128::from(self.from_hz);
        let clamped = |input: u128| u64::try_from(input).unwrap_or(u64::MAX);
        let start = clamped(scaled(outputs.start) / u128::from(self.to_hz));
        let end = clamped(scaled(outputs.end).div_ceil(u128::from(self.to_hz)));
        start.saturating_sub(self.reach)..end.saturating_add(self.reach)
    }
}

/// The inputs that coincide with outputs of all of `seams` are the multiples of this; it divides the
/// rate of the inputs.
pub(crate) fn common_stride<'a>(seams: impl IntoIterator<Item = &'a Seam>) -> u64 {
    seams.into_iter().map(Seam::stride).fold(1, |a, b| a / greatest_common_divisor(a, b) * b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Resampler;
    use crate::resample::simd::test_noise;

    const PAIRS: [[u32; 2]; 9] = [
        [44_100, 48_000],
        [44_100, 24_000],
        [44_100, 22_050],
        [48_000, 44_100],
        [22_050, 44_100],
        [96_000, 16_000],
        [44_101, 22_051],
        [8_000, 44_100],
        [32_000, 32_000],
    ];

    fn level_db(got: &[f32], wanted: &[f32]) -> f64 {
        assert_eq!(got.len(), wanted.len());
        let square = |x: f64| x * x;
        let error: f64 = got.iter().zip(wanted).map(|(a, b)| square(f64::from(a - b))).sum();
        let signal: f64 = wanted.iter().map(|&b| square(f64::from(b))).sum();
        10.0 * (error / signal).log10()
    }

    #[test]
    fn a_stretch_converted_alone_is_that_of_the_whole() {
        for ([from_hz, to_hz], quality) in
            PAIRS.into_iter().flat_map(|pair| [(pair, Quality::High), (pair, Quality::Best)])
        {
            let input: Vec<f32> = test_noise(3, 150_000).iter().map(|&x| x as f32).collect();
            let whole = crate::resample::resample(&input, from_hz, to_hz, quality).unwrap();
            let seam = Seam::new(from_hz, to_hz, quality);
            let middle = whole.len() as u64 / 2;
            let wanted = middle + 3..middle + 1_003;
            let needed = seam.inputs(&wanted);
            let start = needed.start / seam.stride() * seam.stride();
            let mut resampler = Resampler::new(from_hz, to_hz, quality).unwrap();
            let mut got = Vec::new();
            resampler.process(&input[start as usize..needed.end as usize], &mut got);
            resampler.finish(&mut got);
            let at = (wanted.start - seam.outputs(start)) as usize;
            let range = wanted.start as usize..wanted.end as usize;
            let db = level_db(&got[at..at + 1_000], &whole[range]);
            assert!(db < -120.0, "{from_hz} to {to_hz}: {db}");
        }
    }

    #[test]
    fn the_inputs_of_all_rates_coincide_with_outputs_at_the_common_stride() {
        let seams = [48_000, 24_000, 22_050, 16_000].map(|to| Seam::new(44_100, to, Quality::High));
        let stride = common_stride(&seams);
        assert_eq!(stride, 882);
        for seam in seams {
            assert_eq!(seam.outputs(5 * stride) * 44_100, 5 * stride * seam.to_hz);
        }
    }
}
