//! Mel bands: triangles on a scale that follows hearing.

use super::simd::{Real, Simd};
use crate::error::{Error, Result};

/// Bands of the classical features.
pub(crate) const N_MELS: usize = 128;
/// Most bands of a bank.
pub(crate) const MAX_N_MELS: usize = 4096;

/// Which scale bands are even on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum MelScale {
    /// Linear below 1000 Hz, logarithmic above (Slaney, Auditory Toolbox).
    #[default]
    Slaney,
    /// 2595 log10(1 + f / 700 Hz) (O'Shaughnessy; the Hidden Markov Model Toolkit).
    Htk,
}

/// Slaney's scale is linear below this frequency and logarithmic above it.
const BREAK_HZ: f64 = 1000.0;
/// Hz per mel in the linear part.
const HZ_PER_MEL: f64 = 200.0 / 3.0;
/// In the logarithmic part, 27 mels are a factor of 6.4.
const RATIO: f64 = 6.4;
const MELS_PER_RATIO: f64 = 27.0;

impl MelScale {
    /// Where a frequency is on the scale.
    pub(crate) fn to_mel(self, hz: f64) -> f64 {
        match self {
            Self::Slaney if hz < BREAK_HZ => hz / HZ_PER_MEL,
            Self::Slaney => {
                BREAK_HZ / HZ_PER_MEL + (hz / BREAK_HZ).ln() * MELS_PER_RATIO / RATIO.ln()
            }
            Self::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
        }
    }

    /// The frequency at a place on the scale.
    pub(crate) fn to_hz(self, mel: f64) -> f64 {
        let break_mel = BREAK_HZ / HZ_PER_MEL;
        match self {
            Self::Slaney if mel < break_mel => mel * HZ_PER_MEL,
            Self::Slaney => BREAK_HZ * (RATIO.ln() / MELS_PER_RATIO * (mel - break_mel)).exp(),
            Self::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
        }
    }
}

/// How high bands are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum MelNorm {
    /// Triangles of unit area over Hz.
    #[default]
    Slaney,
    /// Triangles of unit height.
    None,
}

/// What a bank is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MelParameters {
    /// Hz.
    pub(crate) sample_rate: f64,
    /// Samples per transform, at least 2.
    pub(crate) n_fft: usize,
    /// Bands, 1 to [`MAX_N_MELS`].
    pub(crate) n_mels: usize,
    /// Lower end of the lowest band, at least 0.
    pub(crate) fmin: f64,
    /// Upper end of the highest band, above `fmin`.
    pub(crate) fmax: f64,
    /// Where bands are.
    pub(crate) scale: MelScale,
    /// How high they are.
    pub(crate) norm: MelNorm,
    /// What is straight.
    pub(crate) slopes: Slopes,
}

/// Over what the sides of a triangle are straight lines, and how exactly they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slopes {
    /// Over frequency, in float64.
    Hz,
    /// Over frequency, rounded to float32 before and after they are scaled, as librosa keeps them.
    HzRounded,
    /// Over the mel scale.
    Mel,
}

impl MelParameters {
    fn check(&self) -> Result<()> {
        let refuse = |name, given: String, expected: &str| {
            Err(Error::Parameter { name, given, expected: expected.to_owned() })
        };
        if !(1..=MAX_N_MELS).contains(&self.n_mels) {
            return refuse("n_mels", self.n_mels.to_string(), "1 to 4096");
        }
        if !(self.sample_rate.is_finite() && self.sample_rate > 0.0) {
            return refuse("sample_rate", format!("{} Hz", self.sample_rate), "a positive number");
        }
        if self.n_fft < 2 {
            return refuse("n_fft", self.n_fft.to_string(), "at least 2");
        }
        if !(self.fmin >= 0.0 && self.fmin.is_finite()) {
            return refuse("fmin", format!("{} Hz", self.fmin), "0 Hz or more");
        }
        if !(self.fmax > self.fmin && self.fmax.is_finite()) {
            return refuse("fmax", format!("{} Hz", self.fmax), "more than fmin");
        }
        Ok(())
    }
}

/// Triangular bands. Only weights above zero are kept.
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
    /// Computes the weights.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for values outside those that [`MelParameters`] names.
    pub(crate) fn new(parameters: &MelParameters) -> Result<Self> {
        parameters.check()?;
        Ok(Self::checked(parameters))
    }

    /// [`N_MELS`] bands from 0 Hz to half the sample rate, as librosa makes them.
    pub(crate) fn classical(sample_rate: u32, n_fft: usize) -> Self {
        let sample_rate = f64::from(sample_rate);
        Self::checked(&MelParameters {
            sample_rate,
            n_fft,
            n_mels: N_MELS,
            fmin: 0.0,
            fmax: sample_rate / 2.0,
            scale: MelScale::Slaney,
            norm: MelNorm::Slaney,
            slopes: Slopes::HzRounded,
        })
    }

    fn checked(parameters: &MelParameters) -> Self {
        let scale = parameters.scale;
        let [low, high] = [parameters.fmin, parameters.fmax].map(|hz| scale.to_mel(hz));
        let step = (high - low) / (parameters.n_mels + 1) as f64;
        let mels: Vec<f64> = (0..parameters.n_mels + 2).map(|i| low + i as f64 * step).collect();
        let mut bank = Self { bands: Vec::with_capacity(parameters.n_mels), weights: Vec::new() };
        for corners in mels.windows(3) {
            bank.push([corners[0], corners[1], corners[2]], parameters);
        }
        bank
    }

    /// Adds the triangle that rises from the first corner to the second and falls to the third.
    fn push(&mut self, mels: [f64; 3], parameters: &MelParameters) {
        let hz = mels.map(|mel| parameters.scale.to_hz(mel));
        let n_bins = parameters.n_fft / 2 + 1;
        let bin_hz = parameters.sample_rate / parameters.n_fft as f64;
        let slopes = parameters.slopes;
        let height = match parameters.norm {
            MelNorm::Slaney => 2.0 / (hz[2] - hz[0]),
            MelNorm::None => 1.0,
        };
        let weight = |bin: usize| {
            let at = bin as f64 * bin_hz;
            let (at, [low, centre, high]) = match slopes {
                Slopes::Mel => (parameters.scale.to_mel(at), mels),
                Slopes::Hz | Slopes::HzRounded => (at, hz),
            };
            let share = ((at - low) / (centre - low)).min((high - at) / (high - centre)).max(0.0);
            if slopes == Slopes::HzRounded {
                f64::from((f64::from(share as f32) * height) as f32)
            } else {
                share * height
            }
        };
        // One bin early: rounding can put the corner on either side of a bin.
        let start = (hz[0] / bin_hz).floor().clamp(0.0, n_bins as f64) as usize;
        let start = start.saturating_sub(1);
        let first_bin = (start..n_bins).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
        let weights = (first_bin..n_bins).map(weight).take_while(|weight| *weight > 0.0);
        let first_weight = self.weights.len();
        self.weights.extend(weights.map(R::from_f64));
        let n_bins = self.weights.len() - first_weight;
        self.bands.push(Band { first_bin, first_weight, n_bins });
    }

    /// Bands.
    pub(crate) fn n_mels(&self) -> usize {
        self.bands.len()
    }

    /// Energy in every band; `spectrum` holds a vector for each bin.
    #[inline(always)]
    pub(crate) fn apply<S: Simd<Real = R>>(
        &self,
        simd: S,
        spectrum: &[S::V],
        energies: &mut [S::V],
    ) {
        for (band, energy) in self.bands.iter().zip(energies) {
            let weights = &self.weights[band.first_weight..][..band.n_bins];
            let bins = &spectrum[band.first_bin..][..band.n_bins];
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
    use super::{MelBank, MelNorm, MelParameters, MelScale, N_MELS, Slopes};
    use crate::error::Error;

    const PARAMETERS: MelParameters = MelParameters {
        sample_rate: 48_000.0,
        n_fft: 1024,
        n_mels: 64,
        fmin: 50.0,
        fmax: 14_000.0,
        scale: MelScale::Htk,
        norm: MelNorm::None,
        slopes: Slopes::Hz,
    };

    /// Weights as a matrix.
    fn dense(bank: &MelBank<f64>, n_bins: usize) -> Vec<Vec<f64>> {
        let row = |band: &super::Band| {
            let mut row = vec![0.0; n_bins];
            row[band.first_bin..][..band.n_bins]
                .copy_from_slice(&bank.weights[band.first_weight..][..band.n_bins]);
            row
        };
        bank.bands.iter().map(row).collect()
    }

    #[test]
    fn hz_and_mel_are_each_others_inverse() {
        for scale in [MelScale::Slaney, MelScale::Htk] {
            for hz in [0.0, 20.0, 999.0, 1000.0, 1001.0, 11025.0] {
                assert!((scale.to_hz(scale.to_mel(hz)) - hz).abs() < 1e-9 * (1.0 + hz));
            }
        }
        assert!((MelScale::Slaney.to_mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((MelScale::Slaney.to_mel(6400.0) - 42.0).abs() < 1e-12);
        assert!((MelScale::Htk.to_mel(6300.0) - 2595.0).abs() < 1e-9);
    }

    #[test]
    fn wide_bands_have_equal_area() {
        let bank = MelBank::<f64>::classical(22_050, 2048);
        assert_eq!(bank.n_mels(), N_MELS);
        // A triangle of unit area sampled every `bin_hz`.
        let expected = 2048.0 / 22_050.0;
        for row in &dense(&bank, 1025)[100..] {
            let area: f64 = row.iter().sum();
            assert!((area / expected - 1.0).abs() < 0.02, "{area} against {expected}");
        }
    }

    #[test]
    fn bands_without_norm_share_each_bin_between_two() {
        for slopes in [Slopes::Hz, Slopes::Mel] {
            let bank = MelBank::<f64>::new(&MelParameters { slopes, ..PARAMETERS }).expect("sound");
            let rows = dense(&bank, 513);
            // Between the first centre and the last, rise and fall of neighbours sum to one.
            for bin in 4..280 {
                let sum: f64 = rows.iter().map(|row| row[bin]).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{slopes:?} bin {bin}: {sum}");
            }
        }
    }

    #[test]
    fn what_is_no_bank_is_refused_by_name() {
        let refused = |parameters: MelParameters| match MelBank::<f32>::new(&parameters) {
            Err(Error::Parameter { name, .. }) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(MelParameters { n_mels: 0, ..PARAMETERS }), "n_mels");
        assert_eq!(refused(MelParameters { fmin: -1.0, ..PARAMETERS }), "fmin");
        assert_eq!(refused(MelParameters { fmax: 50.0, ..PARAMETERS }), "fmax");
        assert_eq!(refused(MelParameters { fmax: f64::NAN, ..PARAMETERS }), "fmax");
        assert_eq!(refused(MelParameters { sample_rate: 0.0, ..PARAMETERS }), "sample_rate");
        assert_eq!(refused(MelParameters { n_fft: 1, ..PARAMETERS }), "n_fft");
    }
}
