//! Ratios with too many phases for a table: coefficients are interpolated.

use std::sync::Arc;

use super::Grid;
use crate::resample::aligned::Aligned;
use crate::resample::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

/// Phases per input sample. The filter passes at most one half cycle per sample, so a cubic through
/// four neighbours is off by at most `(π/256)^4 · 3/128`, −185 dB.
const N_PHASES: usize = 256;

/// Taps at [`N_PHASES`] phases, and at the neighbours that a cubic needs beyond the ends.
#[derive(Debug)]
pub(in crate::resample) struct Table<R> {
    tier: Tier,
    /// Row `p` belongs to phase `(p − 1) / N_PHASES`; rows are padded to whole vectors.
    rows: Aligned<R>,
    row_length: usize,
    grid: Grid,
    /// The first tap's input, from the one at or before the output.
    first_tap: i64,
}

impl<R: Real> Table<R> {
    /// For any grid.
    pub(in crate::resample) fn new(grid: Grid, tier: Tier) -> Self {
        let lanes = tier.lanes::<R>();
        let half_width = grid.reach.div_ceil(grid.scale) as usize;
        let n_taps = 2 * half_width + 2;
        let row_length = n_taps.next_multiple_of(lanes);
        let first_tap = -(half_width as i64);
        let mut rows = Aligned::new((N_PHASES + 3) * row_length);
        let low_pass = grid.low_pass();
        for (p, row) in rows.chunks_exact_mut(row_length).enumerate() {
            let phase = (p as f64 - 1.0) / N_PHASES as f64;
            let time = |tap: usize| (first_tap + tap as i64) as f64 - phase;
            let taps: Vec<f64> = (0..n_taps).map(|tap| low_pass.at(time(tap))).collect();
            row.iter_mut().zip(grid.round::<R>(&taps)).for_each(|(place, tap)| *place = tap);
        }
        Self { tier, rows, row_length, grid, first_tap }
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
        let table = self.table.as_ref();
        let run = Run {
            table,
            inputs: &self.pending,
            place: self.place,
            scratch: &mut self.scratch,
            output,
        };
        let (n_used, place) = R::dispatch(table.tier, run);
        self.place = place;
        self.pending.drain(..n_used);
    }
}

/// As many outputs as there are inputs for.
struct Run<'a, R> {
    table: &'a Table<R>,
    inputs: &'a [R],
    place: u64,
    scratch: &'a mut Scratch<R>,
    output: &'a mut Vec<R>,
}

/// One vector of outputs in the making.
#[derive(Debug)]
struct Scratch<R> {
    /// First input of each, and first row of coefficients.
    starts: [usize; MAX_LANES],
    phases: [usize; MAX_LANES],
    /// How far each is from its phase to the next.
    parts: [R; MAX_LANES],
    /// What the four rows around the place count, for each.
    weights: [Aligned<R>; 4],
    sums: Aligned<R>,
}

impl<R: Real> Scratch<R> {
    fn new() -> Self {
        let vector = || Aligned::new(MAX_LANES);
        let weights = [vector(), vector(), vector(), vector()];
        let [starts, phases] = [[0; MAX_LANES]; 2];
        Self { starts, phases, parts: [R::default(); MAX_LANES], weights, sums: vector() }
    }
}

impl<R: Real> Kernel<R> for Run<'_, R> {
    /// Inputs used up, and the place of the next output.
    type Output = (usize, u64);

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output {
        let Self { table, inputs, mut place, scratch, output } = self;
        let Grid { step, scale, .. } = table.grid;
        let [whole_step, part_step] = [step / scale, step % scale];
        let phases_per_unit = N_PHASES as f64 / scale as f64;
        let mut start = 0;
        loop {
            let mut n_outputs = 0;
            while n_outputs < S::LANES && start + table.row_length <= inputs.len() {
                let position = place as f64 * phases_per_unit;
                let phase = (position as usize).min(N_PHASES - 1);
                scratch.starts[n_outputs] = start;
                scratch.phases[n_outputs] = phase;
                scratch.parts[n_outputs] = R::from_f64(position - phase as f64);
                place += part_step;
                let carry = u64::from(place >= scale);
                place -= carry * scale;
                start += (whole_step + carry) as usize;
                n_outputs += 1;
            }
            scratch.blend(simd, table, inputs, n_outputs);
            output.extend_from_slice(&scratch.sums[..n_outputs]);
            if n_outputs < S::LANES {
                return (start, place);
            }
        }
    }
}

impl<R: Real> Scratch<R> {
    /// Fills in `sums` for the first `n_outputs`.
    #[inline(always)]
    fn blend<S: Simd<Real = R>>(
        &mut self,
        simd: S,
        table: &Table<R>,
        inputs: &[R],
        n_outputs: usize,
    ) {
        let weights = lagrange(simd, simd.load(&self.parts));
        for (place, weight) in self.weights.iter_mut().zip(weights) {
            simd.lanes_mut(place)[0] = weight;
        }
        let weights: [&[R]; 4] = [&self.weights[0], &self.weights[1], &self.weights[2], &self.weights[3]];
        let [first, second, third, fourth] = weights;
        let rows = simd.lanes(&table.rows);
        let length = table.row_length / S::LANES;
        let zero = simd.splat(R::default());
        let mut products = [zero; MAX_LANES];
        for i in 0..n_outputs {
            let four = &rows[self.phases[i] * length..][..4 * length];
            let inputs = &inputs[self.starts[i]..][..table.row_length];
            let [first, second] = [simd.splat(first[i]), simd.splat(second[i])];
            let [third, fourth] = [simd.splat(third[i]), simd.splat(fourth[i])];
            let weights = [first, second, third, fourth];
            products[i] = match length {
                1 => dot::<S, 1>(simd, four, weights, inputs),
                2 => dot::<S, 2>(simd, four, weights, inputs),
                3 => dot::<S, 3>(simd, four, weights, inputs),
                _ => dot::<S, 0>(simd, four, weights, inputs),
            };
        }
        simd.transpose(&mut products);
        let mut sum = products[0];
        for product in &products[1..S::LANES] {
            sum = simd.add(sum, *product);
        }
        simd.lanes_mut(&mut self.sums)[0] = sum;
    }
}

/// Lanes whose sum is that of the products of the inputs with the weighted sum of four rows, each of
/// `N` vectors, or of any number if `N` is zero.
#[inline(always)]
fn dot<S: Simd, const N: usize>(
    simd: S,
    four: &[S::V],
    weights: [S::V; 4],
    inputs: &[S::Real],
) -> S::V {
    let n_vectors = if N == 0 { four.len() / 4 } else { N };
    let four = &four[..4 * n_vectors];
    let inputs = &inputs[..n_vectors * S::LANES];
    let mut sum = simd.splat(S::Real::default());
    for i in 0..n_vectors {
        let outer = simd.mul_add(four[i], weights[0], simd.mul(four[3 * n_vectors + i], weights[3]));
        let inner = simd.mul_add(four[n_vectors + i], weights[1], outer);
        let blend = simd.mul_add(four[2 * n_vectors + i], weights[2], inner);
        sum = simd.mul_add(blend, simd.load(&inputs[i * S::LANES..]), sum);
    }
    sum
}

/// Weights of four neighbouring values for the cubic through them, `part` of the way from the second to
/// the third.
#[inline(always)]
fn lagrange<S: Simd>(simd: S, part: S::V) -> [S::V; 4] {
    let [one, two] = [1.0, 2.0].map(|x| S::Real::from_f64(x));
    let [before, after] = [simd.add(part, simd.splat(one)), simd.sub(part, simd.splat(one))];
    let far = simd.sub(part, simd.splat(two));
    let [half, sixth] = [0.5, 1.0 / 6.0].map(|x| S::Real::from_f64(x));
    let outer = simd.mul(simd.mul(part, simd.splat(sixth)), simd.sub(simd.splat(S::Real::default()), after));
    let inner = simd.mul(simd.mul(before, simd.splat(half)), far);
    [
        simd.mul(outer, far),
        simd.mul(inner, after),
        simd.mul(inner, simd.sub(simd.splat(S::Real::default()), part)),
        simd.sub(simd.splat(S::Real::default()), simd.mul(outer, before)),
    ]
}
