//! Which filters a conversion consists of, and a place to keep them.
//!
//! Every conversion is two steps. One is exactly an octave, between the lower rate and its double: all
//! sharp filtering happens there. The other takes the double to the higher rate or the higher rate to
//! the double; an octave is empty there, so its filter is short, whatever the ratio.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::octave::{Direction, OctaveFilter};
use super::polyphase::{Bank, Grid, Table};
use super::simd::{Real, Tier};

/// What a quality asks of the filters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Design {
    /// Reach of the sharp filter to either side, in samples at twice the lower rate.
    pub(super) octave_reach: usize,
    pub(super) octave_attenuation_db: f64,
    /// The same for the short filter; even.
    pub(super) ratio_reach: u64,
    pub(super) ratio_attenuation_db: f64,
}

/// In float32: −0.1 dB at 94 % of the lower Nyquist frequency.
pub(super) const HIGH: Design = Design {
    octave_reach: 256,
    octave_attenuation_db: 140.0,
    ratio_reach: 10,
    ratio_attenuation_db: 150.0,
};

/// In float64: −0.1 dB at 94 % of the lower Nyquist frequency.
pub(super) const BEST: Design = Design {
    octave_reach: 320,
    octave_attenuation_db: 170.0,
    ratio_reach: 12,
    ratio_attenuation_db: 175.0,
};

/// The step between twice the lower rate and the higher rate.
#[derive(Debug)]
pub(super) enum Ratio<R> {
    /// Its phases fit in a table.
    Bank(Arc<Bank<R>>),
    /// They do not.
    Table(Arc<Table<R>>),
}

impl<R> Clone for Ratio<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Bank(bank) => Self::Bank(Arc::clone(bank)),
            Self::Table(table) => Self::Table(Arc::clone(table)),
        }
    }
}

/// The filters of one conversion.
#[derive(Debug)]
pub(super) struct Filters<R> {
    pub(super) direction: Direction,
    pub(super) octave: Arc<OctaveFilter<R>>,
    /// `None` if the octave is all.
    pub(super) ratio: Option<Ratio<R>>,
    /// Samples at twice the lower rate by which the inner signal starts before time zero: what the
    /// short filter spreads.
    pub(super) lead: u64,
    /// Input samples to either side of an output's time that have a part in it.
    pub(super) reach: u64,
}

/// A bank beyond this is slower to read than coefficients are to interpolate.
const MAX_BANK_BYTES: usize = 1 << 20;

impl<R: Real> Ratio<R> {
    fn new(direction: Direction, from_hz: u32, to_hz: u32, design: &Design, tier: Tier) -> Self {
        let double = 2 * u64::from(from_hz.min(to_hz));
        let (from, to) = match direction {
            Direction::Down => (u64::from(from_hz), double),
            Direction::Up => (double, u64::from(to_hz)),
        };
        let divisor = greatest_common_divisor(from, to);
        let [step, scale] = [from / divisor, to / divisor];
        // The reach is in samples of the double rate: of the output going down, of the input going up.
        let (first, unit) = match direction {
            Direction::Down => (-(design.ratio_reach as i64), step),
            Direction::Up => (0, scale),
        };
        let grid = Grid {
            step,
            scale,
            first,
            reach: design.ratio_reach * unit,
            cutoff: double as f64 / 2.0 / from as f64,
            attenuation_db: design.ratio_attenuation_db,
        };
        let bank = Bank::new(&grid, tier, MAX_BANK_BYTES);
        bank.map_or_else(
            || Self::Table(Arc::new(Table::new(grid, tier))),
            |bank| Self::Bank(Arc::new(bank)),
        )
    }

    fn n_bytes(&self) -> usize {
        match self {
            Self::Bank(bank) => bank.n_bytes(),
            Self::Table(table) => table.n_bytes(),
        }
    }
}

/// Input samples that `at_double_rate` samples at twice the lower rate last.
fn reach(from_hz: u32, to_hz: u32, at_double_rate: u64) -> u64 {
    /// Filters are rounded up to whole samples at each of the rates on the way.
    const ROUNDING: u64 = 4;
    let double_hz = 2 * u64::from(from_hz.min(to_hz));
    (at_double_rate * u64::from(from_hz)).div_ceil(double_hz) + ROUNDING
}

pub(super) fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Filters that are kept for the next one who asks, within a bound.
#[derive(Debug)]
pub(super) struct Shelf<R> {
    kept: Mutex<Kept<R>>,
}

#[derive(Debug)]
struct Kept<R> {
    down: Option<Arc<OctaveFilter<R>>>,
    up: Option<Arc<OctaveFilter<R>>>,
    /// By their two rates, the last one used at the back.
    ratios: VecDeque<([u32; 2], Ratio<R>)>,
}

/// What all ratios on a shelf may take together.
const MAX_SHELF_BYTES: usize = 16 << 20;

impl<R: Real> Shelf<R> {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self { kept: Mutex::new(Kept { down: None, up: None, ratios: VecDeque::new() }) }
    }

    /// The filters for two different rates, designed now if they are not there. All calls on a shelf
    /// have the same design and tier.
    pub(super) fn filters(
        &self,
        from_hz: u32,
        to_hz: u32,
        design: &Design,
        tier: Tier,
    ) -> Filters<R> {
        let direction = if from_hz > to_hz { Direction::Down } else { Direction::Up };
        let is_octave = from_hz.max(to_hz) == 2 * from_hz.min(to_hz);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let octave = match direction {
            Direction::Down => &mut kept.down,
            Direction::Up => &mut kept.up,
        };
        let make = || {
            let Design { octave_reach, octave_attenuation_db, .. } = *design;
            Arc::new(OctaveFilter::new(direction, octave_reach, octave_attenuation_db, tier))
        };
        let octave = Arc::clone(octave.get_or_insert_with(make));
        if is_octave {
            let reach = reach(from_hz, to_hz, design.octave_reach as u64);
            return Filters { direction, octave, ratio: None, lead: 0, reach };
        }
        let make = || Ratio::new(direction, from_hz, to_hz, design, tier);
        let ratio = kept.ratio([from_hz, to_hz], make);
        let lead = design.ratio_reach;
        let reach = reach(from_hz, to_hz, design.octave_reach as u64 + lead);
        Filters { direction, octave, ratio: Some(ratio), lead, reach }
    }
}

impl<R: Real> Kept<R> {
    fn ratio(&mut self, rates: [u32; 2], make: impl FnOnce() -> Ratio<R>) -> Ratio<R> {
        let place = self.ratios.iter().position(|(kept, _)| *kept == rates);
        let kept = place.and_then(|place| self.ratios.remove(place));
        let ratio = kept.map_or_else(make, |(_, ratio)| ratio);
        self.ratios.push_back((rates, ratio.clone()));
        while self.ratios.iter().map(|(_, ratio)| ratio.n_bytes()).sum::<usize>() > MAX_SHELF_BYTES
        {
            self.ratios.pop_front();
        }
        ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BYTES: usize = 8 << 20;

    fn ratio(from_hz: u32, to_hz: u32) -> Ratio<f64> {
        let direction = if from_hz > to_hz { Direction::Down } else { Direction::Up };
        Ratio::new(direction, from_hz, to_hz, &BEST, Tier::best())
    }

    #[test]
    fn usual_ratios_have_a_bank_and_odd_ones_a_table() {
        for (from_hz, to_hz) in [(44_100, 48_000), (48_000, 44_100), (44_100, 16_000)] {
            assert!(matches!(ratio(from_hz, to_hz), Ratio::Bank(_)), "{from_hz} to {to_hz}");
        }
        for (from_hz, to_hz) in [(44_100, 44_099), (44_099, 44_100), (767_999, 3_001)] {
            assert!(matches!(ratio(from_hz, to_hz), Ratio::Table(_)), "{from_hz} to {to_hz}");
        }
    }

    #[test]
    fn no_ratio_takes_more_than_eight_mebibytes() {
        let odd = [(44_100, 44_099), (44_099, 96_001), (767_999, 3_001), (3_001, 767_999)];
        let even = [(768_000, 3_000), (3_000, 768_000), (44_100, 48_000), (768_000, 1_000 * 4)];
        for (from_hz, to_hz) in odd.into_iter().chain(even) {
            let n_bytes = ratio(from_hz, to_hz).n_bytes();
            assert!((1..=MAX_BYTES).contains(&n_bytes), "{from_hz} to {to_hz}: {n_bytes} bytes");
        }
    }

    #[test]
    fn a_shelf_keeps_what_was_used_last_within_its_bound() {
        let shelf = Shelf::<f64>::new();
        for odd in 0..40 {
            shelf.filters(20_000, 16 * (2_501 + 2 * odd), &BEST, Tier::best());
            shelf.filters(44_100, 48_000, &BEST, Tier::best());
        }
        let kept = shelf.kept.lock().unwrap();
        let n_bytes: usize = kept.ratios.iter().map(|(_, ratio)| ratio.n_bytes()).sum();
        assert!(n_bytes <= MAX_SHELF_BYTES);
        assert!(kept.ratios.len() < 41, "nothing was dropped, so the bound was not tested");
        assert!(kept.ratios.iter().any(|(rates, _)| *rates == [44_100, 48_000]));
    }

    #[test]
    fn the_second_to_ask_gets_the_same_filters() {
        let shelf = Shelf::<f32>::new();
        let [first, second] = [0, 1].map(|_| shelf.filters(44_100, 48_000, &HIGH, Tier::best()));
        assert!(Arc::ptr_eq(&first.octave, &second.octave));
        let (Some(Ratio::Bank(first)), Some(Ratio::Bank(second))) = (first.ratio, second.ratio)
        else {
            panic!("the ratio 160 : 147 has a bank")
        };
        assert!(Arc::ptr_eq(&first, &second));
    }
}
