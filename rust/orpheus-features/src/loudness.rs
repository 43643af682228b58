//! Loudness by ITU-R BS.1770-5, loudness range by EBU Tech 3342, true peak by BS.1770 Annex 2.
//!
//! [`LoudnessMeter`] takes a signal block by block and keeps one number per tenth of a second.

mod gating;
mod true_peak;
mod weighting;

use crate::error::{Error, Result};
use crate::spectrum::simd::Tier;
use gating::Tenths;
use true_peak::TruePeak;
use weighting::KWeighting;

/// Lowest sample rate that can be measured: the K weighting's shelf must lie within the band.
pub const MIN_SAMPLE_RATE: u32 = 8_000;
/// Highest sample rate that can be measured.
pub const MAX_SAMPLE_RATE: u32 = 384_000;
/// Most channels of one signal.
pub const MAX_CHANNELS: usize = 64;
/// Samples beyond this are refused, as their squares would not be numbers in the end.
const MAX_AMPLITUDE: f32 = 1e12;
/// Samples that are worked on at a time.
const BLOCK: usize = 1024;

/// How loud a signal is. Levels of a signal without any are minus infinity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Integrated (programme) loudness, LUFS: the mean over blocks of 400 ms that pass both gates.
    pub integrated_lufs: f64,
    /// Loudness range, LU.
    pub range_lu: f64,
    /// Loudest 400 ms, LUFS.
    pub momentary_max_lufs: f64,
    /// Loudest 3 s, LUFS.
    pub short_term_max_lufs: f64,
    /// Largest magnitude between the samples, dB relative to full scale.
    pub true_peak_dbtp: f64,
    /// Largest magnitude of the samples, dB relative to full scale.
    pub sample_peak_dbfs: f64,
}

/// The weights of BS.1770 for a number of channels in the order of WAV files (left, right, centre,
/// LFE, back, sides): 1.41 beside the listener, 0 for the LFE, 1 elsewhere.
///
/// # Errors
///
/// [`Error::Parameter`] for other than 1 to 6 or 8 channels.
pub fn channel_weights(n_channels: usize) -> Result<&'static [f64]> {
    match n_channels {
        1 => Ok(&[1.0]),
        2 => Ok(&[1.0; 2]),
        3 => Ok(&[1.0; 3]),
        4 => Ok(&[1.0, 1.0, 1.41, 1.41]),
        5 => Ok(&[1.0, 1.0, 1.0, 1.41, 1.41]),
        6 => Ok(&[1.0, 1.0, 1.0, 0.0, 1.41, 1.41]),
        // The pair at the back is beyond 120 degrees.
        8 => Ok(&[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41]),
        given => Err(parameter("n_channels", &given, "1 to 6 or 8, or weights for every channel")),
    }
}

fn parameter(name: &'static str, given: &impl ToString, expected: &str) -> Error {
    Error::Parameter { name, given: given.to_string(), expected: expected.to_owned() }
}

/// Measures a signal of any length, block by block.
#[derive(Debug)]
pub struct LoudnessMeter {
    channels: Vec<Channel>,
    tenths: Tenths,
    tier: Tier,
    n_samples: usize,
}

/// What is kept of one channel.
#[derive(Debug)]
struct Channel {
    weight: f64,
    filter: KWeighting,
    true_peak: TruePeak,
    sample_peak: f32,
}

impl LoudnessMeter {
    /// A meter for `weights.len()` channels, each of whose energy counts by its weight.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for a rate outside [`MIN_SAMPLE_RATE`]..=[`MAX_SAMPLE_RATE`], for no or
    /// more than [`MAX_CHANNELS`] channels, and for a weight that is negative or no number.
    pub fn new(sample_rate: u32, weights: &[f64]) -> Result<Self> {
        if !(MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(&sample_rate) {
            let expected = format!("{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}");
            return Err(parameter("sr", &sample_rate, &expected));
        }
        if !(1..=MAX_CHANNELS).contains(&weights.len()) {
            return Err(parameter("n_channels", &weights.len(), &format!("1 to {MAX_CHANNELS}")));
        }
        if let Some(wrong) = weights.iter().find(|weight| !(0.0..=1e3).contains(*weight)) {
            return Err(parameter("channel_weights", wrong, "numbers from 0 to 1000"));
        }
        let filter = KWeighting::new(sample_rate);
        let true_peak = TruePeak::new(sample_rate);
        let channel = |weight: &f64| Channel {
            weight: *weight,
            filter: filter.clone(),
            true_peak: true_peak.clone(),
            sample_peak: 0.0,
        };
        Ok(Self {
            channels: weights.iter().map(channel).collect(),
            tenths: Tenths::new(sample_rate),
            tier: Tier::best(),
            n_samples: 0,
        })
    }

    /// Measures what follows: `n_samples` of every channel, channel after channel.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if `samples` does not divide into the channels,
    /// [`Error::NotFinite`] or [`Error::TooLoud`] for samples that cannot be measured; the meter is
    /// of no use then.
    pub fn push(&mut self, samples: &[f32]) -> Result<()> {
        let n_channels = self.channels.len();
        if !samples.len().is_multiple_of(n_channels) {
            let expected = format!("a multiple of {n_channels} channels");
            return Err(parameter("the number of samples", &samples.len(), &expected));
        }
        let n_samples = samples.len() / n_channels;
        let mut start = 0;
        while start < n_samples {
            let length = (n_samples - start).min(BLOCK).min(self.tenths.n_left());
            let mut energy = 0.0;
            for (place, channel) in self.channels.iter_mut().enumerate() {
                let at = place * n_samples + start;
                let block = &samples[at..at + length];
                energy += channel.measure(self.tier, block).map_err(|error| error.moved_by(at))?;
            }
            self.tenths.add(energy, length);
            start += length;
        }
        self.n_samples += n_samples;
        Ok(())
    }

    /// What was measured.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if no sample was.
    pub fn finish(mut self) -> Result<Loudness> {
        if self.n_samples == 0 {
            return Err(Error::Empty);
        }
        let mut peaks = (0.0_f32, 0.0_f32);
        for channel in &mut self.channels {
            let between = channel.true_peak.finish(self.tier);
            // Interpolation ripples by a thousandth; the samples are points of the signal too.
            peaks.0 = peaks.0.max(between).max(channel.sample_peak);
            peaks.1 = peaks.1.max(channel.sample_peak);
        }
        let blocks = self.tenths.finish();
        Ok(Loudness {
            integrated_lufs: blocks.integrated(),
            range_lu: blocks.range(),
            momentary_max_lufs: blocks.momentary_max(),
            short_term_max_lufs: blocks.short_term_max(),
            true_peak_dbtp: 20.0 * f64::from(peaks.0).log10(),
            sample_peak_dbfs: 20.0 * f64::from(peaks.1).log10(),
        })
    }
}

impl Channel {
    /// Weighted energy of a block, once it is known to be numbers.
    fn measure(&mut self, tier: Tier, block: &[f32]) -> Result<f64> {
        let mut largest = 0.0_f32;
        let mut fit = true;
        for x in block {
            // The maximum steps over what is not a number.
            fit &= x.abs() <= MAX_AMPLITUDE;
            largest = largest.max(x.abs());
        }
        if !fit {
            return Err(refusal(block));
        }
        self.sample_peak = self.sample_peak.max(largest);
        self.true_peak.push(tier, block, self.sample_peak);
        // An LFE channel counts for the peaks only.
        Ok(if self.weight > 0.0 { self.weight * self.filter.energy(block) } else { 0.0 })
    }
}

/// Why a block is refused.
#[cold]
fn refusal(block: &[f32]) -> Error {
    let wrong = block.iter().enumerate().find(|(_, x)| x.is_nan() || x.abs() > MAX_AMPLITUDE);
    match wrong {
        Some((index, value)) if value.is_finite() => Error::TooLoud { index, value: *value },
        Some((index, _)) => Error::NotFinite { index },
        None => Error::NotFinite { index: 0 },
    }
}

/// Measures a whole signal: `n_channels` channels one after the other.
///
/// # Errors
///
/// As [`LoudnessMeter::new`], [`LoudnessMeter::push`] and [`LoudnessMeter::finish`].
pub fn loudness(samples: &[f32], sample_rate: u32, weights: &[f64]) -> Result<Loudness> {
    let mut meter = LoudnessMeter::new(sample_rate, weights)?;
    meter.push(samples)?;
    meter.finish()
}

#[cfg(test)]
mod tests {
    use super::{Loudness, LoudnessMeter, channel_weights, loudness};
    use crate::error::Error;
    use crate::signals::noise;

    const RATE: u32 = 48_000;

    fn sine(seconds: f64, hz: f64, level_db: f64) -> Vec<f32> {
        let amplitude = 10.0_f64.powf(level_db / 20.0);
        let step = std::f64::consts::TAU * hz / f64::from(RATE);
        let n_samples = (seconds * f64::from(RATE)) as usize;
        (0..n_samples).map(|n| (amplitude * (step * n as f64).sin()) as f32).collect()
    }

    fn stereo(mono: &[f32]) -> Loudness {
        let both = [mono, mono].concat();
        loudness(&both, RATE, &[1.0, 1.0]).unwrap()
    }

    #[test]
    fn a_sine_at_1_khz_has_the_loudness_of_its_level() {
        // EBU Tech 3341, test case 1: -23 dBFS in both channels is -23 LUFS.
        let found = stereo(&sine(20.0, 1000.0, -23.0));
        for value in [found.integrated_lufs, found.momentary_max_lufs, found.short_term_max_lufs] {
            assert!((value + 23.0).abs() < 0.02, "{found:?}");
        }
        assert!(found.range_lu < 0.1 && (found.sample_peak_dbfs + 23.0).abs() < 0.01);
    }

    #[test]
    fn blocks_of_any_length_measure_the_same_to_the_bit() {
        let samples = noise(3, 150_000);
        let whole = loudness(&samples, 44_100, &[1.0]).unwrap();
        for length in [1, 63, 4410, 5000, 149_999] {
            let mut meter = LoudnessMeter::new(44_100, &[1.0]).unwrap();
            for block in samples.chunks(length) {
                meter.push(block).unwrap();
            }
            let found = meter.finish().unwrap();
            assert!((found.integrated_lufs - whole.integrated_lufs).abs() < 1e-9);
            assert!((found.true_peak_dbtp - whole.true_peak_dbtp).abs() < 1e-4);
        }
    }

    #[test]
    fn silence_has_no_level() {
        let found = loudness(&vec![0.0; 96_000], RATE, &[1.0]).unwrap();
        for level in [found.integrated_lufs, found.true_peak_dbtp] {
            assert!(level.is_infinite() && level < 0.0);
        }
        assert!(found.range_lu.abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_measured_is_refused_by_position() {
        let mut samples = vec![0.1; 9000];
        samples[7001] = f32::NAN;
        let result = loudness(&samples, RATE, channel_weights(2).unwrap());
        assert_eq!(result, Err(Error::NotFinite { index: 7001 }));
        samples[7001] = -1e20;
        let result = loudness(&samples, RATE, &[1.0]);
        assert_eq!(result, Err(Error::TooLoud { index: 7001, value: -1e20 }));
        assert_eq!(loudness(&[], RATE, &[1.0]), Err(Error::Empty));
        assert!(loudness(&[0.0; 3], RATE, &[1.0, 1.0]).is_err());
        assert!(loudness(&[0.0; 3], 7999, &[1.0]).is_err());
        assert!(loudness(&[0.0; 3], RATE, &[]).is_err());
        assert!(loudness(&[0.0; 3], RATE, &[f64::NAN]).is_err());
    }
}
