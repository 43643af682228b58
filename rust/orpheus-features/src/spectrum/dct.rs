//! The first coefficients of a cosine transform: mel bands to cepstrum.

use std::f64::consts::PI;

use super::simd::{Real, Simd};

/// Cepstral coefficients of the classical features.
pub(crate) const N_MFCC: usize = 13;

/// Coefficients that are computed together: as many sums as the smallest register file of a wide
/// tier has room for.
const GROUP: usize = 13;

/// Orthonormal DCT-II, the first coefficients.
#[derive(Debug)]
pub(crate) struct Cepstrum<R> {
    n_bands: usize,
    n_coefficients: usize,
    /// For every [`GROUP`] of coefficients, their cosines at each band of the lower half: cosines
    /// are even or odd about the middle, so the bands are folded first.
    groups: Vec<Vec<[R; GROUP]>>,
}

impl<R: Real> Cepstrum<R> {
    /// Computes the basis: `n_coefficients` of `n_bands`, both at least 1.
    pub(crate) fn new(n_bands: usize, n_coefficients: usize) -> Self {
        let cosine = |band: usize, k: usize| {
            let scale = if k == 0 { 1.0 } else { 2.0 } / n_bands as f64;
            let angle = PI * k as f64 * (2 * band + 1) as f64 / (2 * n_bands) as f64;
            // The middle one of an odd number of bands is folded onto itself.
            let share = if 2 * band + 1 == n_bands { 0.5 } else { 1.0 };
            R::from_f64(share * scale.sqrt() * angle.cos())
        };
        let group = |first: usize| {
            let row = |band| std::array::from_fn(|k| cosine(band, first + k));
            (0..n_bands.div_ceil(2)).map(row).collect()
        };
        let groups = (0..n_coefficients).step_by(GROUP).map(group).collect();
        Self { n_bands, n_coefficients, groups }
    }

    /// Coefficients of `bands`.
    #[inline(always)]
    pub(crate) fn run<S: Simd<Real = R>>(
        &self,
        simd: S,
        bands: &[S::V],
        coefficients: &mut [S::V],
    ) {
        let bands = &bands[..self.n_bands];
        let coefficients = &mut coefficients[..self.n_coefficients];
        for (index, group) in self.groups.iter().enumerate() {
            let mut sums = [simd.splat(R::default()); GROUP];
            // Every other group starts with an odd coefficient.
            let is_odd = index % 2 == 1;
            for (band, cosines) in group.iter().enumerate() {
                let (low, high) = (bands[band], bands[self.n_bands - 1 - band]);
                let (even, odd) = (simd.add(low, high), simd.sub(low, high));
                let folded = if is_odd { [odd, even] } else { [even, odd] };
                for k in 0..GROUP {
                    sums[k] = simd.mul_add(simd.splat(cosines[k]), folded[k % 2], sums[k]);
                }
            }
            let places = &mut coefficients[index * GROUP..];
            let n_left = places.len().min(GROUP);
            places[..n_left].copy_from_slice(&sums[..n_left]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::Cepstrum;
    use crate::signals::Noise;
    use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

    /// Coefficients of bands that differ from lane to lane, from the widest vector's worth of
    /// frames.
    struct Coefficients<'a>(&'a [Vec<f64>], usize);

    impl<R: Real> Kernel<R> for Coefficients<'_> {
        type Output = Vec<Vec<f64>>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output {
            let (n_bands, n_coefficients) = (self.0[0].len(), self.1);
            let plan = Cepstrum::new(n_bands, n_coefficients);
            let mut output = Vec::new();
            for frames in self.0.chunks_exact(S::LANES) {
                let mut bands = vec![simd.constant(0.0); n_bands];
                for (band, place) in bands.iter_mut().enumerate() {
                    let lanes: Vec<R> = frames.iter().map(|f| R::from_f64(f[band])).collect();
                    *place = simd.load(&lanes);
                }
                let mut coefficients = vec![simd.constant(0.0); n_coefficients];
                plan.run(simd, &bands, &mut coefficients);
                let mut lanes = vec![[R::default(); MAX_LANES]; n_coefficients];
                for k in 0..n_coefficients {
                    simd.store(coefficients[k], &mut lanes[k]);
                }
                let frame = |lane: usize| lanes.iter().map(|k| k[lane].to_f64()).collect();
                output.extend((0..S::LANES).map(frame));
            }
            output
        }
    }

    fn every_tier_agrees_with_the_definition(n_bands: usize, n_coefficients: usize) {
        let mut random = Noise::new(1);
        let frames: Vec<Vec<f64>> = (0..MAX_LANES)
            .map(|_| (0..n_bands).map(|_| 40.0 * random.next() - 40.0).collect())
            .collect();
        let expected = |frame: &[f64], k: usize| {
            let sum: f64 = (0..n_bands)
                .map(|m| frame[m] * (PI * k as f64 * (m as f64 + 0.5) / n_bands as f64).cos())
                .sum();
            sum * (if k == 0 { 1.0 } else { 2.0 } / n_bands as f64).sqrt()
        };
        for tier in Tier::available() {
            let single = f32::dispatch(tier, Coefficients(&frames, n_coefficients));
            let double = f64::dispatch(tier, Coefficients(&frames, n_coefficients));
            for (frame, (single, double)) in frames.iter().zip(single.iter().zip(&double)) {
                for k in 0..n_coefficients {
                    let expected = expected(frame, k);
                    let case = format!("{} of {n_bands}: {k}", tier.name());
                    assert!((double[k] - expected).abs() < 1e-11, "{case}");
                    assert!((single[k] - expected).abs() < 1e-3, "{case}");
                }
            }
        }
    }

    #[test]
    fn every_tier_computes_the_coefficients_that_the_definition_gives() {
        for (n_bands, n_coefficients) in
            [(128, 13), (128, 20), (40, 40), (1, 1), (3, 3), (27, 26), (64, 1)]
        {
            every_tier_agrees_with_the_definition(n_bands, n_coefficients);
        }
    }
}
