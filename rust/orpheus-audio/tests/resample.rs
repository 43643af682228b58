//! What the resampler promises, measured.

use std::f64::consts::TAU;

use orpheus_audio::{Error, Quality, Resampler, resample};
use proptest::prelude::*;

/// The ratios that the models and features ask for, and both kinds of odd ones.
const PAIRS: [(u32, u32); 14] = [
    (44_100, 22_050),
    (44_100, 24_000),
    (44_100, 48_000),
    (44_100, 16_000),
    (48_000, 22_050),
    (48_000, 24_000),
    (48_000, 16_000),
    (48_000, 44_100),
    (96_000, 48_000),
    (32_000, 48_000),
    (22_050, 44_100),
    (8_000, 48_000),
    (44_100, 44_099),
    (37_801, 48_000),
];

const QUALITIES: [Quality; 2] = [Quality::High, Quality::Best];

/// Full scale, where float32 samples have the least noise of their own.
const AMPLITUDE: f64 = 1.0;

fn tone(rate: u32, hz: f64, n_samples: usize) -> Vec<f32> {
    let sample = |i: usize| (AMPLITUDE * (TAU * hz / f64::from(rate) * i as f64).sin()) as f32;
    (0..n_samples).map(sample).collect()
}

/// A tone after conversion, without the half that its beginning and its end could be felt in.
fn converted_tone((from, to): (u32, u32), hz: f64, quality: Quality) -> (Vec<f32>, usize) {
    let input = tone(from, hz, from as usize / 2);
    let output = resample(&input, from, to, quality).expect("the rates are within bounds");
    let quarter = output.len() / 4;
    (output[quarter..3 * quarter].to_vec(), quarter)
}

/// Amplitude of the part of `samples` that is in phase with the tone `hz`, and how many decibels all
/// that is not lies below it.
fn amplitude_and_snr(samples: &[f32], start: usize, rate: u32, hz: f64) -> (f64, f64) {
    let ideal = |i: usize| (TAU * hz / f64::from(rate) * (start + i) as f64).sin();
    let (mut product, mut square) = (0.0, 0.0);
    for (i, &sample) in samples.iter().enumerate() {
        product += f64::from(sample) * ideal(i);
        square += ideal(i) * ideal(i);
    }
    let gain = product / square;
    let rest = |(i, &sample): (usize, &f32)| (f64::from(sample) - gain * ideal(i)).powi(2);
    let rest: f64 = samples.iter().enumerate().map(rest).sum();
    (gain, decibel(gain * gain * square / rest))
}

fn decibel(power_ratio: f64) -> f64 {
    10.0 * power_ratio.log10()
}

/// Amplitude of the tone `hz` in `samples`, whatever its phase.
fn amplitude_at(samples: &[f32], rate: u32, hz: f64) -> f64 {
    let (mut re, mut im, mut weight) = (0.0, 0.0, 0.0);
    for (i, &sample) in samples.iter().enumerate() {
        // A Hann window keeps the tones apart.
        let window = 1.0 - (TAU * i as f64 / samples.len() as f64).cos();
        let (sin, cos) = (TAU * hz / f64::from(rate) * i as f64).sin_cos();
        re += window * f64::from(sample) * cos;
        im += window * f64::from(sample) * sin;
        weight += window;
    }
    2.0 * re.hypot(im) / weight
}

fn lower_nyquist((from, to): (u32, u32)) -> f64 {
    f64::from(from.min(to)) / 2.0
}

#[test]
fn pass_band_is_flat_to_93_percent_and_within_a_tenth_of_a_decibel_at_94() {
    for pair in PAIRS {
        for quality in QUALITIES {
            for (share, tolerance_db) in [(0.02, 1e-4), (0.5, 1e-4), (0.92, 1e-4), (0.94, 0.1)] {
                let hz = share * lower_nyquist(pair);
                let (samples, start) = converted_tone(pair, hz, quality);
                let (amplitude, _) = amplitude_and_snr(&samples, start, pair.1, hz);
                let gain_db = 2.0 * decibel(amplitude / AMPLITUDE);
                assert!(
                    gain_db.abs() < tolerance_db,
                    "{pair:?} {quality:?}: {gain_db} dB at {share} of the Nyquist frequency"
                );
            }
        }
    }
}

#[test]
fn tones_come_out_in_phase_with_noise_130_or_150_decibels_below() {
    for pair in PAIRS {
        // Best: samples rounded to float32, on the way in and again on the way out, allow no more.
        for (quality, least_db) in [(Quality::High, 130.0), (Quality::Best, 150.0)] {
            for share in [0.013, 0.11, 0.37, 0.61, 0.83, 0.93] {
                let hz = share * lower_nyquist(pair);
                let (samples, start) = converted_tone(pair, hz, quality);
                let (_, snr_db) = amplitude_and_snr(&samples, start, pair.1, hz);
                assert!(
                    snr_db >= least_db,
                    "{pair:?} {quality:?}: {snr_db:.1} dB at {share} of the Nyquist frequency"
                );
            }
        }
    }
}

#[test]
fn tones_above_the_new_nyquist_frequency_vanish() {
    for pair in PAIRS.into_iter().filter(|(from, to)| from > to) {
        for (quality, least_db) in [(Quality::High, 130.0), (Quality::Best, 150.0)] {
            let [low, high] = [lower_nyquist(pair), f64::from(pair.0) / 2.0];
            let near = [1.0005, 1.003, 1.01, 1.03].map(|share| share * low);
            let far = (1..12).map(|step| low + (high - low) * f64::from(step) / 12.0);
            for hz in near.into_iter().chain(far).filter(|&hz| hz < high) {
                let (samples, _) = converted_tone(pair, hz, quality);
                let power: f64 = samples.iter().map(|&x| f64::from(x).powi(2)).sum();
                let full = AMPLITUDE * AMPLITUDE * samples.len() as f64 / 2.0;
                let rejection_db = -decibel(power / full);
                assert!(
                    rejection_db >= least_db,
                    "{pair:?} {quality:?}: {rejection_db} dB at {hz}"
                );
            }
        }
    }
}

#[test]
fn images_of_tones_vanish() {
    for pair in PAIRS.into_iter().filter(|(from, to)| from < to) {
        let (from, to) = (f64::from(pair.0), f64::from(pair.1));
        for (quality, least_db) in [(Quality::High, 130.0), (Quality::Best, 150.0)] {
            for share in [0.2, 0.6, 0.9, 0.97, 0.995] {
                let hz = share * from / 2.0;
                let (samples, _) = converted_tone(pair, hz, quality);
                let images = (1..8).flat_map(|k| [-hz, hz].map(|hz| f64::from(k) * from + hz));
                for image in images.filter(|&image| image < to / 2.0) {
                    let level_db =
                        -2.0 * decibel(amplitude_at(&samples, pair.1, image) / AMPLITUDE);
                    assert!(level_db >= least_db, "{pair:?} {quality:?}: {level_db} dB at {image}");
                }
            }
        }
    }
}

#[test]
fn an_impulse_stays_where_it_is_and_spreads_evenly() {
    for (from, to) in PAIRS {
        for quality in QUALITIES {
            // Sample number `from / 10 · k` lies at a whole output sample if rates allow.
            let divisor = (1..=from).rev().find(|d| from % d == 0 && to % d == 0).unwrap_or(1);
            let [step_in, step_out] = [(from / divisor) as usize, (to / divisor) as usize];
            let periods = 3_000usize.div_ceil(step_in);
            let [place_in, place_out] = [periods * step_in, periods * step_out];
            let mut samples = vec![0.0; 2 * place_in];
            samples[place_in] = 1.0;
            let output = resample(&samples, from, to, quality).unwrap();
            let peak = (0..output.len()).max_by(|&a, &b| output[a].total_cmp(&output[b]));
            assert_eq!(peak, Some(place_out), "{from} to {to}, {quality:?}");
            for distance in 1..200 {
                let [before, after] = [output[place_out - distance], output[place_out + distance]];
                let difference = (before - after).abs();
                assert!(
                    difference < 1e-6,
                    "{from} to {to}, {quality:?}: {difference} at {distance}"
                );
            }
        }
    }
}

#[test]
fn a_constant_keeps_its_value() {
    for (from, to) in PAIRS {
        for quality in QUALITIES {
            let output = resample(&vec![0.5; from as usize / 4], from, to, quality).unwrap();
            for sample in &output[output.len() / 4..output.len() * 3 / 4] {
                assert!((sample - 0.5).abs() < 3e-7, "{from} to {to}, {quality:?}: {sample}");
            }
        }
    }
}

#[test]
fn silence_stays_silent() {
    for (from, to) in PAIRS {
        let output = resample(&vec![0.0; 10_000], from, to, Quality::High).unwrap();
        assert!(output.iter().all(|&sample| sample == 0.0), "{from} to {to}");
    }
}

#[test]
fn the_largest_ratios_keep_their_quality() {
    for pair in [(768_000, 3_000), (3_000, 768_000), (767_999, 3_001), (1_000, 255_999)] {
        let hz = 0.8 * lower_nyquist(pair);
        let (samples, start) = converted_tone(pair, hz, Quality::High);
        let (_, snr_db) = amplitude_and_snr(&samples, start, pair.1, hz);
        assert!(snr_db >= 130.0, "{pair:?}: {snr_db} dB");
    }
}

#[test]
fn output_has_as_many_samples_as_the_signal_lasts() {
    for (from, to) in PAIRS {
        for n_samples in [0, 1, 2, 3, 100, 1_023, 4_096, 10_007] {
            for quality in QUALITIES {
                let output = resample(&vec![0.25; n_samples], from, to, quality).unwrap();
                let wanted = (n_samples as u64 * u64::from(to)).div_ceil(u64::from(from));
                assert_eq!(output.len() as u64, wanted, "{n_samples} samples, {from} to {to}");
                assert!(output.iter().all(|sample| sample.is_finite()));
            }
        }
    }
}

#[test]
fn a_single_sample_is_the_filter_at_its_time() {
    // An octave up leaves the samples that are there as they are, but for what the filter takes.
    let output = resample(&[1.0], 24_000, 48_000, Quality::High).unwrap();
    assert_eq!(output.len(), 2);
    assert!((0.9..1.0).contains(&output[0]) && (0.5..0.7).contains(&output[1]), "{output:?}");
}

#[test]
fn equal_rates_pass_through() {
    let samples = tone(44_100, 997.0, 5_000);
    for quality in QUALITIES {
        assert_eq!(resample(&samples, 44_100, 44_100, quality).unwrap(), samples);
    }
}

#[test]
fn little_is_held_back() {
    for (from, to) in PAIRS {
        let mut resampler = Resampler::new(from, to, Quality::High).unwrap();
        let mut output = Vec::new();
        let (mut n_in, mut n_out) = (0.0, 0.0);
        for block in tone(from, 100.0, 60_000).chunks(500) {
            output.clear();
            resampler.process(block, &mut output);
            n_in += block.len() as f64;
            n_out += output.len() as f64;
            let held_back = n_in / f64::from(from) - n_out / f64::from(to);
            // Two blocks of at most 7,056 samples, at whichever rate is higher.
            assert!(
                held_back * f64::from(from.max(to)) < 14_500.0,
                "{held_back} s, {from} to {to}"
            );
        }
    }
}

#[test]
fn impossible_rates_are_refused_by_name() {
    let refusals = [
        (0, 44_100, "from_hz"),
        (44_100, 0, "to_hz"),
        (999, 44_100, "from_hz"),
        (44_100, 768_001, "to_hz"),
        (u32::MAX, 44_100, "from_hz"),
        (1_000, 256_001, "to_hz"),
        (256_001, 1_000, "to_hz"),
    ];
    for (from, to, wanted) in refusals {
        for quality in QUALITIES {
            match Resampler::new(from, to, quality) {
                Err(Error::Parameter { name, .. }) => assert_eq!(name, wanted, "{from} to {to}"),
                other => panic!("{from} to {to} gave {other:?}"),
            }
        }
    }
    assert!(Resampler::new(1_000, 256_000, Quality::High).is_ok());
}

#[test]
fn samples_that_are_not_finite_spoil_their_neighbourhood_only() {
    for (from, to) in [(44_100, 22_050), (44_100, 48_000), (44_100, 44_099)] {
        let mut samples = vec![0.25; 80_000];
        samples[40_000] = f32::NAN;
        samples[40_001] = f32::INFINITY;
        let output = resample(&samples, from, to, Quality::High).unwrap();
        let spoiled = output.iter().filter(|sample| !sample.is_finite()).count();
        assert!((1..20_000).contains(&spoiled), "{spoiled} of {}", output.len());
        assert!(output[..output.len() / 4].iter().all(|sample| sample.is_finite()));
        assert!(output[output.len() * 3 / 4..].iter().all(|sample| sample.is_finite()));
    }
}

#[test]
fn resamplers_can_be_moved_to_other_threads() {
    fn movable<T: Send + Sync>() {}
    movable::<Resampler>();
}

/// Feeds `samples` in blocks of the lengths `cuts`, over and over.
fn in_blocks(resampler: &mut Resampler, samples: &[f32], cuts: &[usize]) -> Vec<f32> {
    let mut output = Vec::new();
    let mut rest = samples;
    for &cut in cuts.iter().cycle() {
        let (block, later) = rest.split_at(cut.min(rest.len()));
        resampler.process(block, &mut output);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    resampler.finish(&mut output);
    output
}

fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|sample| sample.to_bits()).collect()
}

fn noise(seed: u64, n_samples: usize) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..n_samples).map(|_| next()).collect()
}

fn any_rates() -> impl Strategy<Value = (u32, u32)> {
    let usual = proptest::sample::select(PAIRS.to_vec());
    let odd = (1_000u32..=100_000, 1_000u32..=100_000);
    prop_oneof![usual, odd]
}

fn any_quality() -> impl Strategy<Value = Quality> {
    proptest::sample::select(QUALITIES.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn blocks_of_any_size_give_the_same_bits(
        (from, to) in any_rates(),
        quality in any_quality(),
        n_samples in 0usize..12_000,
        seed: u64,
        cuts in proptest::collection::vec(1usize..3_000, 1..8),
        small_cuts in proptest::collection::vec(1usize..40, 1..4),
    ) {
        let samples = noise(seed, n_samples);
        let whole = resample(&samples, from, to, quality).unwrap();
        let mut resampler = Resampler::new(from, to, quality).unwrap();
        for cuts in [&cuts, &small_cuts] {
            // The second time round also shows that `finish` went back to the start.
            let output = in_blocks(&mut resampler, &samples, cuts);
            prop_assert_eq!(bits(&output), bits(&whole));
        }
    }

    #[test]
    fn reset_forgets_what_came_before(
        (from, to) in any_rates(),
        quality in any_quality(),
        n_before in 1usize..9_000,
        seed: u64,
    ) {
        let samples = noise(seed, 3_000);
        let mut resampler = Resampler::new(from, to, quality).unwrap();
        resampler.process(&noise(!seed, n_before), &mut Vec::new());
        resampler.reset();
        let output = in_blocks(&mut resampler, &samples, &[1_000]);
        prop_assert_eq!(bits(&output), bits(&resample(&samples, from, to, quality).unwrap()));
    }

    #[test]
    fn conversion_is_linear_and_stays_within_bounds(
        (from, to) in any_rates(),
        seed: u64,
    ) {
        let [first, second] = [noise(seed, 4_000), noise(!seed, 4_000)];
        let sum: Vec<f32> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
        let convert = |samples: &[f32]| resample(samples, from, to, Quality::High).unwrap();
        let [first, second, sum] = [convert(&first), convert(&second), convert(&sum)];
        for ((a, b), sum) in first.iter().zip(&second).zip(&sum) {
            prop_assert!((a + b - sum).abs() < 1e-5);
            prop_assert!(sum.abs() < 10.0);
        }
    }
}
