//! What the waveform itself says: whether it can be worked with, its energy and its zero crossings.

use crate::error::{Error, Result};
use crate::spectrum::fft::N_FFT;
use crate::spectrum::simd::{Kernel, Simd};
use crate::spectrum::stft::{HOP_LENGTH, n_frames};

/// Samples beyond this are refused: their power spectrum would overflow float32.
pub(crate) const MAX_AMPLITUDE: f32 = 1e12;

/// Samples as close to zero as this count as zero, and zero as positive.
const ZERO: f32 = 1e-10;

/// The sign of a float32.
const SIGN: u32 = 1 << 31;

/// Partial sums: as many as fill two of the widest vectors.
const N_SUMS: usize = 32;

/// Whether a signal can be described at all.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for signals that have no spectrum.
pub(crate) fn check(samples: &[f32]) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::Empty);
    }
    let loudest = samples.chunks(HOP_LENGTH).map(largest_magnitude).max().unwrap_or(0);
    if loudest > MAX_AMPLITUDE.to_bits() { Err(refusal(samples)) } else { Ok(()) }
}

/// What one pass over the samples finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waveform {
    /// Mean of the squared samples.
    pub(crate) energy: f64,
    /// Share of samples that differ in sign from the one before, averaged over the frames. A
    /// frame's first sample never counts; beyond its ends the signal is constant.
    pub(crate) zero_crossing_rate: f64,
}

/// Measures a signal.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for signals that have no spectrum.
pub(crate) struct Measure<'a>(pub(crate) &'a [f32]);

impl Kernel<f32> for Measure<'_> {
    type Output = Result<Waveform>;

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, _: S) -> Result<Waveform> {
        let samples = self.0;
        if samples.is_empty() {
            return Err(Error::Empty);
        }
        let n_frames = n_frames(samples.len());
        let (mut energy, mut n_crossings, mut loudest) = (0.0, 0, 0);
        let mut before = samples[0];
        for (hop, values) in samples.chunks(HOP_LENGTH).enumerate() {
            loudest = largest_magnitude(values).max(loudest);
            energy += sum_of_squares(values);
            // Frame t covers hops t - 2 to t + 1; the sample that opens a hop is also the first one
            // of frame t = hop + 2.
            let first_frame = hop.saturating_sub(1);
            let n_covering = |last_frame: usize| last_frame.min(n_frames - 1) + 1 - first_frame;
            let opens = usize::from(is_negative(before) != is_negative(values[0]));
            n_crossings += n_covering(hop + 2) * crossings_within(values);
            n_crossings += n_covering(hop + 1) * opens;
            before = values[values.len() - 1];
        }
        if loudest > MAX_AMPLITUDE.to_bits() {
            return Err(refusal(samples));
        }
        let n_counted = (n_frames * N_FFT) as f64;
        Ok(Waveform {
            energy: energy / samples.len() as f64,
            zero_crossing_rate: n_crossings as f64 / n_counted,
        })
    }
}

#[inline(always)]
pub(crate) fn is_negative(sample: f32) -> bool {
    sample < -ZERO
}

/// Bits of the largest absolute value. Magnitudes order as their bits do, and what is not finite
/// comes last.
#[inline(always)]
pub(crate) fn largest_magnitude(values: &[f32]) -> u32 {
    values.iter().map(|value| value.to_bits() & !SIGN).max().unwrap_or(0)
}

/// Changes of sign between neighbours.
#[inline(always)]
pub(crate) fn crossings_within(values: &[f32]) -> usize {
    let pairs = values.iter().zip(&values[1..]);
    let n_crossings: u32 = pairs.map(|(a, b)| u32::from(is_negative(*a) != is_negative(*b))).sum();
    n_crossings as usize
}

#[inline(always)]
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    let (groups, rest) = values.as_chunks::<N_SUMS>();
    let mut sums = [0.0_f32; N_SUMS];
    for group in groups {
        for (sum, value) in sums.iter_mut().zip(group) {
            *sum += value * value;
        }
    }
    let rest: f64 = rest.iter().map(|value| f64::from(*value).powi(2)).sum();
    rest + sums.iter().map(|sum| f64::from(*sum)).sum::<f64>()
}

/// Names the sample that made a pass over the signal fail.
#[cold]
fn refusal(samples: &[f32]) -> Error {
    let unsound = |value: &f32| value.to_bits() & !SIGN > MAX_AMPLITUDE.to_bits();
    match samples.iter().enumerate().find(|(_, value)| unsound(value)) {
        Some((index, value)) if value.is_finite() => Error::TooLoud { index, value: *value },
        Some((index, _)) => Error::NotFinite { index },
        None => Error::Empty,
    }
}

#[cfg(test)]
mod tests {
    use super::{Measure, Waveform};
    use crate::error::{Error, Result};
    use crate::signals::{Noise, noise};
    use crate::spectrum::simd::{Real, Tier};

    fn measure(samples: &[f32]) -> Vec<Result<Waveform>> {
        Tier::available().into_iter().map(|tier| f32::dispatch(tier, Measure(samples))).collect()
    }

    /// Padded with its end values, cut into frames, counted.
    fn rate_by_definition(samples: &[f32]) -> f64 {
        let n = samples.len() as isize;
        let sample = |at: isize| samples[at.clamp(0, n - 1) as usize];
        let negative = |at: isize| sample(at) < -1e-10;
        let n_frames = 1 + n / 512;
        let crossings = |t: isize| {
            let start = 512 * t - 1024;
            (start + 1..start + 2048).filter(|at| negative(*at) != negative(at - 1)).count()
        };
        (0..n_frames).map(crossings).sum::<usize>() as f64 / (2048 * n_frames) as f64
    }

    #[test]
    fn the_rate_is_that_of_the_definition_at_every_length() {
        let mut random = Noise::new(9);
        let samples: Vec<f32> =
            (0..6000).map(|_| (random.next() + 0.3 * random.next().signum()) as f32).collect();
        for n in (1..40).chain(500..530).chain(1020..1030).chain((1500..6000).step_by(331)) {
            let expected = rate_by_definition(&samples[..n]);
            for waveform in measure(&samples[..n]) {
                let rate = waveform.map(|waveform| waveform.zero_crossing_rate);
                assert!(rate.is_ok_and(|rate| (rate - expected).abs() < 1e-12), "{n} samples");
            }
        }
    }

    #[test]
    fn energy_is_the_mean_square() {
        let samples = noise(4, 5001);
        let expected: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 5001.0;
        for waveform in measure(&samples) {
            let energy = waveform.map(|waveform| waveform.energy);
            assert!(energy.is_ok_and(|energy| (energy / expected - 1.0).abs() < 1e-6));
        }
    }

    #[test]
    fn values_too_close_to_zero_have_no_sign() {
        let samples: Vec<f32> =
            (0..2000).map(|n| if n % 2 == 0 { 1e-11 } else { -1e-11 }).collect();
        for waveform in measure(&samples) {
            assert!(waveform.is_ok_and(|waveform| waveform.zero_crossing_rate == 0.0));
        }
    }

    #[test]
    fn the_first_unusable_sample_is_named() {
        let mut samples = noise(5, 3000);
        samples[2900] = f32::NAN;
        samples[1700] = f32::NEG_INFINITY;
        assert!(
            measure(&samples).into_iter().all(|it| it == Err(Error::NotFinite { index: 1700 }))
        );
        samples[600] = -2e12;
        let error = Error::TooLoud { index: 600, value: -2e12 };
        assert!(measure(&samples).into_iter().all(|it| it == Err(error.clone())));
        assert!(measure(&[]).into_iter().all(|it| it == Err(Error::Empty)));
    }
}
