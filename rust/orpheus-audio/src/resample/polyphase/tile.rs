//! Many groups of neighbouring outputs at once, from inputs a fixed step apart.

use std::array;

use crate::resample::simd::{Kernel, Real, Simd};

/// Most groups in one tile: with their sums, the coefficients and an input, sixteen registers do.
pub(super) const MAX_GROUPS: usize = 12;

/// Longest sum in one go: its rounding errors grow with its length.
const MAX_CHAIN: usize = 128;

/// `sums[g] = Σ rows[i] · inputs[g · step + i]`, for vectors `sums` and `rows`.
pub(super) struct Tile<'a, R> {
    /// Coefficients, one vector per input.
    pub(super) rows: &'a [R],
    /// Starts at the first group's first input.
    pub(super) inputs: &'a [R],
    /// Inputs from one group to the next.
    pub(super) step: usize,
    /// One vector per group, at most [`MAX_GROUPS`].
    pub(super) sums: &'a mut [R],
}

impl<R: Real> Kernel<R> for Tile<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        match self.sums.len() / S::LANES {
            1 => self.groups::<S, 1>(simd),
            2 => self.groups::<S, 2>(simd),
            3 => self.groups::<S, 3>(simd),
            4 => self.groups::<S, 4>(simd),
            5 => self.groups::<S, 5>(simd),
            6 => self.groups::<S, 6>(simd),
            7 => self.groups::<S, 7>(simd),
            8 => self.groups::<S, 8>(simd),
            9 => self.groups::<S, 9>(simd),
            10 => self.groups::<S, 10>(simd),
            11 => self.groups::<S, 11>(simd),
            _ => self.groups::<S, 12>(simd),
        }
    }
}

impl<R: Real> Tile<'_, R> {
    // The order of the sums depends on nothing but the number of rows: how the signal was cut must not
    // show.
    #[inline(always)]
    fn groups<S: Simd<Real = R>, const N: usize>(self, simd: S) {
        let mut totals = [simd.splat(R::default()); N];
        let mut first = 0;
        for rows in simd.lanes(self.rows).chunks(MAX_CHAIN) {
            let inputs: [&[R]; N] =
                array::from_fn(|g| &self.inputs[g * self.step + first..][..rows.len()]);
            let mut sums = [simd.splat(R::default()); N];
            for (i, &row) in rows.iter().enumerate() {
                for (sum, inputs) in sums.iter_mut().zip(inputs) {
                    *sum = simd.mul_add(row, simd.splat(inputs[i]), *sum);
                }
            }
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = simd.add(*total, sum);
            }
            first += rows.len();
        }
        simd.lanes_mut(self.sums)[..N].copy_from_slice(&totals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::aligned::Aligned;
    use crate::resample::simd::{Tier, test_noise};

    fn check<R: Real>(tolerance: f64) {
        for tier in Tier::available() {
            let lanes = tier.lanes::<R>();
            for (n_groups, n_rows) in
                (1..=MAX_GROUPS).flat_map(|g| [1, 2, 3, 17, 128, 131].map(|r| (g, r)))
            {
                let step = 5;
                let taps = test_noise(3, n_rows * lanes);
                let samples = test_noise(4, (n_groups - 1) * step + n_rows);
                let mut rows = Aligned::new(taps.len());
                rows.iter_mut().zip(&taps).for_each(|(place, &tap)| *place = R::from_f64(tap));
                let inputs: Vec<R> = samples.iter().map(|&x| R::from_f64(x)).collect();
                let mut sums = Aligned::new(n_groups * lanes);
                let tile = Tile { rows: &rows, inputs: &inputs, step, sums: &mut sums };
                R::dispatch(tier, tile);
                for (place, got) in sums.iter().enumerate() {
                    let [group, lane] = [place / lanes, place % lanes];
                    let term = |i: usize| taps[i * lanes + lane] * samples[group * step + i];
                    let wanted: f64 = (0..n_rows).map(term).sum();
                    let error = (got.to_f64() - wanted).abs();
                    assert!(error < tolerance, "{n_groups} × {n_rows} on {tier:?}: off by {error}");
                }
            }
        }
    }

    #[test]
    fn tiles_of_any_size_are_sums_of_products_on_every_tier() {
        check::<f32>(1e-5);
        check::<f64>(2e-14);
    }
}
