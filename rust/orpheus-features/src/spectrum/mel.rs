//! Mel bands: triangles on a scale that follows hearing.

use super::simd::{Real, Simd};

/// Bands of the classical features.
pub(crate) const N_MELS: usize = 128;

/// Below this frequency the scale is linear, above it logarithmic (Slaney's Auditory Toolbox).
const BREAK_HZ: f64 = 1000.0;
/// Hz per mel in the linear part.
const HZ_PER_MEL: f64 = 200.0 / 3.0;
/// In the logarithmic part, 27 mels are a factor of 6.4.
const RATIO: f64 = 6.4;
const MELS_PER_RATIO: f64 = 27.0;

fn hz_to_mel(hz: f64) -> f64 {
    if hz < BREAK_HZ {
        hz / HZ_PER_MEL
    } else {
        BREAK_HZ / HZ_PER_MEL + (hz / BREAK_HZ).ln() * MELS_PER_RATIO / RATIO.ln()
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    let break_mel = BREAK_HZ / HZ_PER_MEL;
    if mel < break_mel {
        mel * HZ_PER_MEL
    } else {
        BREAK_HZ * (RATIO.ln() / MELS_PER_RATIO * (mel - break_mel)).exp()
    }
}

/// Triangular bands of equal energy, from 0 Hz to half the sample rate. Only weights above zero
/// are kept.
#[derive(Debug)]
pub(crate) struct MelBank<R> {
    bands: Vec<Band>,
    weights: Vec<R>,
}

/// One triangle.
#[derive(Debug)]
struct Band {
    /// First bin under it.
    first_bin: usize,
    /// Its weights: `weights[first_weight..][..n_bins]`.
    first_weight: usize,
    n_bins: usize,
}

impl<R: Real> MelBank<R> {
    /// [`N_MELS`] bands over `n_bins` bins of a spectrum at `sample_rate`.
    pub(crate) fn new(sample_rate: u32, n_bins: usize) -> Self {
        let nyquist = f64::from(sample_rate) / 2.0;
        let top = hz_to_mel(nyquist);
        let edges: Vec<f64> =
            (0..N_MELS + 2).map(|i| mel_to_hz(top * i as f64 / (N_MELS + 1) as f64)).collect();
        let mut bank = Self { bands: Vec::with_capacity(N_MELS), weights: Vec::new() };
        for edge in edges.windows(3) {
            bank.push(edge[0], edge[1], edge[2], nyquist / (n_bins - 1) as f64, n_bins);
        }
        bank
    }

    /// Adds the triangle that rises from `low` to `centre` and falls to `high`.
    fn push(&mut self, low: f64, centre: f64, high: f64, bin_hz: f64, n_bins: usize) {
        let weight = |bin: usize| {
            let hz = bin as f64 * bin_hz;
            let height = ((hz - low) / (centre - low)).min((high - hz) / (high - centre));
            // The reference keeps its triangles in float32 before it scales them.
            f64::from(height.max(0.0) as f32) * 2.0 / (high - low)
        };
        let first_bin = (0..n_bins).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
        let weights = (first_bin..n_bins).map(weight).take_while(|weight| *weight > 0.0);
        let first_weight = self.weights.len();
        self.weights.extend(weights.map(|weight| R::from_f64(f64::from(weight as f32))));
        self.bands.push(Band {
            first_bin,
            first_weight,
            n_bins: self.weights.len() - first_weight,
        });
    }

    /// Energy in every band.
    #[inline(always)]
    pub(crate) fn apply<S: Simd<Real = R>>(
        &self,
        simd: S,
        power: &[S::V],
        energies: &mut [S::V; N_MELS],
    ) {
        for (band, energy) in self.bands.iter().zip(energies) {
            let weights = &self.weights[band.first_weight..][..band.n_bins];
            let bins = &power[band.first_bin..][..band.n_bins];
            let mut sums = [simd.splat(R::default()); 2];
            for (place, (weight, bin)) in weights.iter().zip(bins).enumerate() {
                let sum = &mut sums[place % 2];
                *sum = simd.mul_add(simd.splat(*weight), *bin, *sum);
            }
            *energy = simd.add(sums[0], sums[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MelBank, N_MELS, hz_to_mel, mel_to_hz};

    #[test]
    fn hz_and_mel_are_each_others_inverse() {
        for hz in [0.0, 20.0, 999.0, 1000.0, 1001.0, 11025.0] {
            assert!((mel_to_hz(hz_to_mel(hz)) - hz).abs() < 1e-9 * (1.0 + hz));
        }
        assert!((hz_to_mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((hz_to_mel(6400.0) - 42.0).abs() < 1e-12);
    }

    #[test]
    fn wide_bands_have_equal_area() {
        let bank = MelBank::<f64>::new(22_050, 1025);
        let areas: Vec<f64> = bank
            .bands
            .iter()
            .map(|band| bank.weights[band.first_weight..][..band.n_bins].iter().sum())
            .collect();
        assert_eq!(areas.len(), N_MELS);
        // A triangle of unit area sampled every `bin_hz`.
        let expected = 2048.0 / 22_050.0;
        for area in &areas[100..] {
            assert!((area / expected - 1.0).abs() < 0.02, "{area} against {expected}");
        }
    }
}
