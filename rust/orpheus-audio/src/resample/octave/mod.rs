//! Exactly one octave down or up, where the sharp filtering is done.
//!
//! The filter is long (its transition band is narrow), so it runs in the frequency domain:
//! overlap-save, on blocks whose places in the signal do not depend on how the signal arrives.

mod layout;
mod transform;

use std::sync::Arc;

use layout::{LONG, SHORT};
use transform::Filter;

use super::fourier::Block;
use super::prototype::LowPass;
use super::simd::{Real, Tier};

/// A low-pass that ends at half the lower rate's Nyquist frequency, ready to run.
#[derive(Debug)]
pub(super) struct OctaveFilter<R> {
    filter: Filter<R>,
    /// Samples at the higher rate that the impulse response reaches to either side; even.
    reach: usize,
    direction: Direction,
}

/// Which way the rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Halved.
    Down,
    /// Doubled.
    Up,
}

impl<R: Real> OctaveFilter<R> {
    /// A filter of `2·reach + 1` taps at the higher rate.
    pub(super) fn new(direction: Direction, reach: usize, attenuation_db: f64, tier: Tier) -> Self {
        let low_pass = LowPass::ending_at(0.25, reach as f64, attenuation_db);
        let taps: Vec<f64> = (0..=reach).map(|t| low_pass.at(t as f64)).collect();
        let sum = taps[0] + 2.0 * taps[1..].iter().sum::<f64>();
        // A sample that is followed by a zero carries half of the signal.
        let gain = if direction == Direction::Up { 2.0 } else { 1.0 };
        let taps: Vec<f64> = taps.iter().map(|tap| tap * gain / sum).collect();
        Self { filter: Filter::new(tier, &taps), reach, direction }
    }
}

/// One signal on its way through an [`OctaveFilter`].
#[derive(Debug)]
pub(super) struct Octave<R> {
    filter: Arc<OctaveFilter<R>>,
    /// Samples that blocks to come still need.
    pub(super) pending: Vec<R>,
    /// Samples at the higher rate by which the first one in (down) or out (up) precedes time zero.
    lead: usize,
    long: Block<R>,
    short: Block<R>,
}

impl<R: Real> Octave<R> {
    /// At the start of a signal: the output (up) or the input (down) begins `lead` samples of the
    /// higher rate, an even number, before time zero.
    pub(super) fn new(filter: Arc<OctaveFilter<R>>, lead: usize) -> Self {
        let [long, short] = [Block::new(LONG), Block::new(SHORT)];
        let mut octave = Self { filter, pending: Vec::new(), lead, long, short };
        octave.reset();
        octave
    }

    /// Back to the start of a signal.
    pub(super) fn reset(&mut self) {
        let reach = self.filter.reach;
        let n_zeros = match self.filter.direction {
            Direction::Down => reach - self.lead,
            Direction::Up => reach / 2 + self.lead / 2,
        };
        self.pending.clear();
        self.pending.resize(n_zeros, R::default());
    }

    /// Filters all pairs of blocks that are complete, and appends what comes out of them.
    pub(super) fn advance(&mut self, output: &mut Vec<R>) {
        let OctaveFilter { filter, reach, direction } = self.filter.as_ref();
        let [mut input, mut result] = [&mut self.long, &mut self.short];
        let [mut length, mut margin, mut out_margin] = [LONG, *reach, reach / 2];
        if *direction == Direction::Up {
            (input, result) = (result, input);
            length = SHORT;
            (margin, out_margin) = (out_margin, margin);
        }
        let hop = length - 2 * margin;
        let mut start = 0;
        while let Some(samples) = self.pending.get(start..start + hop + length) {
            input.re.copy_from_slice(&samples[..length]);
            input.im.copy_from_slice(&samples[hop..]);
            match direction {
                Direction::Down => filter.down(input, result),
                Direction::Up => filter.up(input, result),
            }
            for part in [&result.re, &result.im] {
                output.extend_from_slice(&part[out_margin..part.len() - out_margin]);
            }
            start += 2 * hop;
        }
        self.pending.drain(..start);
    }
}
