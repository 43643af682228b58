//! The steps of one conversion, one after the other.

use super::design::{Filters, Ratio};
use super::octave::{Direction, Octave};
use super::polyphase::{Fractional, Polyphase};
use super::simd::Real;

/// Inputs per turn: what travels between the steps stays in the cache.
const CHUNK: usize = 4096;

/// One channel on its way from rate to rate.
#[derive(Debug)]
pub(super) struct Chain<R> {
    direction: Direction,
    octave: Octave<R>,
    ratio: Option<RatioStep<R>>,
}

#[derive(Debug)]
enum RatioStep<R> {
    Polyphase(Polyphase<R>),
    Fractional(Fractional<R>),
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
        let Filters { direction, octave, ratio, lead } = filters;
        // Going up, the ratio's input is the octave's output, which starts early.
        let first_input = if direction == Direction::Up { -(lead as i64) } else { 0 };
        let ratio = ratio.map(|ratio| match ratio {
            Ratio::Bank(bank) => RatioStep::Polyphase(Polyphase::new(bank, first_input)),
            Ratio::Table(table) => RatioStep::Fractional(Fractional::new(table, first_input)),
        });
        Self { direction, octave: Octave::new(octave, lead as usize), ratio }
    }

    /// Back to the start of a signal.
    pub(super) fn reset(&mut self) {
        self.octave.reset();
        if let Some(ratio) = &mut self.ratio {
            ratio.reset();
        }
    }

    /// Appends the outputs that `input` completes.
    pub(super) fn push(&mut self, input: &[f32], output: &mut Vec<R>) {
        let octave = &mut self.octave;
        for chunk in input.chunks(CHUNK) {
            let chunk = chunk.iter().map(|&sample| R::from_f32(sample));
            match (self.direction, &mut self.ratio) {
                (Direction::Down, Some(ratio)) => {
                    ratio.pending().extend(chunk);
                    ratio.advance(&mut octave.pending);
                    octave.advance(output);
                }
                (Direction::Up, Some(ratio)) => {
                    octave.pending.extend(chunk);
                    octave.advance(ratio.pending());
                    ratio.advance(output);
                }
                (_, None) => {
                    octave.pending.extend(chunk);
                    octave.advance(output);
                }
            }
        }
    }
}
