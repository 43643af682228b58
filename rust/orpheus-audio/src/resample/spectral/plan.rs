//! Block lengths that suit all rates of a conversion, and a place to keep what follows from them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::axis::{Axis, ROW, radices};
use super::band::{Band, Sharpness};
use crate::resample::fan::common_period;
use crate::resample::simd::{Real, Tier};

/// One conversion from one rate to one or several others.
#[derive(Debug)]
pub(in crate::resample) struct Plan<R> {
    pub(super) tier: Tier,
    pub(super) sizes: Sizes,
    pub(super) input: Axis<R>,
    pub(super) outputs: Vec<Target<R>>,
}

/// One of the rates that come out.
#[derive(Debug)]
pub(super) struct Target<R> {
    pub(super) axis: Axis<R>,
    pub(super) band: Band<R>,
    /// Outputs of a block before those that are kept, and how many are.
    pub(super) margin: usize,
    pub(super) hop: usize,
}

/// How the signal is cut, in input samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Rows of the input's blocks, and of each output's.
    n_rows: usize,
    n_rows_out: Vec<usize>,
    /// Samples of a block before and after those that it is for: no fewer than the filters reach.
    pub(super) margin: usize,
    /// From one block to the next.
    pub(super) hop: usize,
    /// What the filters reach.
    pub(super) reach: usize,
}

/// Rows that blocks of a single rate have at most if there is a choice: larger ones leave the cache and
/// hold back more of the signal.
const USUAL_ROWS: usize = 384;

/// Rows that blocks have at most. Several rates make use of them: their common period is longer, so
/// that the overlap takes more of a small block.
const MAX_ROWS: usize = 1024;

impl Sizes {
    /// The cheapest ones. `None` if no block of a reasonable length spans whole samples of all rates.
    pub(super) fn new(from_hz: u32, to_hz: &[u32], sharpness: Sharpness) -> Option<Self> {
        let from = u64::from(from_hz);
        let period = common_period(from_hz, to_hz);
        let lowest = to_hz.iter().copied().min()?.min(from_hz);
        let reach = (sharpness.reach as u64 * from).div_ceil(2 * u64::from(lowest)) + 1;
        let of_length = |n_rows: u64| {
            let at = |&to: &u32| (n_rows * u64::from(to) / from) as usize;
            let n_rows_out: Vec<usize> = to_hz.iter().map(at).collect();
            let margin = reach.next_multiple_of(period);
            let hop = (ROW as u64 * n_rows).checked_sub(2 * margin)?;
            let [n_rows, margin, hop, reach] = [n_rows, margin, hop, reach].map(|n| n as usize);
            Some(Self { n_rows, n_rows_out, margin, hop, reach })
        };
        let most = MAX_ROWS as u64 / period;
        let all = (1..=most).filter_map(|n| of_length(n * period)).filter(Self::is_possible);
        let usual_rows = if to_hz.len() > 1 { MAX_ROWS } else { USUAL_ROWS };
        let usual = all.clone().filter(|sizes| sizes.most_rows() <= usual_rows);
        let cheapest = usual.min_by(|a, b| a.cost().total_cmp(&b.cost()));
        cheapest.or_else(|| all.clone().next())
    }

    fn is_possible(&self) -> bool {
        let fits =
            |&n_rows: &usize| (ROW..=MAX_ROWS).contains(&n_rows) && radices(n_rows).is_some();
        // Blocks that overlap more are a waste.
        let is_sparing = 2 * self.hop >= ROW * self.n_rows;
        is_sparing && fits(&self.n_rows) && self.n_rows_out.iter().all(fits)
    }

    fn most_rows(&self) -> usize {
        self.n_rows_out.iter().copied().chain([self.n_rows]).max().unwrap_or(0)
    }

    /// About how many instructions an input sample takes.
    fn cost(&self) -> f64 {
        let of_radix = |radix: usize| 8.0 + 1.6 * radix as f64;
        let of_rows = |n_rows: usize| {
            let passes: f64 = radices(n_rows).into_iter().flatten().map(of_radix).sum();
            n_rows as f64 * (45.0 + passes)
        };
        let outputs: f64 = self.n_rows_out.iter().map(|&n_rows| of_rows(n_rows)).sum();
        (of_rows(self.n_rows) + outputs) / self.hop as f64
    }
}

impl<R: Real> Plan<R> {
    fn new(tier: Tier, from_hz: u32, to_hz: &[u32], sharpness: Sharpness) -> Option<Self> {
        let sizes = Sizes::new(from_hz, to_hz, sharpness)?;
        let input = Axis::new(tier, sizes.n_rows)?;
        let target = |(&to, &n_rows): (&u32, &usize)| {
            let axis = Axis::new(tier, n_rows)?;
            let band = Band::new(tier, &input, &axis, sharpness);
            let at_output = |n: usize| (n as u64 * u64::from(to) / u64::from(from_hz)) as usize;
            let [margin, hop] = [sizes.margin, sizes.hop].map(at_output);
            Some(Target { axis, band, margin, hop })
        };
        let outputs = to_hz.iter().zip(&sizes.n_rows_out).map(target).collect::<Option<_>>()?;
        Some(Self { tier, sizes, input, outputs })
    }

    fn n_bytes(&self) -> usize {
        let of_target = |target: &Target<R>| target.axis.n_bytes() + target.band.n_bytes();
        self.input.n_bytes() + self.outputs.iter().map(of_target).sum::<usize>()
    }
}

/// Plans that are kept for the next one who asks, within a bound, the last one used at the back.
#[derive(Debug)]
pub(in crate::resample) struct Plans<R> {
    sharpness: Sharpness,
    kept: Mutex<VecDeque<Kept<R>>>,
}

/// A plan under the rates that it is for.
type Kept<R> = (Vec<u32>, Arc<Plan<R>>);

/// What all plans of a kind may take together.
const MAX_BYTES: usize = 16 << 20;

impl<R: Real> Plans<R> {
    /// None yet.
    pub(in crate::resample) const fn new(sharpness: Sharpness) -> Self {
        Self { sharpness, kept: Mutex::new(VecDeque::new()) }
    }

    /// Whether there is a block length for these rates, none of which is the one that they come from.
    pub(in crate::resample) fn has_block_length(&self, from_hz: u32, to_hz: &[u32]) -> bool {
        !to_hz.contains(&from_hz) && Sizes::new(from_hz, to_hz, self.sharpness).is_some()
    }

    /// The plan for these rates, made now if it is not there. All calls have the same tier. `None` if
    /// there is no block length for them.
    pub(in crate::resample) fn plan(
        &self,
        tier: Tier,
        from_hz: u32,
        to_hz: &[u32],
    ) -> Option<Arc<Plan<R>>> {
        let rates = [&[from_hz], to_hz].concat();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(kept, _)| *kept == rates);
        let plan = match place.and_then(|place| kept.remove(place)) {
            Some((_, plan)) => plan,
            None => Arc::new(Plan::new(tier, from_hz, to_hz, self.sharpness)?),
        };
        kept.push_back((rates, Arc::clone(&plan)));
        while kept.iter().map(|(_, plan)| plan.n_bytes()).sum::<usize>() > MAX_BYTES {
            kept.pop_front();
        }
        Some(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::spectral::{BEST, HIGH};

    const RATES_HZ: [u32; 10] =
        [8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000];

    #[test]
    fn blocks_and_what_is_kept_of_them_are_whole_samples_at_both_rates() {
        for (from, to) in RATES_HZ.into_iter().flat_map(|a| RATES_HZ.map(|b| (a, b))) {
            for sharpness in [HIGH, BEST] {
                let Some(sizes) = Sizes::new(from, &[to], sharpness) else {
                    panic!("{from} to {to} has no block length")
                };
                let [from, to] = [from, to].map(|rate| rate as usize);
                for n_samples in [sizes.margin, sizes.hop, ROW * sizes.n_rows] {
                    assert_eq!(n_samples * to % from, 0, "{from} to {to}: {sizes:?}");
                }
                assert_eq!(sizes.n_rows_out[0] * from, sizes.n_rows * to);
                assert!(sizes.margin >= sizes.reach && sizes.most_rows() <= MAX_ROWS);
                assert_eq!(sizes.hop + 2 * sizes.margin, ROW * sizes.n_rows);
            }
        }
    }

    #[test]
    fn rates_without_a_small_common_period_have_no_block_length() {
        for (from, to) in [(44_100, 44_099), (37_801, 48_000), (768_000, 3_000)] {
            assert_eq!(Sizes::new(from, &[to], HIGH), None, "{from} to {to}");
        }
    }

    #[test]
    fn the_second_to_ask_gets_the_same_plan_and_only_so_many_are_kept() {
        let plans = Plans::<f32>::new(HIGH);
        let plan = |from, to| plans.plan(Tier::best(), from, &[to]).expect("a usual pair");
        let first = plan(44_100, 48_000);
        assert!(Arc::ptr_eq(&first, &plan(44_100, 48_000)));
        for (from, to) in RATES_HZ.into_iter().flat_map(|a| RATES_HZ.map(|b| (a, b))) {
            plan(from, to);
        }
        let kept = plans.kept.lock().unwrap();
        assert!(kept.iter().map(|(_, plan)| plan.n_bytes()).sum::<usize>() <= MAX_BYTES);
        let last = RATES_HZ.len() - 1;
        assert_eq!(kept.back().map(|(rates, _)| rates[0]), Some(RATES_HZ[last]));
    }
}
