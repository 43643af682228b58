//! Musical key: which of the 24 major and minor keys the notes of a signal suit best.
//!
//! The notes come from [`chromagram`]; what is typical of a key, from listeners ([`profiles`]).

pub(crate) mod chromagram;
mod decimate;
mod profiles;

use crate::error::{Error, Result};
use chromagram::{ChromaStream, N_NOTES};
use profiles::correlations;

/// Lowest sample rate in which a key can be heard.
pub const MIN_SAMPLE_RATE: u32 = 4_000;
/// Highest sample rate.
pub const MAX_SAMPLE_RATE: u32 = 384_000;
/// Major and minor keys on every note.
pub const N_KEYS: usize = 24;

/// Frames whose loudest note is this far below that of the loudest frame do not count: -60 dB.
const QUIET: f32 = 1e-3;

/// The key of a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Index into `correlations` of the key; none where no note is heard.
    pub best: Option<usize>,
    /// How well each key suits, -1 to 1: C major, C# major to B major, C minor to B minor.
    pub correlations: [f64; N_KEYS],
    /// Mean strength of each note, C first; a frame's strongest note counts one.
    pub chroma: [f64; N_NOTES],
    /// How far the signal is tuned from A = 440 Hz, -50 to 50 cents.
    pub tuning_cents: f64,
}

/// Finds the key of a signal of one channel.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for what has no spectrum, and
/// [`Error::Parameter`] for a rate outside [`MIN_SAMPLE_RATE`]..=[`MAX_SAMPLE_RATE`].
pub fn key(samples: &[f32], sample_rate: u32) -> Result<Key> {
    if !(MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(&sample_rate) {
        let expected = format!("{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}");
        return Err(Error::Parameter { name: "sr", given: sample_rate.to_string(), expected });
    }
    crate::temporal::check(samples)?;
    let mut stream = ChromaStream::new(sample_rate)?;
    stream.push(samples);
    let chromagram = stream.finish();
    let loudest = chromagram.levels.iter().copied().fold(0.0, f32::max);
    let mut chroma = [0.0; N_NOTES];
    let mut n_heard = 0_usize;
    for (frame, level) in chromagram.frames.iter().zip(&chromagram.levels) {
        if *level > QUIET * loudest {
            n_heard += 1;
            let strongest = frame.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
            for (sum, note) in chroma.iter_mut().zip(frame) {
                *sum += f64::from(note / strongest);
            }
        }
    }
    for note in &mut chroma {
        *note /= n_heard.max(1) as f64;
    }
    let correlations = correlations(&chroma);
    // The first of equals; where nothing is heard all are zero.
    let best = (0..N_KEYS)
        .filter(|key| correlations[*key] > 0.0)
        .reduce(|best, key| if correlations[key] > correlations[best] { key } else { best });
    Ok(Key { best, correlations, chroma, tuning_cents: 100.0 * chromagram.tuning_semitones })
}

#[cfg(test)]
mod tests {
    use super::key;
    use crate::error::Error;
    use std::f64::consts::TAU;

    /// The chords of a cadence, I IV V I, a second each.
    fn cadence(tonic: i32, is_minor: bool, cents: f64, rate: u32) -> Vec<f32> {
        let third = if is_minor { 3 } else { 4 };
        let chords = [[0, third, 7], [5, 5 + third, 12], [7, 11, 14], [0, third, 7]];
        let mut samples = vec![0.0; 4 * rate as usize];
        for (second, chord) in chords.iter().enumerate() {
            for note in chord {
                let semitones = f64::from(tonic + note - 9) + cents / 100.0;
                for partial in 1..=4 {
                    let partial = f64::from(partial);
                    let hz = 220.0 * (semitones / 12.0).exp2() * partial;
                    for n in 0..rate as usize {
                        let seconds = n as f64 / f64::from(rate);
                        samples[second * rate as usize + n] +=
                            (0.05 / partial * (TAU * hz * seconds).sin()) as f32;
                    }
                }
            }
        }
        samples
    }

    #[test]
    fn a_cadence_is_in_its_key_at_any_rate_and_tuning() {
        for (tonic, rate) in (0..12).zip([8000, 11_025, 16_000, 22_050, 44_100, 48_000].repeat(2)) {
            for is_minor in [false, true] {
                let cents = f64::from(tonic * 7 - 38);
                let found = key(&cadence(tonic, is_minor, cents, rate), rate).unwrap();
                let expected = tonic as usize + 12 * usize::from(is_minor);
                assert_eq!(found.best, Some(expected), "{rate} Hz, {cents} cents: {found:?}");
                assert!((found.tuning_cents - cents).abs() < 2.0, "{cents}: {found:?}");
            }
        }
    }

    #[test]
    fn what_has_no_notes_has_no_key() {
        for samples in [vec![0.0; 50_000], vec![0.0; 1]] {
            let found = key(&samples, 22_050).unwrap();
            assert_eq!(found.best, None);
            assert!(found.correlations.iter().chain(&found.chroma).all(|x| x.abs() < 1e-12));
        }
        assert_eq!(key(&[], 22_050), Err(Error::Empty));
        assert_eq!(key(&[0.0, f32::NAN], 22_050), Err(Error::NotFinite { index: 1 }));
        assert!(key(&[0.0], 3999).is_err());
    }
}
