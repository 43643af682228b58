//! What a track sounds like at any moment: its timbre, whatever is played and when.

use super::statistics::{Columns, correlation, mean, mean_and_deviation, percentile};
use super::table::Table;
use crate::spectrum::simd::MAX_LANES;

/// Cepstral coefficients that are described.
pub(super) const N_COEFFICIENTS: usize = 20;
/// Those whose correlations are: from the second on.
const N_CORRELATED: usize = 12;

/// Deviations below about this many dB are alike.
const LEAST_DEVIATION: f32 = 0.5;

/// Columns of [`cepstrum`].
pub(super) const N_CEPSTRUM: usize = 3 * N_COEFFICIENTS;
/// Columns of [`cepstral_correlations`].
pub(super) const N_CORRELATIONS: usize = N_CORRELATED * (N_CORRELATED - 1) / 2;
/// Columns of [`quantiles`] per row.
const N_QUANTILES: usize = 4;

/// Mean, log deviation and log deviation of the step of each coefficient, level-free (Logan 2000:
/// mel-frequency cepstra for music; Pachet and Aucouturier 2004: their distribution).
///
/// `follows[t]` tells whether frame t came right after frame t - 1 before the silence between was
/// taken out.
#[inline(always)]
pub(super) fn cepstrum(coefficients: &Table, follows: &[bool], columns: &mut Columns<'_>) {
    let rows = || (0..N_COEFFICIENTS).map(|k| coefficients.row(k));
    columns.extend(rows().map(mean));
    columns.extend(rows().map(|row| log_deviation(mean_and_deviation(row).1)));
    columns.extend(rows().map(|row| log_deviation(step_deviation(row, follows))));
}

/// `ln` of a deviation, level where it is next to nothing.
fn log_deviation(deviation: f32) -> f32 {
    (deviation + LEAST_DEVIATION).ln()
}

/// Deviation of the difference between neighbours.
#[inline(always)]
fn step_deviation(row: &[f32], follows: &[bool]) -> f32 {
    let (mut n, mut sums, mut squares) = (0.0_f32, [0.0_f32; MAX_LANES], [0.0_f32; MAX_LANES]);
    let steps = row.windows(2).zip(&follows[1..]);
    for (at, (pair, follows)) in steps.enumerate() {
        let weight = f32::from(u8::from(*follows));
        let step = weight * (pair[1] - pair[0]);
        n += weight;
        sums[at % MAX_LANES] += step;
        squares[at % MAX_LANES] += step * step;
    }
    if n < 1.0 {
        return 0.0;
    }
    let mean = sums.iter().sum::<f32>() / n;
    (squares.iter().sum::<f32>() / n - mean * mean).max(0.0).sqrt()
}

/// How the coefficients move together: the correlations of the second to the thirteenth (Mandel and
/// Ellis 2005 use their covariance).
#[inline(always)]
pub(super) fn cepstral_correlations(coefficients: &Table, columns: &mut Columns<'_>) {
    let row = |k: usize| coefficients.row(1 + k);
    let mut moments = [(0.0, 0.0); N_CORRELATED];
    for (k, moments) in moments.iter_mut().enumerate() {
        *moments = mean_and_deviation(row(k));
    }
    for i in 0..N_CORRELATED {
        for j in i + 1..N_CORRELATED {
            columns.push(correlation(row(i), row(j), [moments[i], moments[j]]));
        }
    }
}

/// Mean, deviation, 10th and 90th percentile of series: four columns for each, grouped by
/// statistic. `deviation_of` makes what the column holds of a deviation.
#[inline(always)]
pub(super) fn quantiles(
    table: &Table,
    rows: std::ops::Range<usize>,
    deviation_of: impl Fn(f32) -> f32,
    scratch: &mut Vec<f32>,
    columns: &mut Columns<'_>,
) {
    let mut kept = [[0.0; N_QUANTILES]; MAX_LANES];
    let n_rows = rows.len();
    for (row, kept) in rows.zip(&mut kept) {
        scratch.clear();
        scratch.extend_from_slice(table.row(row));
        let (mean, deviation) = mean_and_deviation(scratch);
        *kept = [mean, deviation_of(deviation), percentile(scratch, 0.1), percentile(scratch, 0.9)];
    }
    for statistic in 0..N_QUANTILES {
        columns.extend(kept[..n_rows].iter().map(|kept| kept[statistic]));
    }
}

/// Means about their own mean: a profile without a level.
#[inline(always)]
pub(super) fn profile(table: &Table, rows: std::ops::Range<usize>, columns: &mut Columns<'_>) {
    let n_rows = rows.len() as f32;
    let level = rows.clone().map(|row| mean(table.row(row))).sum::<f32>() / n_rows;
    columns.extend(rows.map(|row| mean(table.row(row)) - level));
}

/// Mean and deviation of octave levels in dB, and how fast they change.
#[inline(always)]
pub(super) fn octaves(
    table: &Table,
    rows: std::ops::Range<usize>,
    follows: &[bool],
    [levels, steps]: [&mut Columns<'_>; 2],
) {
    levels.extend(rows.clone().map(|row| mean(table.row(row))));
    levels.extend(rows.clone().map(|row| mean_and_deviation(table.row(row)).1));
    steps.extend(rows.map(|row| (mean_step(table.row(row), follows) + 0.1).ln()));
}

/// Mean size of the difference between neighbours.
#[inline(always)]
fn mean_step(row: &[f32], follows: &[bool]) -> f32 {
    let (mut n, mut total) = (0.0_f32, 0.0_f32);
    for (pair, follows) in row.windows(2).zip(&follows[1..]) {
        let weight = f32::from(u8::from(*follows));
        n += weight;
        total += weight * (pair[1] - pair[0]).abs();
    }
    total / n.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::{Table, mean_step, step_deviation};

    #[test]
    fn a_step_over_removed_silence_does_not_count() {
        let row = [0.0, 1.0, 10.0, 11.0];
        let follows = [true, true, false, true];
        assert!((mean_step(&row, &follows) - 1.0).abs() < 1e-6);
        assert!(step_deviation(&row, &follows).abs() < 1e-6);
        assert!(mean_step(&row, &[true; 4]) > 3.0);
        assert!(step_deviation(&row, &[true; 4]) > 3.0);
    }

    #[test]
    fn one_frame_has_no_steps() {
        let mut table = Table::default();
        table.reshape(1, 1);
        assert!(mean_step(table.row(0), &[true]).abs() < 1e-9);
    }
}
