//! What the classical vector promises its callers.

use std::sync::Arc;

use orpheus_features::Error;
use orpheus_features::vector::classical::{
    Classical, Layout, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Precision, classical_vector,
    classical_vectors, column_names,
};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

const RATE: u32 = 22_050;

/// Three harmonic tones and a beat of two a second.
fn music(n_samples: usize, sample_rate: u32) -> Vec<f32> {
    (0..n_samples)
        .map(|n| {
            let seconds = n as f64 / f64::from(sample_rate);
            let tone = |hz: f64| (std::f64::consts::TAU * hz * seconds).sin();
            let beat = (-12.0 * (seconds % 0.5)).exp();
            let click = ((n.wrapping_mul(2_654_435_761) >> 7) % 1000) as f64 / 500.0 - 1.0;
            (0.1 * (tone(220.0) + tone(277.18) + tone(329.63)) + 0.4 * beat * click) as f32
        })
        .collect()
}

fn column(layout: Layout, name: &str) -> usize {
    column_names(layout).iter().position(|column| column == name).expect("a column")
}

#[test]
fn a_chord_is_described_as_what_it_is() {
    let vector = classical_vector(&music(110_250, RATE), RATE, Layout::Chroma12).expect("a vector");
    let value = |name: &str| vector[column(Layout::Chroma12, name)];
    assert!((value("tempo_bpm") - 120.0).abs() < 5.0, "{}", value("tempo_bpm"));
    for note in ["chroma_a", "chroma_c_sharp", "chroma_e"] {
        assert!(value(note) > 2.0 * value("chroma_g"), "{note}");
    }
    assert!(value("energy") > 0.01 && value("energy") < 0.1);
    assert!(value("spectral_rolloff_hz") > value("spectral_centroid_hz"));
}

#[test]
fn the_short_layout_ends_with_the_mean_of_the_long_ones_chroma() {
    let samples = music(30_000, RATE);
    let long = classical_vector(&samples, RATE, Layout::Chroma12).expect("a vector");
    let short = classical_vector(&samples, RATE, Layout::ChromaMean).expect("a vector");
    assert_eq!(long[..32], short[..32]);
    let mean = long[32..].iter().sum::<f32>() / 12.0;
    assert!((mean - short[32]).abs() < 1e-6);
}

#[test]
fn silence_is_all_zeros_but_for_its_level() {
    let vector = classical_vector(&vec![0.0; 50_000], RATE, Layout::Chroma12).expect("a vector");
    // The first coefficient of 128 bands at -100 dB.
    assert!((vector[0] + 100.0 * 128.0_f32.sqrt()).abs() < 1e-2, "{}", vector[0]);
    assert!(vector[1..].iter().all(|value| value.abs() < 1e-3), "{vector:?}");
}

#[test]
fn rates_that_nothing_is_defined_for_are_refused() {
    for given in [0, MIN_SAMPLE_RATE - 1, MAX_SAMPLE_RATE + 1, u32::MAX] {
        let error = Classical::new(given, Layout::Chroma12).map(|_| ());
        assert_eq!(error, Err(Error::SampleRate { given }));
    }
    let message = Error::SampleRate { given: 7 }.to_string();
    assert_eq!(message, "sample_rate is 7 Hz, expected 1000 to 768000");
}

#[test]
fn an_output_of_another_length_is_refused() {
    let classical = Classical::new(RATE, Layout::ChromaMean).expect("a rate");
    let mut vector = [1.0; 44];
    let error = classical.vector_into(&[0.1; 100], &mut classical.workspace(), &mut vector);
    assert_eq!(error, Err(Error::OutputLength { given: 44, expected: 33 }));
    assert!(vector.iter().all(|value| value.to_bits() == 1.0_f32.to_bits()), "unchanged");
}

#[test]
fn a_workspace_serves_any_plan_and_carries_nothing_over() {
    let plans = [(RATE, Precision::Fast), (48_000, Precision::Reference), (8000, Precision::Fast)]
        .map(|(rate, precision)| {
            Classical::with_precision(rate, Layout::Chroma12, precision).expect("a rate")
        });
    let mut shared = plans[0].workspace();
    for length in [60_000, 700, 110_250, 1, 20_000] {
        let samples = music(length, RATE);
        for plan in &plans {
            let (mut used, mut fresh) = (vec![0.0; 44], vec![0.0; 44]);
            plan.vector_into(&samples, &mut shared, &mut used).expect("a signal");
            plan.vector_into(&samples, &mut plan.workspace(), &mut fresh).expect("a signal");
            assert_eq!(used, fresh, "{length} samples");
        }
    }
}

#[test]
fn windows_back_to_back_give_their_vectors_back_to_back() {
    let samples = music(30_100, RATE);
    let vectors = classical_vectors(&samples, 10_000, RATE, Layout::ChromaMean).expect("vectors");
    let expected: Vec<f32> = samples
        .chunks_exact(10_000)
        .flat_map(|window| classical_vector(window, RATE, Layout::ChromaMean).expect("a vector"))
        .collect();
    assert_eq!(vectors, expected);
    assert_eq!(classical_vectors(&[], 500, RATE, Layout::ChromaMean), Ok(Vec::new()));
    assert_eq!(classical_vectors(&[], 0, RATE, Layout::ChromaMean), Err(Error::Empty));
}

#[test]
fn an_unusable_sample_is_named_by_its_place_among_all_windows() {
    let mut samples = music(3000, RATE);
    samples[2500] = f32::NAN;
    let error = classical_vectors(&samples, 1000, RATE, Layout::Chroma12);
    assert_eq!(error, Err(Error::NotFinite { index: 2500 }));
    samples[2500] = 1e30;
    let error = classical_vectors(&samples, 1000, RATE, Layout::Chroma12);
    assert_eq!(error, Err(Error::TooLoud { index: 2500, value: 1e30 }));
}

#[test]
fn threads_share_one_plan_and_agree() {
    let plan = Classical::shared(RATE, Layout::Chroma12).expect("a rate");
    assert!(Arc::ptr_eq(&plan, &Classical::shared(RATE, Layout::Chroma12).expect("a rate")));
    let samples = music(50_000, RATE);
    let describe = || {
        let mut vector = vec![0.0; plan.dim()];
        plan.vector_into(&samples, &mut plan.workspace(), &mut vector).expect("a signal");
        vector
    };
    let vectors: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(describe)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(vectors.iter().all(|vector| *vector == vectors[0]));
}

proptest! {
    #[test]
    fn any_signal_gives_finite_numbers_or_an_error(
        samples in prop::collection::vec(any::<f32>(), 0..3000),
        sample_rate in any::<u32>(),
    ) {
        match classical_vector(&samples, sample_rate, Layout::Chroma12) {
            Ok(vector) => prop_assert!(vector.iter().all(|value| value.is_finite())),
            Err(Error::NotFinite { index }) => prop_assert!(!samples[index].is_finite()),
            Err(Error::TooLoud { index, value }) => {
                prop_assert_eq!(samples[index].to_bits(), value.to_bits());
            }
            Err(Error::Empty) => prop_assert!(samples.is_empty()),
            Err(error) => prop_assert_eq!(error, Error::SampleRate { given: sample_rate }),
        }
    }

    #[test]
    fn any_usable_signal_gives_finite_numbers_within_their_ranges(
        samples in prop::collection::vec(-1e12_f32..1e12, 1..5000),
        scale in prop::sample::select(vec![1.0_f32, 1e-6, 1e-12, 1e-24, 1e-40]),
        sample_rate in MIN_SAMPLE_RATE..MAX_SAMPLE_RATE,
    ) {
        let samples: Vec<f32> = samples.iter().map(|sample| sample * scale).collect();
        let vector = classical_vector(&samples, sample_rate, Layout::Chroma12);
        let vector = vector.expect("a usable signal");
        prop_assert!(vector.iter().all(|value| value.is_finite()), "{:?}", vector);
        let nyquist = sample_rate as f32 / 2.0 * 1.0001;
        prop_assert!(vector[13..26].iter().all(|variance| *variance >= 0.0));
        prop_assert!(vector[26..29].iter().all(|hz| (0.0..=nyquist).contains(hz)));
        prop_assert!((0.0..=1.0).contains(&vector[29]));
        prop_assert!((0.0..320.0).contains(&vector[30]));
        prop_assert!(vector[31] >= 0.0);
        prop_assert!(vector[32..].iter().all(|note| (0.0..=1.0).contains(note)));
    }

    #[test]
    fn loudness_moves_only_level_and_energy(gain in 0.01_f32..20.0) {
        let samples = music(20_000, RATE);
        let louder: Vec<f32> = samples.iter().map(|sample| sample * gain).collect();
        let [a, b] = [samples, louder].map(|samples| {
            classical_vector(&samples, RATE, Layout::Chroma12).expect("a usable signal")
        });
        let shift = 128.0_f32.sqrt() * 20.0 * gain.log10();
        prop_assert!((b[0] - a[0] - shift).abs() < 0.05, "{} {} {}", a[0], b[0], shift);
        prop_assert!((b[31] / a[31] / gain / gain - 1.0).abs() < 1e-4);
        for column in (1..31).chain(32..44) {
            let tolerance = 2e-3 * a[column].abs().max(1.0);
            prop_assert!((a[column] - b[column]).abs() < tolerance, "column {}", column);
        }
    }
}
