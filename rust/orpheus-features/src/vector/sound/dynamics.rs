//! How loud, and how evenly so.

use super::reference::Waveform;
use super::statistics::{Columns, mean, mean_and_deviation, percentile};

/// Columns of [`describe`].
pub(super) const N_DYNAMICS: usize = 10;
/// Columns of [`level`].
pub(super) const N_LEVEL: usize = 3;

/// Levels more than this below the loud frames are alike.
const RANGE_DB: f32 = 70.0;

/// Percentiles of the level of frames below that of the loud ones, its deviation, its mean step, the
/// deviation over seconds, the share of frames below the mean (Tzanetakis and Cook 2002: low energy),
/// and the share of silence.
pub(super) fn describe(
    levels_db: &[f32],
    loud_db: f32,
    frames_per_second: usize,
    silent_share: f32,
    columns: &mut Columns<'_>,
) {
    let mut below: Vec<f32> =
        levels_db.iter().map(|level| (level - loud_db).max(-RANGE_DB)).collect();
    let (middle, deviation) = mean_and_deviation(&below);
    let steps = below.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum::<f32>();
    let n_low = below.iter().filter(|level| **level < middle).count();
    let seconds: Vec<f32> = below.chunks_exact(frames_per_second).map(mean).collect();
    let n = below.len().max(1) as f32;
    for share in [0.05, 0.1, 0.25, 0.5, 0.75] {
        columns.push(percentile(&mut below, share));
    }
    let n_steps = (n - 1.0).max(1.0);
    columns.extend([deviation, steps / n_steps, mean_and_deviation(&seconds).1]);
    columns.extend([n_low as f32 / n, silent_share]);
}

/// Root-mean-square level of the signal and level of its loudest frame, in dB below full scale, and
/// the crest factor in dB.
pub(super) fn level(waveform: &Waveform, loudest_frame_db: f32, columns: &mut Columns<'_>) {
    let power_db = 10.0 * (waveform.power + 1e-9).log10();
    let peak_db = 20.0 * (f64::from(waveform.peak) + 1e-6).log10();
    columns.push(power_db.clamp(-50.0, 0.0) as f32);
    columns.push(loudest_frame_db.clamp(-60.0, 0.0));
    columns.push((peak_db - power_db) as f32);
}

#[cfg(test)]
mod tests {
    use super::{Columns, N_DYNAMICS, N_LEVEL, Waveform, describe, level};

    #[test]
    fn a_steady_level_has_no_dynamics() {
        let mut values = [1.0; N_DYNAMICS];
        describe(&[-20.0; 100], -20.0, 43, 0.0, &mut Columns::new(&mut values));
        assert!(values.iter().all(|value| value.abs() < 1e-5), "{values:?}");
    }

    #[test]
    fn a_sine_has_a_crest_factor_of_three_db() {
        let waveform = Waveform { power: 0.125, peak: 0.5, ..Waveform::default() };
        let mut values = [0.0; N_LEVEL];
        level(&waveform, -9.0, &mut Columns::new(&mut values));
        assert!((values[0] + 9.03).abs() < 0.01);
        assert!((values[2] - 3.01).abs() < 0.01);
    }
}
