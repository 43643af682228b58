//! The steps of one conversion, one after the other.

use super::design::{Filters, Ratio};
use super::octave::{Direction, Octave};
use super::polyphase::{Fractional, Polyphase};
use super::simd::Real;

/// One channel on its way from rate to rate.
#[derive(Debug)]
pub(super) struct Chain<R> {
    direction: Direction,
    octave: Octave<R>,
    ratio: Option<RatioStep<R>>,
    reach: u64,
}

#[derive(Debug)]
enum RatioStep<R> {
    Polyphase(Polyphase<R>),
    Fractional(Box<Fractional<R>>),
}

impl<R: Real> RatioStep<R> {
    fn pending(&mut self) -> &mut Vec<R> {
        match self {
            Self::Polyphase(step) => &mut step.pending,
            Self::Fractional(step) => &mut step.pending,
        }
    }

    fn advance(&mut self, output: &mut Vec<R>) {
        match self {
            Self::Polyphase(step) => step.advance(output),
            Self::Fractional(step) => step.advance(output),
        }
    }

    fn reset(&mut self) {
        match self {
            Self::Polyphase(step) => step.reset(),
            Self::Fractional(step) => step.reset(),
        }
    }
}

impl<R: Real> Chain<R> {
    /// At the start of a signal.
    pub(super) fn new(filters: Filters<R>) -> Self {
        let Filters { direction, octave, ratio, lead, reach } = filters;
        // Going up, the ratio's input is the octave's output, which starts early.
        let first_input = if direction == Direction::Up { -(lead as i64) } else { 0 };
        let ratio = ratio.map(|ratio| match ratio {
            Ratio::Bank(bank) => RatioStep::Polyphase(Polyphase::new(bank, first_input)),
            Ratio::Table(table) => {
                RatioStep::Fractional(Box::new(Fractional::new(table, first_input)))
            }
        });
        Self { direction, octave: Octave::new(octave, lead as usize), ratio, reach }
    }

    /// Back to the start of a signal.
    pub(super) fn reset(&mut self) {
        self.octave.reset();
        if let Some(ratio) = &mut self.ratio {
            ratio.reset();
        }
    }

    /// Input samples to either side of an output's time that have a part in it.
    pub(super) fn reach(&self) -> u64 {
        self.reach
    }

    /// Appends the outputs that `input` completes. Blocks of a few thousand samples keep what travels
    /// between the steps in the cache.
    pub(super) fn push(&mut self, input: &[f32], output: &mut Vec<R>) {
        let octave = &mut self.octave;
        let input = input.iter().map(|&sample| R::from_f32(sample));
        match (self.direction, &mut self.ratio) {
            (Direction::Down, Some(ratio)) => {
                ratio.pending().extend(input);
                ratio.advance(&mut octave.pending);
                octave.advance(output);
            }
            (Direction::Up, Some(ratio)) => {
                octave.pending.extend(input);
                octave.advance(ratio.pending());
                ratio.advance(output);
            }
            (_, None) => {
                octave.pending.extend(input);
                octave.advance(output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::design::{BEST, Design, HIGH, Shelf};
    use crate::resample::simd::{Tier, test_noise};

    /// One of each kind, down and up: octave only, with a bank, with a table.
    const PAIRS: [[u32; 2]; 8] = [
        [44_100, 22_050],
        [22_050, 44_100],
        [44_100, 24_000],
        [48_000, 44_100],
        [44_100, 48_000],
        [8_000, 48_000],
        [44_101, 22_051],
        [44_099, 48_017],
    ];

    fn convert<R: Real>([from_hz, to_hz]: [u32; 2], design: &Design, tier: Tier) -> Vec<f64> {
        let filters = Shelf::new().filters(from_hz, to_hz, design, tier);
        let mut chain = Chain::<R>::new(filters);
        let input: Vec<f32> = test_noise(from_hz, 9_000).iter().map(|&x| x as f32).collect();
        let mut output = Vec::new();
        for block in input.chunks(777) {
            chain.push(block, &mut output);
        }
        output.into_iter().map(Real::to_f64).collect()
    }

    fn check<R: Real>(design: &Design, tolerance: f64) {
        for pair in PAIRS {
            let [reference, others @ ..] = &Tier::available()[..] else { return };
            let wanted = convert::<R>(pair, design, *reference);
            assert!(wanted.len() > 1_000 && wanted.iter().any(|x| x.abs() > 0.3));
            for &tier in others {
                let got = convert::<R>(pair, design, tier);
                let n = got.len().min(wanted.len());
                assert!(n > 1_000);
                for (place, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
                    let error = (got - wanted).abs();
                    assert!(error < tolerance, "{pair:?} at {place} on {tier:?}: off by {error}");
                }
            }
        }
    }

    #[test]
    fn float32_conversions_are_those_of_the_scalar_tier_on_every_tier() {
        check::<f32>(&HIGH, 2e-6);
    }

    #[test]
    fn float64_conversions_are_those_of_the_scalar_tier_on_every_tier() {
        check::<f64>(&BEST, 1e-12);
    }
}
