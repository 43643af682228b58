//! What happens when: onsets and how they come back.

use super::statistics::{Columns, mean_and_deviation, skewness, sum};
use super::table::Table;

/// Onset strengths: of all bands, of the low ones and of the high ones.
pub(super) const N_STRENGTHS: usize = 3;
/// Lags of the autocorrelation, from 0.2 to 2 s, equally far apart on a logarithmic scale.
const N_LAGS: usize = 24;
const LAG_SECONDS: [f64; 2] = [0.2, 2.0];

/// Columns of [`describe`].
pub(super) const N_PULSE: usize = N_LAGS + 5;
/// Columns of [`describe_bands`].
pub(super) const N_BAND_PULSE: usize = 2 * N_LAGS / 2 + 4;

/// Mean rise of the bands in `low`, `high` and all of them over the frame before: row 0 of `strengths`
/// is that of all.
#[inline(always)]
pub(super) fn strengths(
    levels: &Table,
    n_low: usize,
    first_high: usize,
    n_bands: usize,
    strengths: &mut Table,
) {
    strengths.reshape(N_STRENGTHS, levels.n_frames());
    for row in 0..N_STRENGTHS {
        strengths.row_mut(row).fill(0.0);
    }
    let parts = [(0, n_low, 1), (n_low, first_high, 0), (first_high, n_bands, 2)];
    for (first, end, row) in parts {
        for band in first..end {
            add_rises(levels.row(band), strengths.row_mut(row));
        }
    }
    let scales = [n_bands, n_low, n_bands - first_high].map(|n| 1.0 / n as f32);
    for frame in 0..levels.n_frames() {
        let parts = [0, 1, 2].map(|row| strengths.row(row)[frame]);
        let all = [parts.iter().sum::<f32>(), parts[1], parts[2]];
        for row in 0..N_STRENGTHS {
            strengths.row_mut(row)[frame] = all[row] * scales[row];
        }
    }
}

#[inline(always)]
fn add_rises(levels: &[f32], strength: &mut [f32]) {
    for (pair, strength) in levels.windows(2).zip(&mut strength[1..]) {
        *strength += (pair[1] - pair[0]).max(0.0);
    }
}

/// Autocorrelation of the onsets of all bands, how clear the clearest period is, how many onsets
/// there are in a second, and mean, log deviation and skewness of their strength.
#[inline(always)]
pub(super) fn describe(strength: &[f32], frame_rate: f64, columns: &mut Columns<'_>) {
    let periods = autocorrelation(strength, frame_rate);
    columns.extend(periods);
    columns.push(periods.iter().copied().fold(f32::MIN, f32::max));
    let (mean, deviation) = mean_and_deviation(strength);
    let threshold = mean + 0.5 * deviation;
    let n_onsets = strength
        .windows(3)
        .filter(|near| near[1] > near[0] && near[1] >= near[2] && near[1] > threshold)
        .count();
    let seconds = strength.len() as f64 / frame_rate;
    columns.extend([(n_onsets as f64 / seconds) as f32, mean, log_deviation(deviation)]);
    columns.push(skewness(strength));
}

/// The same of the low and of the high bands, in half as many steps of lag.
#[inline(always)]
pub(super) fn describe_bands(
    low: &[f32],
    high: &[f32],
    frame_rate: f64,
    columns: &mut Columns<'_>,
) {
    for strength in [low, high] {
        let periods = autocorrelation(strength, frame_rate);
        columns.extend(periods.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])));
    }
    let moments = [low, high].map(mean_and_deviation);
    columns.extend(moments.map(|(mean, _)| mean));
    columns.extend(moments.map(|(_, deviation)| log_deviation(deviation)));
}

fn log_deviation(deviation: f32) -> f32 {
    (deviation + 0.1).ln()
}

/// Autocorrelation at [`N_LAGS`] lags, each product averaged over the pairs that there are, 1 at lag 0.
#[inline(always)]
fn autocorrelation(strength: &[f32], frame_rate: f64) -> [f32; N_LAGS] {
    let n = strength.len();
    let mean = sum(strength) / n.max(1) as f32;
    let at = |lag: usize| -> f32 {
        if lag >= n {
            return 0.0;
        }
        products(&strength[lag..], &strength[..n - lag], mean) / (n - lag) as f32
    };
    let variance = at(0);
    let mut result = [0.0; N_LAGS];
    if variance < 1e-9 {
        return result;
    }
    let last = (LAG_SECONDS[1] * frame_rate).ceil() as usize;
    let all: Vec<f32> = (0..=last + 1).map(at).collect();
    for (i, value) in result.iter_mut().enumerate() {
        let ratio = LAG_SECONDS[1] / LAG_SECONDS[0];
        let seconds = LAG_SECONDS[0] * ratio.powf(i as f64 / (N_LAGS - 1) as f64);
        let lag = seconds * frame_rate;
        let (below, part) = (lag.floor() as usize, (lag - lag.floor()) as f32);
        *value = (all[below] + part * (all[below + 1] - all[below])) / variance;
    }
    result
}

/// Sum of the products of what deviates from `mean`.
#[inline(always)]
fn products(a: &[f32], b: &[f32], mean: f32) -> f32 {
    const N_SUMS: usize = 16;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<N_SUMS>(), b.as_chunks::<N_SUMS>());
    let mut sums = [0.0; N_SUMS];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - mean) * (b - mean);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - mean) * (b - mean)).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::{N_LAGS, autocorrelation};

    #[test]
    fn a_pulse_correlates_with_itself_at_its_period() {
        // Every half second at 44 frames a second.
        let strength: Vec<f32> = (0..880).map(|n| f32::from(u8::from(n % 22 == 0))).collect();
        let found = autocorrelation(&strength, 44.0);
        let lag_of = |i: usize| 0.2 * 10.0_f64.powf(i as f64 / (N_LAGS - 1) as f64);
        let best = (0..N_LAGS).max_by(|a, b| found[*a].total_cmp(&found[*b])).unwrap_or(0);
        let periods = lag_of(best) / 0.5;
        assert!((periods - periods.round()).abs() < 0.1, "{periods} periods");
    }

    #[test]
    fn what_is_constant_or_short_has_no_period() {
        assert!(autocorrelation(&[1.0; 100], 43.0).iter().all(|value| value.abs() < 1e-9));
        assert!(autocorrelation(&[], 43.0).iter().all(|value| value.abs() < 1e-9));
        let short = autocorrelation(&[0.0, 1.0, 0.0], 43.0);
        assert!(short.iter().all(|value| value.is_finite()));
    }
}
