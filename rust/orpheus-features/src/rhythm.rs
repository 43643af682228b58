//! Onsets, tempo and beats.
//!
//! Two ways to a tempo: librosa's, to the number ([`likely_tempo`]), and a more reliable one
//! ([`estimate_tempo`]).

mod autocorrelation;
mod beats;
mod comb;
mod envelope;
pub(crate) mod onset;
mod rises;
mod soft;
mod strength;
pub(crate) mod tempo;
mod tempogram;

pub use beats::{BeatParameters, track_beats};
pub use comb::{TempoEstimate, TempoPrior};
pub use strength::{Aggregate, OnsetParameters, onset_strength, onset_strength_of};
pub use tempo::{TempoParameters, likely_tempo};
pub use tempogram::{Tempogram, tempogram};

use crate::error::{Error, Result};
use envelope::Envelopes;

/// Lowest sample rate that rhythm can be heard at.
pub const MIN_SAMPLE_RATE: f64 = 1_000.0;
/// Highest sample rate.
pub const MAX_SAMPLE_RATE: f64 = 768_000.0;

/// Finds the tempo of a signal of one channel: see [`TempoEstimate`].
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for what has no spectrum,
/// [`Error::Parameter`] for a rate outside [`MIN_SAMPLE_RATE`]..=[`MAX_SAMPLE_RATE`] or a prior
/// that is none.
pub fn estimate_tempo(
    samples: &[f32],
    sample_rate: f64,
    prior: TempoPrior,
) -> Result<TempoEstimate> {
    let Envelopes { low, all, frame_rate } = Envelopes::of(samples, sample_rate)?;
    let found = comb::estimate(&low, &all, frame_rate, prior)?;
    soft::reconsidered(found, samples, sample_rate, prior)
}

/// As [`estimate_tempo`], from onset strengths that are there already, `frame_rate` a second.
///
/// # Errors
///
/// [`Error::Empty`] or [`Error::NotFinite`] for what holds no strengths, and [`Error::Parameter`]
/// as above.
pub fn estimate_tempo_of(
    strength: &[f32],
    frame_rate: f64,
    prior: TempoPrior,
) -> Result<TempoEstimate> {
    check_strength(strength)?;
    comb::estimate(strength, strength, frame_rate, prior)
}

/// Refuses what is no onset strength.
fn check_strength(strength: &[f32]) -> Result<()> {
    crate::temporal::check(strength)
}

/// Refuses rates at which there is no rhythm.
fn check_rate(sample_rate: f64) -> Result<()> {
    within("sr", sample_rate, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
}

/// Refuses numbers outside a range, and what is no number.
fn within(name: &'static str, given: f64, least: f64, most: f64) -> Result<()> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let expected = format!("{least} to {most}");
    Err(Error::Parameter { name, given: given.to_string(), expected })
}

#[cfg(test)]
mod tests {
    use super::{TempoEstimate, TempoPrior, estimate_tempo, estimate_tempo_of};
    use crate::error::Error;
    use crate::signals::Noise;

    /// Bursts of noise at the beats, accented every fourth time.
    pub(super) fn bursts(bpm: f64, seconds: f64, rate: f64) -> Vec<f32> {
        let mut random = Noise::new(8);
        let beat = 60.0 / bpm;
        (0..(seconds * rate) as usize)
            .map(|n| {
                let time = n as f64 / rate;
                let since = time % beat;
                let accent = if ((time / beat) as usize).is_multiple_of(4) { 0.6 } else { 0.35 };
                (accent * (-since / 0.02).exp() * random.next()) as f32
            })
            .collect()
    }

    #[test]
    fn a_regular_beat_is_found_to_a_fifth_of_a_percent_at_any_rate() {
        for (bpm, rate) in [(64.0, 8000.0), (83.3, 22_050.0), (117.0, 44_100.0), (151.7, 48_000.0)]
        {
            let found = estimate_tempo(&bursts(bpm, 15.0, rate), rate, TempoPrior::default());
            let found = found.unwrap();
            assert!((found.bpm / bpm - 1.0).abs() < 2e-3, "{bpm}: {found:?}");
            assert!(found.confidence > 0.2, "{found:?}");
        }
    }

    #[test]
    fn what_does_not_repeat_has_no_tempo() {
        let mut impulse = vec![0.0; 100_000];
        impulse[30_000] = 1.0;
        for samples in [vec![0.0; 100_000], impulse, vec![0.5], vec![0.3; 2]] {
            let found = estimate_tempo(&samples, 22_050.0, TempoPrior::default()).unwrap();
            assert_eq!(found, TempoEstimate::default());
        }
        let found = estimate_tempo_of(&[0.0; 100], 43.0, TempoPrior::default()).unwrap();
        assert_eq!(found, TempoEstimate::default());
    }

    #[test]
    fn what_is_no_signal_or_no_prior_is_refused() {
        let prior = TempoPrior::default();
        assert_eq!(estimate_tempo(&[], 22_050.0, prior), Err(Error::Empty));
        let error = Error::NotFinite { index: 1 };
        assert_eq!(estimate_tempo(&[0.0, f32::INFINITY], 22_050.0, prior), Err(error));
        for rate in [f64::NAN, 0.0, 1e9] {
            assert!(estimate_tempo(&[0.0], rate, prior).is_err());
        }
        for (start_bpm, std_bpm) in [(0.0, 1.0), (120.0, 0.0), (f64::NAN, 1.0)] {
            let prior = TempoPrior { start_bpm, std_bpm, ..prior };
            assert!(estimate_tempo(&[0.0], 22_050.0, prior).is_err());
        }
    }
}
