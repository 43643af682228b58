//! Outputs at any place between the inputs, by cubics through the taps of neighbouring phases.

use super::Grid;
use super::fractional::Table;
use crate::resample::aligned::Aligned;
use crate::resample::simd::{Kernel, MAX_LANES, Real, Simd};

/// As many outputs as there are inputs for.
pub(super) struct Run<'a, R> {
    pub(super) table: &'a Table<R>,
    /// From the first output's first one on.
    pub(super) inputs: &'a [R],
    /// Of the first output after an input, in units of one over the grid's scale.
    pub(super) place: u64,
    pub(super) scratch: &'a mut Scratch<R>,
    pub(super) output: &'a mut Vec<R>,
}

/// One vector of outputs in the making.
#[derive(Debug)]
pub(super) struct Scratch<R> {
    /// First input of each, and first row of taps.
    starts: [usize; MAX_LANES],
    phases: [usize; MAX_LANES],
    /// How far each is from its phase to the next.
    parts: [R; MAX_LANES],
    /// What the four rows around the place count, for each.
    weights: [Aligned<R>; 4],
    sums: Aligned<R>,
}

impl<R: Real> Scratch<R> {
    /// Zeros.
    pub(super) fn new() -> Self {
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
        let phases_per_unit = table.n_phases as f64 / scale as f64;
        let mut start = 0;
        loop {
            let mut n_outputs = 0;
            while n_outputs < S::LANES && start + table.row_length <= inputs.len() {
                // Signed integers, because they convert to and from floats in one instruction.
                let position = place as i64 as f64 * phases_per_unit;
                let phase = (position as i32 as usize).min(table.n_phases - 1);
                scratch.starts[n_outputs] = start;
                scratch.phases[n_outputs] = phase;
                scratch.parts[n_outputs] = R::from_f64(position - phase as f64);
                place += part_step;
                let carry = u64::from(place >= scale);
                place -= carry * scale;
                start += (whole_step + carry) as usize;
                n_outputs += 1;
            }
            scratch.fill(simd, table, inputs, n_outputs);
            output.extend_from_slice(&scratch.sums[..n_outputs]);
            if n_outputs < S::LANES {
                return (start, place);
            }
        }
    }
}

impl<R: Real> Scratch<R> {
    /// Computes the first `n_outputs` of `sums`.
    #[inline(always)]
    fn fill<S: Simd<Real = R>>(
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
        // Slices once, not for every output.
        let [a, b, c, d] = &self.weights;
        let [a, b, c, d]: [&[R]; 4] = [a, b, c, d];
        let rows = simd.lanes(&table.rows);
        let n_vectors = table.row_length / S::LANES;
        let mut products = [simd.splat(R::default()); MAX_LANES];
        for (i, product) in products[..n_outputs].iter_mut().enumerate() {
            let four = &rows[self.phases[i] * n_vectors..][..4 * n_vectors];
            let inputs = &inputs[self.starts[i]..][..table.row_length];
            let [a, b] = [simd.splat(a[i]), simd.splat(b[i])];
            let weights = [a, b, simd.splat(c[i]), simd.splat(d[i])];
            *product = match n_vectors {
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
    let n = if N == 0 { four.len() / 4 } else { N };
    let four = &four[..4 * n];
    let inputs = &inputs[..n * S::LANES];
    let mut sum = simd.splat(S::Real::default());
    for i in 0..n {
        let outer = simd.mul_add(four[i], weights[0], simd.mul(four[3 * n + i], weights[3]));
        let left = simd.mul_add(four[n + i], weights[1], outer);
        let taps = simd.mul_add(four[2 * n + i], weights[2], left);
        sum = simd.mul_add(taps, simd.load(&inputs[i * S::LANES..]), sum);
    }
    sum
}

/// Weights of four neighbouring values for the cubic through them, `part` of the way from the second
/// to the third.
#[inline(always)]
fn lagrange<S: Simd>(simd: S, part: S::V) -> [S::V; 4] {
    let number = |value: f64| S::Real::from_f64(value);
    let one = simd.splat(number(1.0));
    // Distances from the four places.
    let [first, second] = [simd.add(part, one), part];
    let [third, fourth] = [simd.sub(one, part), simd.sub(simd.add(one, one), part)];
    let outer = simd.mul(simd.mul(second, third), simd.splat(number(-1.0 / 6.0)));
    let inner = simd.mul(simd.mul(first, fourth), simd.splat(number(0.5)));
    [
        simd.mul(outer, fourth),
        simd.mul(inner, third),
        simd.mul(inner, second),
        simd.mul(outer, first),
    ]
}
