//! Ratios whose phases fit in a table.

use std::ops::Range;
use std::sync::Arc;

use super::Grid;
use super::tile::{MAX_GROUPS, Tile};
use crate::resample::aligned::Aligned;
use crate::resample::simd::{Real, Tier};

/// Coefficients of a whole period of outputs, group by group: neighbouring outputs, one to a lane,
/// share their inputs.
#[derive(Debug)]
pub(in crate::resample) struct Bank<R> {
    tier: Tier,
    lanes: usize,
    /// Inputs that each group reads: rows of one vector each.
    n_rows: usize,
    coefficients: Aligned<R>,
    groups: Vec<Group>,
    /// Inputs and outputs of a period.
    step: usize,
    n_outputs: usize,
    /// Number of the input that the first period starts with; not above zero.
    first_input: i64,
}

#[derive(Debug)]
struct Group {
    /// Outputs of the period before this group; and in it: all lanes, save perhaps at the period's
    /// end.
    outputs_before: usize,
    n_outputs: usize,
    /// Its first input, from the period's first one.
    offset: usize,
}

/// The shortest period is repeated to fill the vectors, but only so far: a block of input that holds many
/// periods lets many groups run at once.
const MAX_REPEATED_STEP: u64 = 256;

impl<R: Real> Bank<R> {
    /// `None` if the coefficients would take more than `max_bytes`.
    pub(in crate::resample) fn new(grid: &Grid, tier: Tier, max_bytes: usize) -> Option<Self> {
        let lanes = tier.lanes::<R>();
        let bytes = |repeats: u64| {
            let n_groups = (grid.scale * repeats).div_ceil(lanes as u64);
            let n_rows = 2 * grid.reach / grid.scale + lanes as u64 * grid.step / grid.scale + 2;
            n_groups.saturating_mul(n_rows).saturating_mul((lanes * size_of::<R>()) as u64)
        };
        if bytes(1) > max_bytes as u64 {
            return None;
        }
        // Empty lanes in the last group, per period.
        let idle = |repeats: u64| {
            let n_outputs = grid.scale * repeats;
            (n_outputs.next_multiple_of(lanes as u64) - n_outputs) as f64 / n_outputs as f64
        };
        let most = (MAX_REPEATED_STEP / grid.step).clamp(1, lanes as u64);
        let repeats = (1..=most).min_by(|&a, &b| idle(a).total_cmp(&idle(b))).unwrap_or(1);
        Some(Self::with_period(grid, tier, repeats))
    }

    fn with_period(grid: &Grid, tier: Tier, repeats: u64) -> Self {
        let lanes = tier.lanes::<R>();
        let n_outputs = (grid.scale * repeats) as usize;
        let first_input = grid.first_input(0);
        let groups: Vec<Group> = (0..n_outputs)
            .step_by(lanes)
            .map(|outputs_before| Group {
                outputs_before,
                n_outputs: lanes.min(n_outputs - outputs_before),
                offset: (grid.first_input(outputs_before) - first_input) as usize,
            })
            .collect();
        let rows = |group: &Group| {
            let last = grid.last_input(group.outputs_before + group.n_outputs - 1);
            (last + 1 - first_input) as usize - group.offset
        };
        let n_rows = groups.iter().map(rows).max().unwrap_or(0);
        let mut coefficients = Aligned::new(groups.len() * n_rows * lanes);
        let low_pass = grid.low_pass();
        for (group, square) in groups.iter().zip(coefficients.chunks_exact_mut(n_rows * lanes)) {
            for lane in 0..group.n_outputs {
                let time = grid.time(group.outputs_before + lane) as f64 / grid.scale as f64;
                let before = (first_input + group.offset as i64) as f64 - time;
                let taps: Vec<f64> = (0..n_rows).map(|i| low_pass.at(before + i as f64)).collect();
                let column = square.iter_mut().skip(lane).step_by(lanes);
                column.zip(grid.round(&taps)).for_each(|(place, tap)| *place = tap);
            }
        }
        let step = (grid.step * repeats) as usize;
        Self { tier, lanes, n_rows, coefficients, groups, step, n_outputs, first_input }
    }

    /// Inputs that a signal starts before its first sample.
    pub(in crate::resample) fn lead(&self) -> i64 {
        -self.first_input
    }

    /// Outputs of the period before a group; all of them before the one that is not there.
    fn outputs_before(&self, group: usize) -> usize {
        self.groups.get(group).map_or(self.n_outputs, |group| group.outputs_before)
    }

    /// Bytes of coefficients.
    pub(in crate::resample) fn n_bytes(&self) -> usize {
        self.coefficients.len() * size_of::<R>()
    }
}

/// One signal on its way through a [`Bank`].
#[derive(Debug)]
pub(in crate::resample) struct Polyphase<R> {
    bank: Arc<Bank<R>>,
    /// Inputs from the start of the current period on.
    pub(in crate::resample) pending: Vec<R>,
    /// Zeros that stand before a signal.
    n_zeros: usize,
    /// Groups of the current period that are done.
    n_done: usize,
    /// For each group, in how many periods its inputs are complete.
    n_periods: Vec<usize>,
    sums: Aligned<R>,
}

impl<R: Real> Polyphase<R> {
    /// At the start of a signal whose first sample is input number `first_input`.
    pub(in crate::resample) fn new(bank: Arc<Bank<R>>, first_input: i64) -> Self {
        let sums = Aligned::new(MAX_GROUPS * bank.lanes);
        let n_zeros = (bank.lead() + first_input).max(0) as usize;
        let (pending, n_periods) = (Vec::new(), Vec::new());
        let mut polyphase = Self { bank, pending, n_zeros, n_done: 0, n_periods, sums };
        polyphase.reset();
        polyphase
    }

    /// Back to the start of a signal.
    pub(in crate::resample) fn reset(&mut self) {
        self.pending.clear();
        self.pending.resize(self.n_zeros, R::default());
        self.n_done = 0;
    }

    /// Appends the outputs of all groups whose inputs are complete.
    pub(in crate::resample) fn advance(&mut self, output: &mut Vec<R>) {
        let bank = Arc::clone(&self.bank);
        let n_complete = |group: &Group| {
            let room = self.pending.len().checked_sub(group.offset + bank.n_rows);
            room.map_or(0, |room| room / bank.step + 1)
        };
        // Never rises along the groups, and falls by one at most: a group's inputs end before those
        // of the next, and those of the last one before those of the next period's first.
        self.n_periods.clear();
        self.n_periods.extend(bank.groups.iter().map(n_complete));
        let n_whole = self.n_periods.last().copied().unwrap_or(0);
        let n_done = self.n_periods.iter().filter(|&&n| n > n_whole).count();
        let n_skipped = bank.outputs_before(self.n_done);
        let n_outputs = n_whole * bank.n_outputs + bank.outputs_before(n_done) - n_skipped;
        let start = output.len();
        output.resize(start + n_outputs, R::default());
        for (index, group) in bank.groups.iter().enumerate() {
            let periods = usize::from(index < self.n_done)..self.n_periods[index];
            self.run_group(index, group, periods, n_skipped, &mut output[start..]);
        }
        self.pending.drain(..n_whole * bank.step);
        self.n_done = n_done;
    }

    /// One group in all of `periods`, into `output`, whose first value is number `n_skipped` of the
    /// first period.
    fn run_group(
        &mut self,
        index: usize,
        group: &Group,
        mut periods: Range<usize>,
        n_skipped: usize,
        output: &mut [R],
    ) {
        let Bank { tier, lanes, n_rows, coefficients, step, n_outputs, .. } = self.bank.as_ref();
        let rows = &coefficients[index * n_rows * lanes..][..n_rows * lanes];
        while !periods.is_empty() {
            // Tiles of about equal size: none is left with a single slow group.
            let n_groups = periods.len().div_ceil(periods.len().div_ceil(MAX_GROUPS));
            let inputs = &self.pending[periods.start * step + group.offset..];
            let sums = &mut self.sums[..n_groups * lanes];
            R::dispatch(*tier, Tile { rows, inputs, step: *step, sums });
            for sums in self.sums[..n_groups * lanes].chunks_exact(*lanes) {
                let place = periods.start * n_outputs + group.outputs_before - n_skipped;
                output[place..][..group.n_outputs].copy_from_slice(&sums[..group.n_outputs]);
                periods.start += 1;
            }
        }
    }
}
