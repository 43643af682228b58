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

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::{Cepstrum, N_MFCC};
    use crate::signals::Noise;
    use crate::spectrum::mel::N_MELS;
    use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

    /// Coefficients of bands that differ from lane to lane, from the widest vector's worth of
    /// frames.
    struct Coefficients<'a>(&'a [Vec<f64>]);

    impl<R: Real> Kernel<R> for Coefficients<'_> {
        type Output = Vec<Vec<f64>>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output {
            let plan = Cepstrum::new();
            let mut output = Vec::new();
            for frames in self.0.chunks_exact(S::LANES) {
                let mut bands = [simd.constant(0.0); N_MELS];
                for (band, place) in bands.iter_mut().enumerate() {
                    let lanes: Vec<R> = frames.iter().map(|f| R::from_f64(f[band])).collect();
                    *place = simd.load(&lanes);
                }
                let coefficients = plan.run(simd, &bands);
                let mut lanes = [[R::default(); MAX_LANES]; N_MFCC];
                for k in 0..N_MFCC {
                    simd.store(coefficients[k], &mut lanes[k]);
                }
                let frame = |lane: usize| lanes.iter().map(|k| k[lane].to_f64()).collect();
                output.extend((0..S::LANES).map(frame));
            }
            output
        }
    }

    #[test]
    fn every_tier_computes_the_coefficients_that_the_definition_gives() {
        let mut random = Noise::new(1);
        let frames: Vec<Vec<f64>> = (0..MAX_LANES)
            .map(|_| (0..N_MELS).map(|_| 40.0 * random.next() - 40.0).collect())
            .collect();
        let expected = |frame: &[f64], k: usize| {
            let sum: f64 = (0..N_MELS)
                .map(|m| frame[m] * (PI * k as f64 * (m as f64 + 0.5) / N_MELS as f64).cos())
                .sum();
            sum * (if k == 0 { 1.0 } else { 2.0 } / N_MELS as f64).sqrt()
        };
        for tier in Tier::available() {
            let single = f32::dispatch(tier, Coefficients(&frames));
            let double = f64::dispatch(tier, Coefficients(&frames));
            for (frame, (single, double)) in frames.iter().zip(single.iter().zip(&double)) {
                for k in 0..N_MFCC {
                    let expected = expected(frame, k);
                    assert!((double[k] - expected).abs() < 1e-11, "{} {k}", tier.name());
                    assert!((single[k] - expected).abs() < 1e-3, "{} {k}", tier.name());
                }
            }
        }
    }
}
