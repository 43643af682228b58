//! Lowering the sample rate by a whole number, block by block: keys are heard below 2 kHz.

use std::f64::consts::PI;

use crate::spectrum::buffer::Buffer;
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

/// Output samples that the filter reaches over: what folds back below 0.36 of the new rate is 55
/// dB down.
const SPAN: usize = 12;
/// Output samples that are computed at a time.
const CHUNK: usize = 1024;

/// A low-pass filter that keeps every `factor`-th sample.
#[derive(Debug)]
pub(super) struct Decimator {
    factor: usize,
    /// Phase by phase: tap `j` of phase `p` weighs sample `j * factor + p`.
    taps: Vec<[f32; SPAN]>,
    pending: Vec<f32>,
    phases: Buffer<f32>,
}

impl Decimator {
    pub(super) fn new(factor: usize) -> Self {
        let n_taps = SPAN * factor;
        let half = n_taps as f64 / 2.0;
        let weight = |tap: usize| {
            let distance = tap as f64 + 0.5 - half;
            let x = PI * distance / factor as f64;
            let window = 0.5 + 0.5 * (PI * distance / half).cos();
            if x == 0.0 { window } else { window * x.sin() / x }
        };
        let sum: f64 = (0..n_taps).map(weight).sum();
        let phase = |p: usize| std::array::from_fn(|j| (weight(j * factor + p) / sum) as f32);
        Self {
            factor,
            taps: (0..factor).map(phase).collect(),
            // The first output is centred on the first sample.
            pending: vec![0.0; if factor > 1 { n_taps / 2 } else { 0 }],
            phases: Buffer::default(),
        }
    }

    /// Appends what `samples` make of `output`.
    pub(super) fn push(&mut self, tier: Tier, samples: &[f32], output: &mut Vec<f32>) {
        if self.factor == 1 {
            output.extend_from_slice(samples);
            return;
        }
        for block in samples.chunks(CHUNK * self.factor) {
            self.pending.extend_from_slice(block);
            self.filter(tier, output);
        }
    }

    /// Appends what is left, as if silence followed.
    pub(super) fn finish(&mut self, tier: Tier, output: &mut Vec<f32>) {
        if self.factor > 1 {
            self.pending.resize(self.pending.len() + SPAN * self.factor / 2, 0.0);
            self.filter(tier, output);
        }
    }

    fn filter(&mut self, tier: Tier, output: &mut Vec<f32>) {
        let n_taps = SPAN * self.factor;
        let Some(beyond) = self.pending.len().checked_sub(n_taps) else { return };
        let n_out = beyond / self.factor + 1;
        let stride = (n_out + SPAN).next_multiple_of(MAX_LANES) + MAX_LANES;
        let phases = self.phases.take(stride * self.factor);
        // Music comes at 22.05 and 44.1 kHz most often.
        match self.factor {
            4 => split::<4>(&self.pending, phases, stride),
            8 => split::<8>(&self.pending, phases, stride),
            factor => {
                for (phase, row) in phases.chunks_exact_mut(stride).enumerate() {
                    for (place, group) in row.iter_mut().zip(self.pending.chunks_exact(factor)) {
                        *place = group[phase];
                    }
                }
            }
        }
        let start = output.len();
        output.resize(start + n_out.next_multiple_of(MAX_LANES), 0.0);
        let job = Filter { taps: &self.taps, phases, stride, output: &mut output[start..] };
        f32::dispatch(tier, job);
        output.truncate(start + n_out);
        self.pending.drain(..n_out * self.factor);
    }
}

/// Writes every `N`-th sample into a row, for each of the `N` phases.
fn split<const N: usize>(samples: &[f32], phases: &mut [f32], stride: usize) {
    let (groups, _) = samples.as_chunks::<N>();
    for (phase, row) in phases.chunks_exact_mut(stride).take(N).enumerate() {
        for (place, group) in row.iter_mut().zip(groups) {
            *place = group[phase];
        }
    }
}

struct Filter<'a> {
    taps: &'a [[f32; SPAN]],
    phases: &'a [f32],
    stride: usize,
    output: &'a mut [f32],
}

impl Kernel<f32> for Filter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) {
        let Self { taps, phases, stride, output } = self;
        for at in (0..output.len()).step_by(S::LANES) {
            // Two sums, so that one need not wait for the other.
            let mut sums = [simd.splat(0.0); 2];
            for phase in 0..taps.len() {
                let row = &phases[phase * stride + at..][..SPAN + S::LANES];
                for tap in 0..SPAN {
                    let value = simd.load(&row[tap..]);
                    sums[tap % 2] =
                        simd.mul_add(simd.splat(taps[phase][tap]), value, sums[tap % 2]);
                }
            }
            simd.store(simd.add(sums[0], sums[1]), &mut output[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Decimator;
    use crate::signals::noise;
    use crate::spectrum::simd::Tier;

    fn decimated(factor: usize, samples: &[f32], length: usize, tier: Tier) -> Vec<f32> {
        let mut decimator = Decimator::new(factor);
        let mut output = Vec::new();
        samples.chunks(length).for_each(|block| decimator.push(tier, block, &mut output));
        decimator.finish(tier, &mut output);
        output
    }

    #[test]
    fn every_tier_and_every_block_length_gives_the_same_samples() {
        let samples = noise(4, 20_000);
        for factor in [1, 2, 4, 9] {
            let expected = decimated(factor, &samples, samples.len(), Tier::available()[0]);
            assert_eq!(expected.len(), samples.len() / factor + usize::from(factor > 1));
            for tier in Tier::available() {
                for length in [1, 77, 20_000] {
                    let found = decimated(factor, &samples, length, tier);
                    assert_eq!(found.len(), expected.len());
                    for (a, b) in found.iter().zip(&expected) {
                        assert!((a - b).abs() < 1e-5, "{} {factor} {length}", tier.name());
                    }
                }
            }
        }
    }

    #[test]
    fn low_tones_pass_and_high_ones_do_not_fold_back() {
        let tone = |hz: f64| -> Vec<f32> {
            let step = std::f64::consts::TAU * hz / 22_050.0;
            (0..22_050).map(|n| (step * f64::from(n)).sin() as f32).collect()
        };
        let level = |hz: f64| {
            let output = decimated(4, &tone(hz), 5000, Tier::best());
            let inner = &output[50..output.len() - 50];
            let power = inner.iter().map(|x| f64::from(x * x)).sum::<f64>() / inner.len() as f64;
            10.0 * (2.0 * power).log10()
        };
        for hz in [60.0, 500.0, 1500.0] {
            assert!(level(hz).abs() < 0.2, "{hz}: {}", level(hz));
        }
        assert!(level(2000.0) > -2.5);
        for hz in [3600.0, 4500.0, 5512.0, 9000.0] {
            assert!(level(hz) < -40.0, "{hz}: {}", level(hz));
        }
    }
}
