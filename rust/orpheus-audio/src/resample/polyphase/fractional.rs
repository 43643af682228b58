//! Ratios with too many phases for a bank: coefficients are interpolated.

use std::sync::Arc;

use super::Grid;
use super::cubic::{Run, Scratch};
use crate::resample::aligned::Aligned;
use crate::resample::simd::{Real, Tier};

/// Phases for each time that the filter's cutoff, in cycles per input sample, is one.
///
/// The filter lets nothing through from 1.5 times its cutoff on, so a cubic through four neighbours
/// is off by at most `(1.5 · 2π / 512)^4 · 3/128`, −171 dB.
const PHASES_PER_CYCLE: f64 = 512.0;

/// Taps at evenly spaced phases, and at the neighbours that a cubic needs beyond the ends.
#[derive(Debug)]
pub(in crate::resample) struct Table<R> {
    pub(super) tier: Tier,
    pub(super) n_phases: usize,
    /// Row `p` belongs to phase `(p − 1) / n_phases`; rows are padded to whole vectors.
    pub(super) rows: Aligned<R>,
    pub(super) row_length: usize,
    pub(super) grid: Grid,
    /// The first tap's input, from the one at or before the output.
    first_tap: i64,
}

impl<R: Real> Table<R> {
    /// For any grid.
    pub(in crate::resample) fn new(grid: Grid, tier: Tier) -> Self {
        let half_width = grid.reach.div_ceil(grid.scale) as usize;
        let n_taps = 2 * half_width + 2;
        let row_length = n_taps.next_multiple_of(tier.lanes::<R>());
        let first_tap = -(half_width as i64);
        let n_phases = (grid.cutoff * PHASES_PER_CYCLE).ceil() as usize;
        let mut rows = Aligned::new((n_phases + 3) * row_length);
        let low_pass = grid.low_pass();
        for (p, row) in rows.chunks_exact_mut(row_length).enumerate() {
            let phase = (p as f64 - 1.0) / n_phases as f64;
            let time = |tap: usize| (first_tap + tap as i64) as f64 - phase;
            let taps: Vec<f64> = (0..n_taps).map(|tap| low_pass.at(time(tap))).collect();
            row.iter_mut().zip(grid.round(&taps)).for_each(|(place, tap)| *place = tap);
        }
        Self { tier, n_phases, rows, row_length, grid, first_tap }
    }

    /// Bytes of coefficients.
    pub(in crate::resample) fn n_bytes(&self) -> usize {
        self.rows.len() * size_of::<R>()
    }
}

/// One signal on its way through a [`Table`].
#[derive(Debug)]
pub(in crate::resample) struct Fractional<R> {
    table: Arc<Table<R>>,
    /// Inputs from the next output's first one on.
    pub(in crate::resample) pending: Vec<R>,
    /// Zeros that stand before a signal.
    n_zeros: usize,
    /// The next output's place after an input, in units of one over the grid's scale.
    place: u64,
    scratch: Scratch<R>,
}

impl<R: Real> Fractional<R> {
    /// At the start of a signal whose first sample is input number `first_input`.
    pub(in crate::resample) fn new(table: Arc<Table<R>>, first_input: i64) -> Self {
        let whole = table.grid.time(0).div_euclid(table.grid.scale as i64);
        let n_zeros = (first_input - whole - table.first_tap).max(0) as usize;
        let scratch = Scratch::new();
        let mut fractional = Self { table, pending: Vec::new(), n_zeros, place: 0, scratch };
        fractional.reset();
        fractional
    }

    /// Back to the start of a signal.
    pub(in crate::resample) fn reset(&mut self) {
        let grid = &self.table.grid;
        self.place = grid.time(0).rem_euclid(grid.scale as i64) as u64;
        self.pending.clear();
        self.pending.resize(self.n_zeros, R::default());
    }

    /// Appends all outputs whose inputs are complete.
    pub(in crate::resample) fn advance(&mut self, output: &mut Vec<R>) {
        let run = Run {
            table: &self.table,
            inputs: &self.pending,
            place: self.place,
            scratch: &mut self.scratch,
            output,
        };
        let (n_used, place) = R::dispatch(self.table.tier, run);
        self.place = place;
        self.pending.drain(..n_used);
    }
}
