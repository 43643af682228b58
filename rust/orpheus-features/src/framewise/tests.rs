//! Every tier and precision against plain definitions, and every feature of a signal against the same
//! feature of its spectrogram.

use super::chroma::{Chroma, ChromaNorm};
use super::contrast::Contrast;
use super::decibels::Decibels;
use super::mel::Mel;
use super::mfcc::Mfcc;
use super::samples::{Samples, Signals, Values};
use super::shape::{Bandwidth, Centroid, Flatness, Rolloff};
use super::spectra::{Compute, KindOf, SpectraOf, Transform};
use super::tuning::Tuning;
use crate::signals::{Noise, tune};
use crate::spectrum::framing::Padding;
use crate::spectrum::simd::{Real, Tier};
use crate::spectrum::window::WindowShape;
use crate::vector::classical::Precision;

const RATE: f64 = 8000.0;
const N_BINS: usize = 129;
const N_FFT: usize = 256;
/// No multiple of any vector.
const N_FRAMES: usize = 37;

/// Columns of noise, of tilted noise, of lone peaks and of silence, for two signals.
fn spectrogram() -> Vec<f64> {
    let mut random = Noise::new(7);
    let mut values = vec![0.0; 2 * N_BINS * N_FRAMES];
    for (at, value) in values.iter_mut().enumerate() {
        let (bin, frame) = (at / N_FRAMES % N_BINS, at % N_FRAMES);
        *value = match frame % 4 {
            0 => random.next().abs() + 1e-3,
            1 => (random.next().abs() + 1e-3) / (1.0 + bin as f64),
            2 => {
                if bin == frame {
                    3.0
                } else {
                    1e-4
                }
            }
            _ => 0.0,
        };
    }
    values
}

fn frequencies() -> Vec<f64> {
    (0..N_BINS).map(|k| k as f64 * RATE / N_FFT as f64).collect()
}

fn on<R: Real>(tier: Tier, feature: &impl Compute, values: &[f64]) -> Vec<f64> {
    let values: Vec<R> = values.iter().map(|value| R::from_f64(*value)).collect();
    let kind = KindOf::Given { values: &values, n_bins: N_BINS, n_frames: N_FRAMES };
    let lines = feature.compute(&SpectraOf { tier, kind }).unwrap();
    lines.values.iter().map(|value| value.to_f64()).collect()
}

/// Compares every tier with lines that `define` computes from one column.
fn every_tier_agrees(
    name: &str,
    feature: &impl Compute,
    n_lines: usize,
    single_tolerance: f64,
    define: impl Fn(&[f64]) -> Vec<f64>,
) {
    let values = spectrogram();
    let mut expected = vec![0.0; 2 * n_lines * N_FRAMES];
    for signal in 0..2 {
        for frame in 0..N_FRAMES {
            let at = |bin: usize| values[(signal * N_BINS + bin) * N_FRAMES + frame];
            let column: Vec<f64> = (0..N_BINS).map(at).collect();
            for (line, value) in define(&column).into_iter().enumerate() {
                expected[(signal * n_lines + line) * N_FRAMES + frame] = value;
            }
        }
    }
    for tier in Tier::available() {
        let found = [on::<f32>(tier, feature, &values), on::<f64>(tier, feature, &values)];
        for (found, tolerance) in found.iter().zip([single_tolerance, 1e-6]) {
            assert_eq!(found.len(), expected.len());
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let error = (found - expected).abs();
                assert!(
                    error <= tolerance * expected.abs().max(1e-3),
                    "{name} on {}, {at}: {found} against {expected}",
                    tier.name()
                );
            }
        }
    }
}

fn centre(column: &[f64]) -> (f64, f64) {
    let total: f64 = column.iter().sum();
    let sum: f64 = column.iter().zip(frequencies()).map(|(m, hz)| m * hz).sum();
    if total > 0.0 { (sum / total, total) } else { (0.0, 1.0) }
}

#[test]
fn centroids_are_those_of_the_definition() {
    let feature = Centroid { frequencies: &frequencies() };
    every_tier_agrees("centroid", &feature, 1, 1e-5, |column| vec![centre(column).0]);
}

#[test]
fn bandwidths_are_those_of_the_definition() {
    let frequencies = frequencies();
    for (p, normalize) in [(2.0, true), (2.0, false), (3.0, true)] {
        let feature = Bandwidth { frequencies: &frequencies, centroids: None, normalize, p };
        every_tier_agrees("bandwidth", &feature, 1, 1e-4, |column| {
            let (centroid, total) = centre(column);
            let total = if normalize { total } else { 1.0 };
            let far = |(m, hz): (&f64, &f64)| m / total * (hz - centroid).abs().powf(p);
            vec![column.iter().zip(&frequencies).map(far).sum::<f64>().powf(1.0 / p)]
        });
    }
}

#[test]
fn roll_offs_are_those_of_the_definition() {
    let frequencies = frequencies();
    for share in [0.05, 0.5, 0.85] {
        let feature = Rolloff { frequencies: &frequencies, share };
        every_tier_agrees("roll-off", &feature, 1, 1e-6, |column| {
            let total: f64 = column.iter().sum();
            let mut sum = 0.0;
            let reaches = |m: &f64| {
                sum += m;
                sum >= share * total
            };
            vec![frequencies[column.iter().position(reaches).unwrap()]]
        });
    }
}

#[test]
fn flatness_is_that_of_the_definition() {
    for power in [2.0, 1.0, 0.7] {
        let feature = Flatness { amin: 1e-10, power };
        every_tier_agrees("flatness", &feature, 1, 1e-4, |column| {
            let powers = || column.iter().map(|m| m.powf(power).max(1e-10));
            let logarithm = powers().map(f64::ln).sum::<f64>() / N_BINS as f64;
            vec![logarithm.exp() / (powers().sum::<f64>() / N_BINS as f64)]
        });
    }
}

#[test]
fn contrasts_are_those_of_the_definition_however_many_bins_are_peaks() {
    let frequencies = frequencies();
    for quantile in [0.02, 0.2, 0.6] {
        let feature = Contrast {
            sample_rate: RATE,
            frequencies: &frequencies,
            fmin: 250.0,
            n_bands: 3,
            quantile,
            linear: true,
        };
        // Bins are 31.25 Hz apart. A band ends where the next one begins, with the bin before.
        let bands = [0..8, 7..16, 15..32, 31..129];
        let sizes = [9, 10, 18, 98];
        every_tier_agrees("contrast", &feature, 4, 1e-5, |column| {
            let contrast = |(band, size): (&std::ops::Range<usize>, &usize)| {
                let mut values = column[band.clone()].to_vec();
                values.sort_by(f64::total_cmp);
                let n = (quantile * *size as f64).round_ties_even().max(1.0) as usize;
                let n = n.min(values.len());
                let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
                mean(&values[values.len() - n..]) - mean(&values[..n])
            };
            bands.iter().zip(&sizes).map(contrast).collect()
        });
    }
}

#[test]
fn the_cosine_transform_is_that_of_the_definition_and_lifted() {
    let mel = mel(40);
    for (ortho, lifter) in [(true, 0.0), (false, 0.0), (true, 22.0)] {
        let feature = Mfcc { mel, n_mfcc: 15, ortho, lifter };
        every_tier_agrees("mfcc", &feature, 15, 1e-3, |column| {
            let n = N_BINS as f64;
            let coefficient = |k: usize| {
                let angle = |m: usize| std::f64::consts::PI * k as f64 * (m as f64 + 0.5) / n;
                let sum: f64 = column.iter().enumerate().map(|(m, x)| x * angle(m).cos()).sum();
                let scale = if k == 0 { 1.0 / n } else { 2.0 / n }.sqrt();
                let lift = if lifter > 0.0 {
                    let angle = std::f64::consts::PI * (k + 1) as f64 / lifter;
                    1.0 + lifter / 2.0 * angle.sin()
                } else {
                    1.0
                };
                if ortho { sum * scale * lift } else { 2.0 * sum }
            };
            (0..15).map(coefficient).collect()
        });
    }
}

#[test]
fn any_number_of_pitch_classes_is_scaled_to_any_length() {
    for (n_chroma, norm) in
        [(12, ChromaNorm::Exponent(2.0)), (7, ChromaNorm::Largest), (30, ChromaNorm::Exponent(1.0))]
    {
        let feature = Chroma { n_chroma, norm, ..chroma() };
        let values = spectrogram();
        let exact = on::<f64>(Tier::available()[0], &feature, &values);
        for tier in Tier::available() {
            for (found, tolerance) in [
                (on::<f32>(tier, &feature, &values), 1e-5),
                (on::<f64>(tier, &feature, &values), 1e-12),
            ] {
                for (found, exact) in found.iter().zip(&exact) {
                    assert!((found - exact).abs() < tolerance, "{}: {found}, {exact}", tier.name());
                }
            }
        }
        for frame in 0..N_FRAMES {
            let notes: Vec<f64> =
                (0..n_chroma).map(|note| exact[note * N_FRAMES + frame]).collect();
            let length = match norm {
                ChromaNorm::Exponent(p) => notes.iter().map(|note| note.powf(p)).sum::<f64>(),
                _ => notes.iter().copied().fold(0.0, f64::max),
            };
            let expected = if frame % 4 == 3 { 0.0 } else { 1.0 };
            assert!((length - expected).abs() < 1e-9, "{frame}: {length}");
        }
    }
}

fn chroma() -> Chroma {
    Chroma {
        sample_rate: RATE,
        n_fft: N_FFT,
        n_chroma: 12,
        tuning: Some(0.1),
        centre_octave: 5.0,
        octave_width: Some(2.0),
        starts_at_c: true,
        norm: ChromaNorm::Largest,
    }
}

fn mel(n_mels: usize) -> Mel {
    let (fmin, fmax) = (0.0, RATE / 2.0);
    let (htk, slaney_norm) = (false, true);
    Mel { sample_rate: RATE, n_fft: N_FFT, power: 2.0, n_mels, fmin, fmax, htk, slaney_norm }
}

/// The feature of two signals, on one tier, in one precision.
fn transformed<R: Real>(tier: Tier, feature: &impl Compute, signals: &[f32]) -> Vec<f64> {
    let window = WindowShape::Hann.periodic(N_FFT);
    let precision = Precision::Fast;
    let transform = Transform::new(N_FFT, 100, &window, Padding::Reflect, precision).unwrap();
    let signals = Signals::new(signals, signals.len() / 2).unwrap();
    let spectra = SpectraOf::<R>::transformed(tier, signals, &transform).unwrap();
    let lines = feature.compute(&spectra).unwrap();
    lines.values.iter().map(|value| value.to_f64()).collect()
}

fn tiers_agree_on_signals(name: &str, feature: &impl Compute, tolerance: f64) {
    let signals = tune(4, 9000);
    let exact = transformed::<f64>(Tier::available()[0], feature, &signals);
    for tier in Tier::available() {
        let single = transformed::<f32>(tier, feature, &signals);
        let double = transformed::<f64>(tier, feature, &signals);
        for (at, exact) in exact.iter().enumerate() {
            let scale = exact.abs().max(1.0);
            let error = (double[at] - exact).abs();
            assert!(error < 1e-9 * scale, "{name} in float64 on {}: {error}", tier.name());
            let error = (single[at] - exact).abs();
            assert!(error < tolerance * scale, "{name} in float32 on {}: {error}", tier.name());
        }
    }
}

#[test]
fn every_tier_gives_the_same_for_signals() {
    let frequencies = frequencies();
    tiers_agree_on_signals("centroid", &Centroid { frequencies: &frequencies }, 1e-4);
    tiers_agree_on_signals("mel", &mel(40), 1e-4);
    tiers_agree_on_signals("mel of magnitudes", &Mel { power: 1.0, ..mel(33) }, 1e-4);
    let mfcc = Mfcc { mel: mel(40), n_mfcc: 20, ortho: true, lifter: 0.0 };
    tiers_agree_on_signals("mfcc", &mfcc, 1e-3);
    // With a tuning that is estimated: from spectra that are kept.
    tiers_agree_on_signals("chroma", &Chroma { tuning: None, ..chroma() }, 1e-4);
    tiers_agree_on_signals("tuning", &Tuning::librosa(RATE, N_FFT, 12), 1e-6);
}

#[test]
fn levels_are_those_of_the_definition_at_every_length() {
    let mut random = Noise::new(1);
    let powers: Vec<f64> = (0..70).map(|_| random.next().abs().powi(9)).collect();
    let options = Decibels { reference: 0.5, amin: 1e-8, top_db: Some(60.0) };
    for n in 0..70 {
        let powers = &powers[..n];
        let level = |power: &f64| 10.0 * power.max(1e-8).log10() - 10.0 * 0.5_f64.log10();
        let highest = powers.iter().map(level).fold(f64::MIN, f64::max);
        let single: Vec<f32> = powers.iter().map(|power| *power as f32).collect();
        let room = &|n_values| Vec::with_capacity(n_values);
        let found = [Samples::F32(&single), Samples::F64(powers)];
        let found = found.map(|powers| options.of(powers, false, room));
        for (found, tolerance) in found.into_iter().zip([1e-4, 1e-9]) {
            let found: Vec<f64> = match found.unwrap() {
                Values::F32(values) => values.into_iter().map(f64::from).collect(),
                Values::F64(values) => values,
            };
            for (found, power) in found.iter().zip(powers) {
                assert!((found - level(power).max(highest - 60.0)).abs() < tolerance, "{n}");
            }
        }
    }
}

#[test]
fn every_tier_finds_the_level_of_frames_of_any_length() {
    let signals = [tune(5, 3000), vec![0.0; 3000]].concat();
    for (length, hop) in [(1, 700), (31, 100), (64, 333), (500, 90), (2048, 512)] {
        let frames = super::Frames::new(length, hop, Padding::Edge).unwrap();
        let framing = frames.framing();
        let batch = Signals::new(&signals, 3000).unwrap();
        for tier in Tier::available() {
            let single = super::rms::of_signals::<f32>(tier, batch, frames).unwrap();
            let double = super::rms::of_signals::<f64>(tier, batch, frames).unwrap();
            let n_frames = framing.n_frames(3000);
            assert_eq!(single.shape, [2, 1, n_frames]);
            let mut frame = vec![0.0_f32; length];
            for t in 0..n_frames {
                framing.stage(&signals[..3000], framing.start_of(t), &mut frame);
                let squares = frame.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
                let expected = (squares / length as f64).sqrt();
                assert!((double.values[t] - expected).abs() < 1e-12, "{}", tier.name());
                assert!((f64::from(single.values[t]) - expected).abs() < 1e-6, "{}", tier.name());
                assert!(double.values[n_frames + t].abs() < 1e-15);
            }
        }
    }
}

#[test]
fn spectra_are_written_bin_by_bin() {
    let signals = tune(6, 2 * 5000);
    let n_frames = 51;
    for tier in Tier::available() {
        let complex = transformed::<f64>(tier, &Complex, &signals);
        let magnitudes = transformed::<f64>(tier, &Bins, &signals);
        assert_eq!(complex.len(), 2 * N_BINS * 2 * n_frames);
        for (pair, magnitude) in complex.chunks_exact(2).zip(&magnitudes) {
            assert!((pair[0].hypot(pair[1]) - magnitude).abs() < 1e-9, "{}", tier.name());
        }
    }
}

/// Real and imaginary parts.
struct Complex;

impl Compute for Complex {
    fn compute<R: Real>(
        &self,
        spectra: &SpectraOf<'_, R>,
    ) -> crate::error::Result<super::table::Lines<R>> {
        super::stft::complex(spectra, super::table::zeros)
    }
}

/// Magnitudes, as they come.
struct Bins;

impl Compute for Bins {
    fn compute<R: Real>(
        &self,
        spectra: &SpectraOf<'_, R>,
    ) -> crate::error::Result<super::table::Lines<R>> {
        let lines =
            super::table::Lines::new(spectra.n_signals(), spectra.n_bins(), spectra.n_frames())?;
        let mut visitor = Copies(lines);
        super::visit::visit(spectra, super::spectra::Quantity::Magnitude, &mut visitor);
        Ok(visitor.0)
    }
}

struct Copies<R>(super::table::Lines<R>);

impl<R: Real> super::visit::Visitor<R> for Copies<R> {
    #[inline(always)]
    fn visit<S: crate::spectrum::simd::Simd<Real = R>>(
        &mut self,
        simd: S,
        spectrum: &[S::V],
        place: super::visit::Place,
    ) {
        for (bin, value) in spectrum.iter().enumerate() {
            self.0.put(simd, bin, place, *value);
        }
    }
}
