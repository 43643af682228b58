//! Tempo: the period at which the onset strength repeats, weighted towards 120 beats per minute.
//!
//! The autocorrelation is taken in 8-s Hann windows around every frame, each scaled to one at lag
//! zero, and averaged.

use super::autocorrelation::{MovingWindow, WindowBuffers, WindowTables};
use super::comb::TempoPrior;
use super::{check_rate, check_strength, within};
use crate::error::{Error, Result};
use crate::spectrum::buffer::Buffer;
use crate::spectrum::simd::{Kernel, Real, Simd, Tier};
use crate::spectrum::stft::HOP_LENGTH;

/// Length of the autocorrelation windows.
const WINDOW_SECONDS: f64 = 8.0;
/// The longest window, in frames.
const MAX_WINDOW: usize = 1 << 16;
/// What the autocorrelation is multiplied by before the logarithm.
const LOG_GAIN: f64 = 1e6;

/// Everything about tempo estimation that depends on the sample rate only.
#[derive(Debug)]
pub(crate) struct TempoPlan {
    windows: WindowTables,
    /// Beats per minute at each lag.
    bpm: Vec<f64>,
    /// Logarithm of each lag's weight; minus infinity where it is ruled out.
    weights: Vec<f64>,
}

/// How a tempo is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TempoParameters {
    /// Of the signal.
    pub sample_rate: f64,
    /// Samples between frames.
    pub hop_length: usize,
    /// The most likely tempo; the weight falls off by the square of the distance in octaves.
    pub prior: TempoPrior,
    /// Length of the autocorrelation windows, in seconds.
    pub ac_size: f64,
}

/// Memory for [`Tempo`].
#[derive(Debug, Default)]
pub(crate) struct TempoBuffers {
    padded: Buffer<f64>,
    windows: WindowBuffers,
    correlation: Buffer<f64>,
}

impl TempoPlan {
    /// Computes the tables of the classical features.
    pub(crate) fn new(sample_rate: u32) -> Self {
        let n_window = sample_rate as usize * WINDOW_SECONDS as usize / HOP_LENGTH;
        Self::with(
            &TempoParameters {
                sample_rate: sample_rate.into(),
                hop_length: HOP_LENGTH,
                prior: TempoPrior::default(),
                ac_size: WINDOW_SECONDS,
            },
            n_window,
        )
    }

    fn with(parameters: &TempoParameters, n_window: usize) -> Self {
        let TempoParameters { sample_rate, hop_length, prior, .. } = *parameters;
        let bpm = |lag: usize| 60.0 * sample_rate / (hop_length as f64 * lag as f64);
        let bpm: Vec<f64> = (0..n_window).map(bpm).collect();
        // Where no lag is slow enough, the reference rules out none.
        let first = bpm.iter().position(|bpm| *bpm < prior.max_tempo).unwrap_or(0);
        let weight = |(lag, bpm): (usize, &f64)| {
            let octaves = (bpm.log2() - prior.start_bpm.log2()) / prior.std_bpm;
            if lag < first.max(1) { f64::NEG_INFINITY } else { -0.5 * octaves * octaves }
        };
        let weights = bpm.iter().enumerate().map(weight).collect();
        Self { windows: WindowTables::new(n_window), bpm, weights }
    }

    /// The tempo of the most likely lag; the first of equals.
    fn pick(&self, correlation: &[f64], n_frames: usize) -> f64 {
        let gain = LOG_GAIN / n_frames as f64;
        let (mut best, mut best_score) = (0, f64::NEG_INFINITY);
        for (lag, (weight, value)) in self.weights.iter().zip(correlation).enumerate() {
            let score = (gain * value).ln_1p() + weight;
            if score > best_score {
                (best, best_score) = (lag, score);
            }
        }
        self.bpm[best]
    }
}

/// Beats per minute of a signal with the given onset strengths, with the numbers of librosa 0.11.
/// Without onsets, the most likely tempo.
///
/// # Errors
///
/// [`Error::Empty`] or [`Error::NotFinite`] for what holds no strengths, [`Error::Parameter`] for a
/// window shorter than two frames or longer than 65536, and for what is no rate or no prior.
pub fn likely_tempo(strength: &[f32], parameters: &TempoParameters) -> Result<f64> {
    check_strength(strength)?;
    check_rate(parameters.sample_rate)?;
    parameters.prior.check()?;
    within("hop_length", parameters.hop_length as f64, 1.0, 1e9)?;
    within("ac_size", parameters.ac_size, 0.0, 1e6)?;
    let n_window = (parameters.ac_size * parameters.sample_rate) as usize / parameters.hop_length;
    if !(2..=MAX_WINDOW).contains(&n_window) {
        let expected = format!("seconds that hold 2 to {MAX_WINDOW} frames");
        let given = parameters.ac_size.to_string();
        return Err(Error::Parameter { name: "ac_size", given, expected });
    }
    let plan = TempoPlan::with(parameters, n_window);
    if strength.iter().all(|value| *value == 0.0) {
        return Ok(plan.pick(&vec![0.0; n_window], strength.len()));
    }
    let strength: Vec<f64> = strength.iter().map(|value| f64::from(*value)).collect();
    let mut buffers = TempoBuffers::default();
    let job = Tempo { plan: &plan, strength: &strength, buffers: &mut buffers };
    Ok(f64::dispatch(Tier::best(), job))
}

/// Beats per minute of a signal whose frames have the given onset strengths; zero where no frame
/// has any.
pub(crate) struct Tempo<'a> {
    /// The tables for the sample rate.
    pub(crate) plan: &'a TempoPlan,
    /// One value per frame, at least zero.
    pub(crate) strength: &'a [f64],
    /// Memory to work in.
    pub(crate) buffers: &'a mut TempoBuffers,
}

impl Kernel<f64> for Tempo<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd<Real = f64>>(self, simd: S) -> f64 {
        let Self { plan, strength, buffers } = self;
        if strength.iter().all(|value| *value == 0.0) {
            return 0.0;
        }
        let tables = &plan.windows;
        let (n_window, n_padded) = (tables.n_window(), tables.n_padded());
        let padded = buffers.padded.take(strength.len() + n_window + n_padded);
        pad(strength, n_window / 2, padded);

        let mut window = MovingWindow::new(tables, &mut buffers.windows);
        let sample = |at: isize| usize::try_from(at).map_or(0.0, |at| padded[at]);
        // The last window that holds nothing ends where the first onset begins.
        let first = padded.iter().position(|value| *value != 0.0).unwrap_or(0);
        let empty = first as isize - n_window as isize;
        for frame in empty..strength.len() as isize {
            if let Ok(start) = usize::try_from(frame) {
                window.add(simd, &padded[start..]);
            }
            window.advance(simd, sample(frame), sample(frame + n_window as isize));
        }
        let correlation = buffers.correlation.take(n_padded);
        window.autocorrelation(simd, correlation);
        plan.pick(correlation, strength.len())
    }
}

/// The onset strengths between ramps of `half` frames, up from zero and down to it.
fn pad(strength: &[f64], half: usize, padded: &mut [f64]) {
    padded.fill(0.0);
    let (before, rest) = padded.split_at_mut(half);
    let (inside, after) = rest.split_at_mut(strength.len());
    inside.copy_from_slice(strength);
    let [first, last] =
        [strength.first(), strength.last()].map(|edge| edge.copied().unwrap_or(0.0));
    let ramp = |edge: f64, step: usize| f64::from((edge / half as f64 * step as f64) as f32);
    for (step, place) in before.iter_mut().enumerate() {
        *place = ramp(first, step);
    }
    for (place, step) in after.iter_mut().zip((0..half).rev()) {
        *place = ramp(last, step);
    }
}

#[cfg(test)]
mod tests {
    use super::{Tempo, TempoBuffers, TempoPlan};
    use crate::signals::Noise;
    use crate::spectrum::simd::{Real, Tier};

    fn tempi(strength: &[f64], sample_rate: u32) -> Vec<f64> {
        let plan = TempoPlan::new(sample_rate);
        let mut buffers = TempoBuffers::default();
        Tier::available()
            .into_iter()
            .map(|tier| f64::dispatch(tier, Tempo { plan: &plan, strength, buffers: &mut buffers }))
            .collect()
    }

    /// Windows, their autocorrelations scaled to one, their mean, and the best lag.
    fn by_definition(strength: &[f64], sample_rate: u32) -> f64 {
        let n_window = sample_rate as usize * 8 / 512;
        let half = n_window / 2;
        let last = strength[strength.len() - 1];
        let ramp = (0..half).rev().map(|step| last * step as f64 / half as f64);
        let rise = (0..half).map(|step| strength[0] * step as f64 / half as f64);
        let padded: Vec<f64> =
            rise.chain(strength.iter().copied()).chain(ramp).chain([0.0]).collect();
        let hann =
            |i: usize| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / n_window as f64).cos();
        let mut mean = vec![0.0; n_window];
        for frame in 0..strength.len() {
            let window: Vec<f64> = (0..n_window).map(|i| hann(i) * padded[frame + i]).collect();
            let energy: f64 = window.iter().map(|x| x * x).sum();
            if energy > 0.0 {
                for (lag, mean) in mean.iter_mut().enumerate() {
                    let products = window.iter().zip(&window[lag..]).map(|(a, b)| a * b);
                    *mean += products.sum::<f64>() / energy / strength.len() as f64;
                }
            }
        }
        let bpm = |lag: usize| 60.0 * f64::from(sample_rate) / (512 * lag) as f64;
        let score = |lag: usize| {
            (1e6 * mean[lag]).ln_1p() - 0.5 * (bpm(lag).log2() - 120.0_f64.log2()).powi(2)
        };
        let best = (1..n_window)
            .filter(|lag| bpm(*lag) < 320.0)
            .reduce(|best, lag| if score(lag) > score(best) { lag } else { best });
        best.map_or(0.0, bpm)
    }

    /// Beats every `period` frames, with noise between them.
    fn beats(seed: u64, n_frames: usize, period: f64) -> Vec<f64> {
        let mut random = Noise::new(seed);
        (0..n_frames)
            .map(|frame| {
                let beat = (frame as f64 % period) < 1.0;
                f64::from(beat) * 5.0 + random.next().max(0.0)
            })
            .collect()
    }

    #[test]
    fn every_tier_finds_the_tempo_that_the_definition_gives() {
        let lengths =
            [(4, 22_050), (17, 22_050), (216, 22_050), (500, 16_000), (431, 44_100), (90, 1000)];
        for (case, (n_frames, sample_rate)) in lengths.into_iter().enumerate() {
            for period in [11.3, 21.5, 34.0] {
                let strength = beats(case as u64, n_frames, period);
                let expected = by_definition(&strength, sample_rate);
                for tempo in tempi(&strength, sample_rate) {
                    assert!((tempo - expected).abs() < 1e-9, "{tempo}, expected {expected}");
                }
            }
        }
    }

    #[test]
    fn a_beat_of_half_a_second_is_120_per_minute() {
        let frames_per_beat = 22_050.0 / 512.0 / 2.0;
        for tempo in tempi(&beats(1, 430, frames_per_beat), 22_050) {
            assert!((tempo - 120.0).abs() < 4.0, "{tempo}");
        }
    }

    #[test]
    fn silence_has_no_tempo() {
        assert!(tempi(&[0.0; 216], 22_050).iter().all(|tempo| tempo.abs() < 1e-9));
        assert!(tempi(&[0.0], 22_050).iter().all(|tempo| tempo.abs() < 1e-9));
    }

    #[test]
    fn a_long_pause_after_something_loud_does_not_disturb_what_follows() {
        let pause = vec![0.0; 800];
        let strength = [vec![0.0, 0.0, 0.0, 80.0, 75.0], pause, beats(2, 300, 20.0)].concat();
        let expected = by_definition(&strength, 22_050);
        for tempo in tempi(&strength, 22_050) {
            assert!((tempo - expected).abs() < 1e-9, "{tempo}, expected {expected}");
        }
    }
}
