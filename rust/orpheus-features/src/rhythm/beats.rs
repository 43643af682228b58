//! Beats: the sequence of onsets that is strong and even at once, by dynamic programming (Ellis,
//! "Beat tracking by dynamic programming", 2007), with the numbers of librosa 0.11.

use super::{check_strength, within};
use crate::error::Result;

/// How beats are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeatParameters {
    /// Frames a second.
    pub frame_rate: f64,
    /// The tempo: at least 1, at most one beat per frame.
    pub bpm: f64,
    /// How closely beats follow the tempo.
    pub tightness: f64,
    /// Whether weak beats at the ends are dropped.
    pub trim: bool,
}

/// Half width of a beat, as a share of the period.
const BEAT_WIDTH: f64 = 1.0 / 32.0;
/// The first beat is at least this share of the strongest.
const FIRST_SHARE: f64 = 0.01;

/// Frames of the beats in a series of onset strengths; none where there is no onset.
///
/// # Errors
///
/// [`crate::Error::Empty`] or [`crate::Error::NotFinite`] for what holds no strengths, and
/// [`crate::Error::Parameter`] for what [`BeatParameters`] rules out.
pub fn track_beats(strength: &[f32], parameters: &BeatParameters) -> Result<Vec<usize>> {
    let BeatParameters { frame_rate, bpm, tightness, trim } = *parameters;
    check_strength(strength)?;
    within("frame_rate", frame_rate, 1e-3, 1e6)?;
    within("bpm", bpm, 1.0, 60.0 * frame_rate)?;
    within("tightness", tightness, f64::MIN_POSITIVE, 1e12)?;
    if strength.iter().all(|value| *value == 0.0) {
        return Ok(Vec::new());
    }
    let period = (frame_rate * 60.0 / bpm).round_ties_even().max(1.0) as usize;
    let score = local_score(&normalised(strength), period);
    let (links, total) = chain(&score, period, tightness);
    let mut beats = Vec::new();
    let mut next = Some(last_beat(&total));
    while let Some(beat) = next {
        beats.push(beat);
        next = links[beat];
    }
    beats.reverse();
    Ok(trimmed(&score, beats, trim))
}

/// Strengths over their standard deviation.
fn normalised(strength: &[f32]) -> Vec<f64> {
    let n = strength.len() as f64;
    let mean = strength.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let squares: f64 = strength.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
    // One value has no deviation.
    let deviation = (squares / (n - 1.0).max(1.0)).sqrt() as f32;
    strength.iter().map(|x| f64::from(x / (deviation + f32::MIN_POSITIVE))).collect()
}

/// Strength around each frame, under a bell.
fn local_score(strength: &[f64], period: usize) -> Vec<f64> {
    let width = BEAT_WIDTH * period as f64;
    let reach = period as i64;
    let bell: Vec<f64> =
        (-reach..=reach).map(|k| (-0.5 * (k as f64 / width).powi(2)).exp()).collect();
    let n = strength.len();
    (0..n)
        .map(|frame| {
            let last = frame + period;
            // The reference leaves out the product with the very first frame.
            let terms = (last + 1).saturating_sub(n)..last.min(bell.len());
            terms.map(|k| bell[k] * strength[last - k]).sum()
        })
        .collect()
}

/// For each frame the beat before it, if it were one, and the best total up to it.
fn chain(score: &[f64], period: usize, tightness: f64) -> (Vec<Option<usize>>, Vec<f64>) {
    let nearest = (period as f64 / 2.0).round_ties_even() as usize;
    let furthest = 2 * period;
    // Like the reference, whose tightness is a float32.
    let tightness = f64::from(tightness as f32);
    let expected = (period as f64).ln();
    let penalties: Vec<f64> = (0..=furthest)
        .map(|distance| tightness * ((distance as f64).ln() - expected).powi(2))
        .collect();
    let least = FIRST_SHARE * score.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total: Vec<f64> = Vec::with_capacity(score.len());
    let mut links = Vec::with_capacity(score.len());
    let mut is_first = true;
    for (frame, here) in score.iter().enumerate() {
        let (mut best, mut link) = (f64::NEG_INFINITY, None);
        let within = furthest.min(frame) + 1;
        for (distance, penalty) in penalties.iter().enumerate().take(within).skip(nearest) {
            // A beat does not follow itself.
            let Some(value) = total.get(frame - distance).map(|total| total - penalty) else {
                continue;
            };
            if value > best {
                (best, link) = (value, Some(frame - distance));
            }
        }
        total.push(if link.is_some() { here + best } else { *here });
        if is_first && *here < least {
            links.push(None);
        } else {
            links.push(link);
            is_first = false;
        }
    }
    (links, total)
}

/// The last local maximum of the totals that is not far below the others.
fn last_beat(total: &[f64]) -> usize {
    let n = total.len();
    let is_maximum = |at: usize| {
        at > 0 && total[at] > total[at - 1] && (at + 1 == n || total[at] >= total[at + 1])
    };
    let mut maxima: Vec<f64> = (0..n).filter(|at| is_maximum(*at)).map(|at| total[at]).collect();
    maxima.sort_by(f64::total_cmp);
    let middle = maxima.len() / 2;
    let median = match maxima.len() {
        0 => 0.0,
        length if length % 2 == 1 => maxima[middle],
        _ => f64::midpoint(maxima[middle - 1], maxima[middle]),
    };
    (0..n).rev().find(|at| is_maximum(*at) && total[*at] >= 0.5 * median).unwrap_or(n - 1)
}

/// Drops beats at the ends, up to the first frame whose score is above a threshold: half the root
/// mean square of the smoothed scores of the beats if weak ones are to go, zero if not.
fn trimmed(score: &[f64], beats: Vec<usize>, trim: bool) -> Vec<usize> {
    let threshold = if trim {
        let at = |beat: i64| {
            usize::try_from(beat).ok().and_then(|beat| beats.get(beat)).map_or(0.0, |b| score[*b])
        };
        // A Hann window of five, of which the ends are zero; one more value than beats.
        let n_values = (beats.len() + 2).min(score.len());
        let smooth = |i: usize| {
            let i = i as i64;
            0.5 * at(i - 1) + at(i) + 0.5 * at(i + 1)
        };
        let squares: f64 = (0..n_values).map(|i| smooth(i).powi(2)).sum();
        0.5 * (squares / n_values.max(1) as f64).sqrt()
    } else {
        0.0
    };
    let first = score.iter().position(|value| *value > threshold);
    let last = score.iter().rposition(|value| *value > threshold);
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    beats.into_iter().filter(|beat| (first..=last).contains(beat)).collect()
}

#[cfg(test)]
mod tests {
    use super::{BeatParameters, track_beats};

    const PARAMETERS: BeatParameters =
        BeatParameters { frame_rate: 43.07, bpm: 120.0, tightness: 100.0, trim: true };

    #[test]
    fn beats_follow_even_onsets() {
        let strength: Vec<f32> = (0..400).map(|n| f32::from(n % 21 == 5)).collect();
        let beats = track_beats(&strength, &PARAMETERS).unwrap();
        assert!(beats.len() >= 18 && beats.iter().all(|beat| beat % 21 == 5), "{beats:?}");
    }

    #[test]
    fn short_and_silent_series_have_no_or_one_beat() {
        assert!(track_beats(&[0.0; 50], &PARAMETERS).unwrap().is_empty());
        for n in 1..40 {
            let strength: Vec<f32> = (0..n).map(|i| f32::from(i == n / 2)).collect();
            assert!(track_beats(&strength, &PARAMETERS).unwrap().len() <= 2, "{n}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for bpm in [0.0, -1.0, f64::NAN, 1e9] {
            assert!(track_beats(&[1.0], &BeatParameters { bpm, ..PARAMETERS }).is_err());
        }
        assert!(track_beats(&[], &PARAMETERS).is_err());
        assert!(track_beats(&[1.0], &BeatParameters { tightness: 0.0, ..PARAMETERS }).is_err());
    }
}
