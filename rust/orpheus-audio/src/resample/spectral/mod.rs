//! Rates with a small common period, by way of their common spectrum.
//!
//! A block that spans whole samples of both rates has the same frequencies at both. So: transform it,
//! apply the low-pass, keep the frequencies that the new rate has, and transform back at the new
//! length. That is all; and the first transform serves any number of rates. Blocks overlap by what the
//! filter reaches (overlap-save), and their places in the signal do not depend on how it arrives.

mod axis;
mod band;
mod plan;

use std::sync::Arc;

use super::design;
use super::fourier::{Block, Rows};
use super::simd::{Kernel, Real, Simd};
pub(super) use band::Sharpness;
pub(super) use plan::{Plan, Plans};

/// In float32: −0.1 dB at 94 % of the lower Nyquist frequency.
pub(super) const HIGH: Sharpness = Sharpness::of(&design::HIGH);

/// In float64: −0.1 dB at 94 % of the lower Nyquist frequency.
pub(super) const BEST: Sharpness = Sharpness::of(&design::BEST);

/// One signal on its way through a [`Plan`].
#[derive(Debug)]
pub(super) struct Spectral<R> {
    plan: Arc<Plan<R>>,
    /// Samples that blocks to come still need.
    pending: Vec<R>,
    spectrum: Block<R>,
    /// For the output in the making: frequencies, then samples of two blocks.
    rows: Block<R>,
    samples: Block<R>,
}

impl<R: Real> Spectral<R> {
    /// At the start of a signal.
    pub(super) fn new(plan: Arc<Plan<R>>) -> Self {
        let longest = plan.outputs.iter().map(|target| target.axis.length()).max().unwrap_or(0);
        let spectrum = Block::new(plan.input.length());
        let [rows, samples] = [Block::new(longest), Block::new(longest)];
        let mut spectral = Self { plan, pending: Vec::new(), spectrum, rows, samples };
        spectral.reset();
        spectral
    }

    /// Back to the start of a signal.
    pub(super) fn reset(&mut self) {
        self.pending.clear();
        self.pending.resize(self.plan.sizes.margin, R::default());
    }

    /// Input samples to either side of an output's time that have a part in it.
    pub(super) fn reach(&self) -> u64 {
        self.plan.sizes.reach as u64
    }

    /// Takes `input` and hands on, for each rate that they complete, its number and two runs of
    /// samples, one after the other.
    pub(super) fn push(&mut self, input: &[f32], mut take: impl FnMut(usize, [&[R]; 2])) {
        self.pending.extend(input.iter().map(|&sample| R::from_f32(sample)));
        let plan = Arc::clone(&self.plan);
        let (length, hop) = (plan.input.length(), plan.sizes.hop);
        let mut start = 0;
        while let Some(blocks) = self.pending.get(start..start + hop + length) {
            let blocks = [&blocks[..length], &blocks[hop..]];
            R::dispatch(plan.tier, Analyse { plan: &plan, blocks, spectrum: &mut self.spectrum });
            for (number, target) in plan.outputs.iter().enumerate() {
                let [spectrum, rows] = [&mut self.spectrum, &mut self.rows];
                let samples = &mut self.samples;
                let work = Synthesise { plan: &plan, number, spectrum, rows, samples };
                R::dispatch(plan.tier, work);
                // The parts were exchanged.
                let kept = target.margin..target.margin + target.hop;
                take(number, [&self.samples.im[kept.clone()], &self.samples.re[kept]]);
            }
            start += 2 * hop;
        }
        self.pending.drain(..start);
    }
}

/// Two blocks of samples → their frequencies.
struct Analyse<'a, R> {
    plan: &'a Plan<R>,
    blocks: [&'a [R]; 2],
    spectrum: &'a mut Block<R>,
}

impl<R: Real> Kernel<R> for Analyse<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        self.plan.input.analyse(simd, self.blocks, &mut Rows::new(simd, self.spectrum));
    }
}

/// Frequencies → two blocks of samples of the output of that number.
struct Synthesise<'a, R> {
    plan: &'a Plan<R>,
    number: usize,
    spectrum: &'a mut Block<R>,
    rows: &'a mut Block<R>,
    samples: &'a mut Block<R>,
}

impl<R: Real> Kernel<R> for Synthesise<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let plan::Target { axis, band, .. } = &self.plan.outputs[self.number];
        let n_vectors = axis.length() / S::LANES;
        let Rows { re, im } = Rows::new(simd, self.rows);
        let mut rows = Rows { re: &mut re[..n_vectors], im: &mut im[..n_vectors] };
        band.run(simd, &Rows::new(simd, self.spectrum), &mut rows);
        let Block { re, im } = self.samples;
        axis.synthesise(simd, &mut rows, [&mut re[..axis.length()], &mut im[..axis.length()]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::simd::{Tier, test_noise};

    /// Up and down, even and odd numbers of rows, one rate and several.
    const FANS: [(u32, &[u32]); 6] = [
        (44_100, &[48_000]),
        (48_000, &[44_100]),
        (44_100, &[16_000]),
        (8_000, &[11_025]),
        (44_100, &[48_000, 24_000, 22_050]),
        (48_000, &[22_050, 16_000]),
    ];

    fn convert<R: Real>(from: u32, to: &[u32], sharpness: Sharpness, tier: Tier) -> Vec<Vec<f64>> {
        let plan = Plans::<R>::new(sharpness).plan(tier, from, to);
        let mut spectral = Spectral::new(plan.expect("the rates have a small common period"));
        let input: Vec<f32> = test_noise(from, 40_000).iter().map(|&x| x as f32).collect();
        let mut outputs = vec![Vec::new(); to.len()];
        for block in input.chunks(777) {
            spectral.push(block, |number, runs| {
                outputs[number].extend(runs.into_iter().flatten().map(|sample| sample.to_f64()));
            });
        }
        outputs
    }

    fn check<R: Real>(sharpness: Sharpness, tolerance: f64) {
        let [reference, others @ ..] = &Tier::available()[..] else { return };
        for (from, to) in FANS {
            let wanted = convert::<R>(from, to, sharpness, *reference);
            assert!(wanted.iter().all(|x| x.len() > 4_000 && x.iter().any(|x| x.abs() > 0.3)));
            for &tier in others {
                for (got, wanted) in convert::<R>(from, to, sharpness, tier).iter().zip(&wanted) {
                    assert_eq!(got.len(), wanted.len());
                    for (place, (got, wanted)) in got.iter().zip(wanted).enumerate() {
                        let error = (got - wanted).abs();
                        assert!(error < tolerance, "{from} at {place} on {tier:?}: off by {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn float32_conversions_are_those_of_the_scalar_tier_on_every_tier() {
        check::<f32>(HIGH, 2e-6);
    }

    #[test]
    fn float64_conversions_are_those_of_the_scalar_tier_on_every_tier() {
        check::<f64>(BEST, 1e-12);
    }
}
