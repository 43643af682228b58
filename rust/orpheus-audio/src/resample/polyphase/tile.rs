//! Many groups of neighbouring outputs at once, from inputs a fixed step apart.

use std::array;

use crate::resample::simd::{Kernel, Real, Simd};

/// Most groups in one tile: with their sums, the coefficients and an input, sixteen registers do.
pub(super) const MAX_GROUPS: usize = 12;

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
    // Each output is one chain of sums in the order of the inputs, whatever the number of groups: how
    // the signal was cut must not show.
    #[inline(always)]
    fn groups<S: Simd<Real = R>, const N: usize>(self, simd: S) {
        let rows = simd.lanes(self.rows);
        let inputs: [&[R]; N] = array::from_fn(|g| &self.inputs[g * self.step..][..rows.len()]);
        let mut sums = [simd.splat(R::default()); N];
        for (i, &row) in rows.iter().enumerate() {
            for (sum, inputs) in sums.iter_mut().zip(inputs) {
                *sum = simd.mul_add(row, simd.splat(inputs[i]), *sum);
            }
        }
        simd.lanes_mut(self.sums)[..N].copy_from_slice(&sums);
    }
}
