//! The first coefficients of a cosine transform: mel bands to cepstrum.

use std::f64::consts::PI;

use super::mel::N_MELS;
use super::simd::{Real, Simd};

/// Cepstral coefficients of the classical features.
pub(crate) const N_MFCC: usize = 13;

/// Half of the bands: cosines are even or odd about the middle, so the bands are folded first.
const HALF: usize = N_MELS / 2;

/// Orthonormal DCT-II of [`N_MELS`] values, the first [`N_MFCC`] coefficients.
#[derive(Debug)]
pub(crate) struct Cepstrum<R> {
    /// Cosine of coefficient `k` at band `m`, at `N_MFCC * m + k`.
    basis: Vec<[R; N_MFCC]>,
}

impl<R: Real> Cepstrum<R> {
    /// Computes the basis.
    pub(crate) fn new() -> Self {
        let cosine = |band: usize, k: usize| {
            let scale = if k == 0 { 1.0 } else { 2.0 } / N_MELS as f64;
            let angle = PI * k as f64 * (2 * band + 1) as f64 / (2 * N_MELS) as f64;
            R::from_f64(scale.sqrt() * angle.cos())
        };
        Self { basis: (0..HALF).map(|m| std::array::from_fn(|k| cosine(m, k))).collect() }
    }

    /// Coefficients of `bands`.
    #[inline(always)]
    pub(crate) fn run<S: Simd<Real = R>>(&self, simd: S, bands: &[S::V; N_MELS]) -> [S::V; N_MFCC] {
        let mut sums = [simd.splat(R::default()); N_MFCC];
        for (band, cosines) in self.basis.iter().enumerate() {
            let (low, high) = (bands[band], bands[N_MELS - 1 - band]);
            let folded = [simd.add(low, high), simd.sub(low, high)];
            for k in 0..N_MFCC {
                sums[k] = simd.mul_add(simd.splat(cosines[k]), folded[k % 2], sums[k]);
            }
        }
        sums
    }
}
