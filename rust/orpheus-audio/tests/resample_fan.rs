//! Several rates out of one signal, and conversions that begin in its middle.

use std::f64::consts::TAU;

use orpheus_audio::{Error, Fan, Quality, Resampler, resample};
use proptest::prelude::*;

const QUALITIES: [Quality; 2] = [Quality::High, Quality::Best];

/// Rates that models and features ask for together; with the input's own, with odd ones that share
/// nothing, and with one of them twice.
const FANS: [(u32, &[u32]); 8] = [
    (44_100, &[48_000, 24_000, 22_050]),
    (44_100, &[48_000, 24_000, 16_000]),
    (44_100, &[48_000, 24_000, 22_050, 16_000]),
    (48_000, &[48_000, 24_000, 22_050, 16_000]),
    (96_000, &[44_100, 16_000]),
    (22_050, &[48_000, 24_000, 8_000]),
    (44_100, &[44_099, 24_000, 24_000, 37_801]),
    (8_000, &[]),
];

/// Pairs of rates of every kind: up, down, an octave, and such as have no period.
const PAIRS: [(u32, u32); 8] = [
    (44_100, 48_000),
    (44_100, 24_000),
    (44_100, 16_000),
    (48_000, 24_000),
    (22_050, 44_100),
    (8_000, 48_000),
    (44_100, 44_099),
    (37_801, 48_000),
];

fn noise(seed: u64, n_samples: usize) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..n_samples).map(|_| next()).collect()
}

fn convert(fan: &mut Fan, samples: &[f32], block: usize, n_rates: usize) -> Vec<Vec<f32>> {
    let mut outputs = vec![Vec::new(); n_rates];
    samples.chunks(block).for_each(|block| fan.process(block, &mut outputs));
    fan.finish(&mut outputs);
    outputs
}

/// Root of the mean square of the differences, in decibels of the mean square of `wanted`.
fn difference_db(got: &[f32], wanted: &[f32]) -> f64 {
    assert_eq!(got.len(), wanted.len());
    let difference = |(got, wanted): (&f32, &f32)| f64::from(got - wanted).powi(2);
    let noise: f64 = got.iter().zip(wanted).map(difference).sum();
    let power: f64 = wanted.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    10.0 * (noise.max(1e-30) / power).log10()
}

#[test]
fn every_output_is_what_a_resampler_gives() {
    for (from, rates) in FANS {
        for quality in QUALITIES {
            let samples = noise(from.into(), 60_000);
            let mut fan = Fan::new(from, rates, quality).unwrap();
            let outputs = convert(&mut fan, &samples, 1_152, rates.len());
            for (&to, output) in rates.iter().zip(&outputs) {
                let wanted = resample(&samples, from, to, quality).unwrap();
                let difference = difference_db(output, &wanted);
                assert!(difference < -125.0, "{from} to {to}, {quality:?}: {difference} dB");
            }
        }
    }
}

#[test]
fn tones_keep_the_quality_of_the_preset() {
    for (from, rates) in FANS {
        for (quality, least_db) in [(Quality::High, 130.0), (Quality::Best, 150.0)] {
            let mut fan = Fan::new(from, rates, quality).unwrap();
            let lowest = rates.iter().copied().min().unwrap_or(from).min(from);
            for hz in [0.013, 0.37, 0.93].map(|share| share * f64::from(lowest) / 2.0) {
                let tone = |rate: u32, i: usize| (TAU * hz / f64::from(rate) * i as f64).sin();
                let samples: Vec<f32> = (0..from as usize).map(|i| tone(from, i) as f32).collect();
                let outputs = convert(&mut fan, &samples, 4_000, rates.len());
                for (&to, output) in rates.iter().zip(&outputs) {
                    let middle = output.len() / 4..output.len() * 3 / 4;
                    let (mut product, mut square, mut power) = (0.0, 0.0, 0.0);
                    for i in middle.clone() {
                        product += f64::from(output[i]) * tone(to, i);
                        square += tone(to, i).powi(2);
                    }
                    let gain = product / square;
                    for i in middle {
                        power += (f64::from(output[i]) - gain * tone(to, i)).powi(2);
                    }
                    let snr_db = 10.0 * (gain * gain * square / power).log10();
                    assert!(snr_db >= least_db, "{from} to {to}, {quality:?}: {snr_db} at {hz}");
                    assert!(
                        (gain - 1.0).abs() < 2e-5,
                        "{from} to {to}, {quality:?}: {gain} at {hz}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_conversion_begun_in_the_middle_gives_the_same_samples() {
    for (from, to) in PAIRS {
        for quality in QUALITIES {
            let mut resampler = Resampler::new(from, to, quality).unwrap();
            let [reach, period] = [resampler.reach() as usize, resampler.period() as usize];
            let start = 7_000usize.next_multiple_of(period);
            let samples = noise(9, start + 30_000);
            let whole = resample(&samples, from, to, quality).unwrap();
            let at_output =
                |n: usize| (n as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize;
            // Ends where the signal goes on: the last `reach` inputs are there for the others.
            let part = &samples[start..start + 20_000];
            let mut output = Vec::new();
            resampler.process(part, &mut output);
            resampler.finish(&mut output);
            let sound = at_output(reach)..at_output(part.len() - reach);
            let wanted = &whole[at_output(start)..][sound.clone()];
            let difference = difference_db(&output[sound.clone()], wanted);
            assert!(difference < -125.0, "{from} to {to}, {quality:?}: {difference} dB");
            // What was not fed does show nearer to the cuts: the reach is no wild guess.
            let near = at_output(reach / 8)..at_output(reach / 8) + 16;
            let near = difference_db(&output[near.clone()], &whole[at_output(start)..][near]);
            assert!(near > -125.0, "{from} to {to}, {quality:?}: {near} dB near the cut");
        }
    }
}

#[test]
fn a_fan_begun_in_the_middle_gives_the_same_samples() {
    for (from, rates) in FANS {
        for quality in QUALITIES {
            let mut fan = Fan::new(from, rates, quality).unwrap();
            let [reach, period] = [fan.reach() as usize, fan.period() as usize];
            let start = 7_000usize.next_multiple_of(period);
            let samples = noise(9, start + 60_000);
            let whole = convert(&mut fan, &samples, 60_000, rates.len());
            let part = &samples[start..start + 40_000];
            let parts = convert(&mut fan, part, 1_152, rates.len());
            for ((&to, whole), part) in rates.iter().zip(&whole).zip(&parts) {
                let at = |n: usize| (n as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize;
                let sound = at(reach)..at(40_000 - reach);
                let difference = difference_db(&part[sound.clone()], &whole[at(start)..][sound]);
                assert!(difference < -125.0, "{from} to {to}, {quality:?}: {difference} dB");
            }
        }
    }
}

#[test]
fn a_rate_that_cannot_be_is_refused_by_name() {
    match Fan::new(44_100, &[48_000, 999], Quality::High) {
        Err(Error::Parameter { name, .. }) => assert_eq!(name, "to_hz"),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn blocks_of_any_size_give_the_same_bits(
        fan in 0..FANS.len(),
        quality in proptest::sample::select(QUALITIES.to_vec()),
        n_samples in 0usize..40_000,
        block in 1usize..5_000,
        seed: u64,
    ) {
        let (from, rates) = FANS[fan];
        let samples = noise(seed, n_samples);
        let mut fan = Fan::new(from, rates, quality).unwrap();
        let whole = convert(&mut fan, &samples, n_samples.max(1), rates.len());
        let cut = convert(&mut fan, &samples, block, rates.len());
        for ((&to, whole), cut) in rates.iter().zip(&whole).zip(&cut) {
            let n_wanted = (n_samples as u64 * u64::from(to)).div_ceil(u64::from(from));
            prop_assert_eq!(whole.len() as u64, n_wanted);
            let same = whole.iter().zip(cut).all(|(a, b)| a.to_bits() == b.to_bits());
            prop_assert!(same && whole.len() == cut.len());
        }
    }
}
