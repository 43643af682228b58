//! Music without attacks, such as pads and strings: there, combs hear chords for beats.
//!
//! Where bands rise by little from frame to frame, the single period that a prior favours (librosa's
//! choice, [`likely_tempo`]) is right more often than what combs make of four beats. It decides between
//! the tempo found and its simple multiples, which are more precise than it is.

use super::comb::{TempoEstimate, TempoPrior};
use super::strength::{Aggregate, OnsetParameters, onset_strength};
use super::tempo::{TempoParameters, likely_tempo};
use crate::error::Result;

/// From this confidence on, the tempo found stands.
const SURE: f64 = 0.6;
/// Bands of music with attacks rise by at least so many dB a frame of 23 ms, on average.
const LEAST_RISE_DB: f64 = 0.6;
/// Frames of onset strengths, at 22.05 kHz: powers of two as near to it as other rates allow.
const N_FFT: f64 = 2048.0;
const REFERENCE_RATE: f64 = 22_050.0;

/// What the tempo found may be mistaken for.
const RATIOS: [f64; 7] = [1.0, 0.5, 2.0, 1.0 / 3.0, 3.0, 2.0 / 3.0, 1.5];
/// The favoured period is this near to one of them.
const NEAR: f64 = 0.08;

/// The tempo that stands: `found`, or where there are no attacks, what the prior favours.
pub(super) fn reconsidered(
    found: TempoEstimate,
    samples: &[f32],
    sample_rate: f64,
    prior: TempoPrior,
) -> Result<TempoEstimate> {
    if found.bpm <= 0.0 || found.confidence >= SURE {
        return Ok(found);
    }
    let n_fft = 1 << (sample_rate * N_FFT / REFERENCE_RATE).log2().round() as u32;
    let hop_length = n_fft / 4;
    let strength = onset_strength(
        samples,
        &OnsetParameters {
            sample_rate,
            n_fft,
            hop_length,
            n_mels: 128,
            band_hz: (0.0, sample_rate / 2.0),
            lag: 1,
            max_size: 1,
            detrend: false,
            center: true,
            aggregate: Aggregate::Mean,
        },
    )?;
    let rise = strength.iter().map(|rise| f64::from(*rise)).sum::<f64>() / strength.len() as f64;
    if rise >= LEAST_RISE_DB {
        return Ok(found);
    }
    let parameters = TempoParameters { sample_rate, hop_length, prior, ac_size: 8.0 };
    let likely = likely_tempo(&strength, &parameters)?;
    let multiple = RATIOS
        .into_iter()
        .map(|ratio| ratio * found.bpm)
        .find(|bpm| *bpm < prior.max_tempo && (likely / bpm - 1.0).abs() < NEAR);
    Ok(TempoEstimate { bpm: multiple.unwrap_or(likely), ..found })
}

#[cfg(test)]
mod tests {
    use super::{TempoEstimate, TempoPrior, reconsidered};
    use crate::rhythm::tests::bursts;

    #[test]
    fn a_beat_with_attacks_and_a_sure_one_stand() {
        let samples = bursts(90.0, 10.0, 22_050.0);
        for confidence in [0.2, 0.9] {
            let found = TempoEstimate { bpm: 45.0, confidence };
            let kept = reconsidered(found, &samples, 22_050.0, TempoPrior::default());
            assert_eq!(kept, Ok(found));
        }
    }

    #[test]
    fn a_swell_is_counted_as_the_prior_has_it() {
        // Swells of half a second each: 120 a minute.
        for rate in [22_050.0, 48_000.0] {
            let samples: Vec<f32> = (0..(12.0 * rate) as usize)
                .map(|n| {
                    let seconds = n as f64 / rate;
                    let swell = 0.75 - 0.25 * (std::f64::consts::TAU * 2.0 * seconds).cos();
                    (0.3 * swell * (std::f64::consts::TAU * 220.0 * seconds).sin()) as f32
                })
                .collect();
            let found = TempoEstimate { bpm: 60.0, confidence: 0.3 };
            let prior = TempoPrior::default();
            let tempo = reconsidered(found, &samples, rate, prior).expect("a signal");
            assert!((tempo.bpm - 120.0).abs() < 1e-6, "{tempo:?} at {rate}");
        }
    }
}
