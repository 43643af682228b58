//! The ways to convert, behind one face.

use super::chain::Chain;
use super::design::{self, Shelf};
use super::quality::Quality;
use super::simd::Tier;
use super::spectral::{self, Plans, Spectral};

/// One signal on its way to one rate, or to several that share their work.
#[derive(Debug)]
pub(super) enum Engine {
    /// The rate stays.
    Same,
    /// Rates with a small common period.
    High(Box<Spectral<f32>>),
    /// The same in float64.
    Best(Box<Spectral<f64>>),
    /// Any other rate.
    OddHigh(Box<Chain<f32>>),
    /// The same in float64.
    OddBest(Box<Chain<f64>>, Vec<f64>),
}

/// Samples that are taken in at a time: what is in the works stays in the cache.
const MAX_BLOCK: usize = 4096;

static HIGH_PLANS: Plans<f32> = Plans::new(spectral::HIGH);
static BEST_PLANS: Plans<f64> = Plans::new(spectral::BEST);
static HIGH_SHELF: Shelf<f32> = Shelf::new();
static BEST_SHELF: Shelf<f64> = Shelf::new();

impl Engine {
    /// Whether several rates can share their work.
    pub(super) fn can_share(from_hz: u32, to_hz: &[u32], quality: Quality) -> bool {
        match quality {
            Quality::High => HIGH_PLANS.has_block_length(from_hz, to_hz),
            Quality::Best => BEST_PLANS.has_block_length(from_hz, to_hz),
        }
    }

    /// For one rate, or several that can share their work; rates are within bounds.
    pub(super) fn new(from_hz: u32, to_hz: &[u32], quality: Quality) -> Self {
        if to_hz == [from_hz] {
            return Self::Same;
        }
        let tier = Tier::best();
        let first = to_hz.first().copied().unwrap_or(from_hz);
        match quality {
            Quality::High => {
                if let Some(plan) = HIGH_PLANS.plan(tier, from_hz, to_hz) {
                    return Self::High(Box::new(Spectral::new(plan)));
                }
                let filters = HIGH_SHELF.filters(from_hz, first, &design::HIGH, tier);
                Self::OddHigh(Box::new(Chain::new(filters)))
            }
            Quality::Best => {
                if let Some(plan) = BEST_PLANS.plan(tier, from_hz, to_hz) {
                    return Self::Best(Box::new(Spectral::new(plan)));
                }
                let filters = BEST_SHELF.filters(from_hz, first, &design::BEST, tier);
                Self::OddBest(Box::new(Chain::new(filters)), Vec::new())
            }
        }
    }

    /// Back to the start of a signal.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Same => {}
            Self::High(spectral) => spectral.reset(),
            Self::Best(spectral) => spectral.reset(),
            Self::OddHigh(chain) => chain.reset(),
            Self::OddBest(chain, _) => chain.reset(),
        }
    }

    /// Input samples to either side of an output's time that have a part in it.
    pub(super) fn reach(&self) -> u64 {
        match self {
            Self::Same => 0,
            Self::High(spectral) => spectral.reach(),
            Self::Best(spectral) => spectral.reach(),
            Self::OddHigh(chain) => chain.reach(),
            Self::OddBest(chain, _) => chain.reach(),
        }
    }

    /// Appends what `input` completes; the rate of number `n` goes to `outputs[places[n]]`.
    pub(super) fn push(&mut self, input: &[f32], places: &[usize], outputs: &mut [Vec<f32>]) {
        for block in input.chunks(MAX_BLOCK) {
            match self {
                Self::High(spectral) => spectral.push(block, |number, runs| {
                    for run in runs {
                        outputs[places[number]].extend_from_slice(run);
                    }
                }),
                Self::Best(spectral) => spectral.push(block, |number, runs| {
                    let samples = runs.into_iter().flatten().map(|&sample| sample as f32);
                    outputs[places[number]].extend(samples);
                }),
                Self::Same => {
                    for &place in places {
                        outputs[place].extend_from_slice(block);
                    }
                }
                // Odd rates share nothing: there is one place.
                Self::OddHigh(chain) => chain.push(block, &mut outputs[places[0]]),
                Self::OddBest(chain, doubles) => {
                    chain.push(block, doubles);
                    outputs[places[0]].extend(doubles.drain(..).map(|sample| sample as f32));
                }
            }
        }
    }
}
