//! Tempo by combs: a beat is a period after whose first four multiples the music repeats.
//!
//! Onset strengths, of the bass alone and of all bands, are correlated with themselves in windows
//! of 12 s; a period is scored by its correlations after one to four beats and by a log-normal
//! prior. That the bass counts by itself, and that the third and fourth beat count as much as the
//! first two, is what tells a beat from its half and its double: hi-hats repeat after half a beat,
//! bass drums and bars do not. (Autocorrelation and comb after Percival and Tzanetakis,
//! "Streamlined tempo estimation based on autocorrelation and cross-correlation with pulses", 2014;
//! prior after Moelants, "Preferred tempo reconsidered", 2002.)
//!
//! The weights were fitted by logistic regression, a choice among the peaks of the score, to 1400
//! randomly composed grooves with tempi around 112 BPM, none of them in the tests.

use realfft::RealFftPlanner;

use super::within;
use crate::error::Result;

/// Weights of the correlations after one to four beats: in the bass, and in all bands.
const LOW_WEIGHTS: [f64; N_TEETH] = [1.97, 1.20, 1.53, 2.28];
const ALL_WEIGHTS: [f64; N_TEETH] = [2.67, 1.48, 1.60, 1.29];
const N_TEETH: usize = 4;
/// What the prior takes off for the square of the octaves from its centre.
const PRIOR_WEIGHT: f64 = 2.10;
/// How far the prior's centre lies above the likeliest tempo, in octaves: combs favour slow tempi.
const PRIOR_SHIFT: f64 = 0.23;

/// Slowest and fastest tempo that is looked for.
const SLOWEST_BPM: f64 = 38.0;
const FASTEST_BPM: f64 = 260.0;
/// Tempi that are looked at, evenly spaced in octaves.
const N_TEMPI: usize = 400;
/// Players keep time to this share of a beat.
const LOOSE: f64 = 0.012;
/// Places at which a correlation is looked up within that share.
const N_PLACES: usize = 5;
/// Music repeats at least so well; below, there is no tempo.
const LEAST_SUPPORT: f64 = 0.25;

/// Length of the windows, and of the mean that is taken off them.
const WINDOW_SECONDS: f64 = 11.9;
const MEAN_SECONDS: f64 = 1.0;
/// Longest lag, as a share of the window: beyond, too few products are averaged.
const LONGEST_LAG: f64 = 0.75;

/// Multiples of the beat by which the tempo is made precise, and their weights.
const FINE_TEETH: [(f64, f64); 6] =
    [(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0), (6.0, 0.7), (8.0, 0.7)];
/// Share of the tempo within which it is made precise, and steps to either side.
const FINE_RANGE: f64 = 0.035;
const N_FINE: i32 = 70;

/// What is known about the tempo beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TempoPrior {
    /// The likeliest tempo.
    pub start_bpm: f64,
    /// Width, in octaves.
    pub std_bpm: f64,
    /// No tempo is faster; infinite for no limit.
    pub max_tempo: f64,
}

impl Default for TempoPrior {
    fn default() -> Self {
        Self { start_bpm: 120.0, std_bpm: 1.0, max_tempo: 320.0 }
    }
}

impl TempoPrior {
    pub(super) fn check(&self) -> Result<()> {
        within("start_bpm", self.start_bpm, 1e-3, 1e5)?;
        within("std_bpm", self.std_bpm, 1e-3, 1e3)?;
        within("max_tempo", self.max_tempo, 1.0, f64::INFINITY)
    }
}

/// A tempo and how sure it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TempoEstimate {
    /// Beats per minute; zero where nothing repeats.
    pub bpm: f64,
    /// Probability of the tempo against the other peaks of the score, 0 to 1.
    pub confidence: f64,
}

/// How much each tempo is supported.
struct Score {
    log_bpm: Vec<f64>,
    /// Sum of the weighted correlations.
    support: Vec<f64>,
    /// The same with the prior.
    total: Vec<f64>,
}

/// Finds the tempo of onset strengths, `frame_rate` a second, of the bass and of all bands.
pub(super) fn estimate(
    low: &[f32],
    all: &[f32],
    frame_rate: f64,
    prior: TempoPrior,
) -> Result<TempoEstimate> {
    prior.check()?;
    within("frame_rate", frame_rate, 1.0, 1e5)?;
    let [low, all] = [low, all].map(|strength| correlation(strength, frame_rate));
    let score = score(&low, &all, frame_rate, prior);
    let peaks = peaks(&score);
    let best = peaks
        .iter()
        .copied()
        .reduce(|best, place| if score.total[place] > score.total[best] { place } else { best });
    let Some(best) = best else { return Ok(TempoEstimate::default()) };
    let odds: f64 = peaks.iter().map(|at| (score.total[*at] - score.total[best]).exp()).sum();
    let bpm = refine(&all, frame_rate, score.log_bpm[best].exp());
    Ok(TempoEstimate { bpm, confidence: 1.0 / odds })
}

/// Mean autocorrelation of windows of a series less its moving mean, 1 at lag zero; zero if the
/// series is constant.
fn correlation(strength: &[f32], frame_rate: f64) -> Vec<f64> {
    let n_window = ((WINDOW_SECONDS * frame_rate) as usize).min(strength.len()).max(1);
    let series = without_mean(strength, (MEAN_SECONDS * frame_rate) as usize | 1);
    // Symmetric, so that the last value counts like the first.
    let window: Vec<f64> = (1..=n_window)
        .map(|n| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / (n_window + 1) as f64).cos())
        .collect();
    let n_fft = (2 * n_window).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(n_fft);
    let backward = planner.plan_fft_inverse(n_fft);
    let mut input = forward.make_input_vec();
    let mut spectrum = forward.make_output_vec();
    let mut power = |values: &[f64], sum: &mut [f64]| {
        input.fill(0.0);
        for ((place, value), weight) in input.iter_mut().zip(values).zip(&window) {
            *place = value * weight;
        }
        // The buffers are the plan's own: lengths agree.
        if forward.process(&mut input, &mut spectrum).is_ok() {
            sum.iter_mut().zip(&spectrum).for_each(|(sum, bin)| *sum += bin.norm_sqr());
        }
    };
    let mut sums = [vec![0.0; n_fft / 2 + 1], vec![0.0; n_fft / 2 + 1]];
    let hop = (n_window / 4).max(1);
    for start in (0..=series.len() - n_window).step_by(hop) {
        power(&series[start..start + n_window], &mut sums[0]);
    }
    power(&vec![1.0; n_window], &mut sums[1]);
    let n_lags = (LONGEST_LAG * n_window as f64) as usize;
    let [found, weight] = sums.map(|sum| {
        let mut bins: Vec<_> = sum.iter().map(|power| (*power).into()).collect();
        let mut lags = backward.make_output_vec();
        if backward.process(&mut bins, &mut lags).is_err() {
            lags.fill(0.0);
        }
        lags.truncate(n_lags);
        lags
    });
    let unit = found.first().copied().unwrap_or(0.0) / weight.first().copied().unwrap_or(1.0);
    // Not rounding errors of a constant.
    if unit <= 1e-18 {
        return vec![0.0; n_lags];
    }
    found.iter().zip(&weight).map(|(value, weight)| value / weight / unit).collect()
}

/// A series less its mean over a Hann window of `length` values around each; mirrored at the ends.
fn without_mean(strength: &[f32], length: usize) -> Vec<f64> {
    let half = (length / 2) as i64;
    let weights: Vec<f64> = (1..=length)
        .map(|n| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / (length + 1) as f64).cos())
        .collect();
    let sum: f64 = weights.iter().sum();
    let n = strength.len() as i64;
    let mirrored: Vec<f64> = (-half..n + half).map(|at| strength[mirror(at, n)].into()).collect();
    mirrored
        .windows(length)
        .zip(strength)
        .map(|(around, value)| {
            let mean: f64 = around.iter().zip(&weights).map(|(value, weight)| value * weight).sum();
            f64::from(*value) - mean / sum
        })
        .collect()
}

/// Where position `at` of a series of `n` values, mirrored about both ends, lies in it.
fn mirror(at: i64, n: i64) -> usize {
    let period = (2 * (n - 1)).max(1);
    let at = at.rem_euclid(period);
    at.min(period - at).min(n - 1) as usize
}

/// A correlation between lags; zero beyond the longest.
fn at(correlation: &[f64], lag: f64) -> f64 {
    let place = lag as usize;
    match correlation.get(place..place + 2) {
        Some([here, next]) => here + (lag - place as f64) * (next - here),
        _ => 0.0,
    }
}

/// The largest correlation around a lag.
fn peak(correlation: &[f64], lag: f64) -> f64 {
    let middle = (N_PLACES / 2) as f64;
    let share = |place: usize| 1.0 + LOOSE * (place as f64 - middle) / middle;
    (0..N_PLACES).map(|place| at(correlation, lag * share(place))).fold(f64::MIN, f64::max)
}

fn score(low: &[f64], all: &[f64], frame_rate: f64, prior: TempoPrior) -> Score {
    let (first, last) = (SLOWEST_BPM.ln(), FASTEST_BPM.ln());
    let step = (last - first) / (N_TEMPI - 1) as f64;
    let log_bpm: Vec<f64> = (0..N_TEMPI)
        .map(|place| first + step * place as f64)
        .filter(|log_bpm| *log_bpm < prior.max_tempo.ln())
        .collect();
    let centre = prior.start_bpm.log2() + PRIOR_SHIFT;
    let support = |log_bpm: &f64| -> f64 {
        let beat = 60.0 * frame_rate / log_bpm.exp();
        (0..N_TEETH)
            .map(|tooth| {
                let lag = beat * (tooth + 1) as f64;
                LOW_WEIGHTS[tooth] * peak(low, lag) + ALL_WEIGHTS[tooth] * peak(all, lag)
            })
            .sum()
    };
    let support: Vec<f64> = log_bpm.iter().map(support).collect();
    let penalty = |log_bpm: f64| {
        let octaves = log_bpm / std::f64::consts::LN_2 - centre;
        PRIOR_WEIGHT * (octaves / prior.std_bpm).powi(2)
    };
    let total = log_bpm.iter().zip(&support).map(|(x, support)| support - penalty(*x)).collect();
    Score { log_bpm, support, total }
}

/// Places of the local maxima that music supports.
fn peaks(score: &Score) -> Vec<usize> {
    let total = &score.total;
    (1..total.len().saturating_sub(1))
        .filter(|at| total[*at] >= total[at - 1] && total[*at] > total[at + 1])
        .filter(|at| score.support[*at] > LEAST_SUPPORT)
        .collect()
}

/// Makes a tempo precise: where its multiples, up to eight beats, correlate best.
fn refine(all: &[f64], frame_rate: f64, bpm: f64) -> f64 {
    let beat = 60.0 * frame_rate / bpm;
    let share = |step: i32| 1.0 + FINE_RANGE * f64::from(step) / f64::from(N_FINE);
    let support = |step: i32| -> f64 {
        FINE_TEETH.iter().map(|(tooth, weight)| weight * at(all, tooth * beat * share(step))).sum()
    };
    let values: Vec<f64> = (-N_FINE..=N_FINE).map(support).collect();
    let best = (0..values.len()).fold(0, |a, b| if values[b] > values[a] { b } else { a });
    let shift = match (best.checked_sub(1).map(|at| values[at]), values.get(best + 1)) {
        (Some(before), Some(after)) => {
            let curvature = before + after - 2.0 * values[best];
            if curvature < 0.0 { 0.5 * (before - after) / curvature } else { 0.0 }
        }
        _ => 0.0,
    };
    let step = best as f64 - f64::from(N_FINE) + shift.clamp(-0.5, 0.5);
    bpm / (1.0 + FINE_RANGE * step / f64::from(N_FINE))
}

#[cfg(test)]
mod tests {
    use super::{TempoPrior, at, estimate, mirror};

    #[test]
    fn a_mirror_turns_back_at_the_ends() {
        let places: Vec<usize> = (-4..8).map(|at| mirror(at, 4)).collect();
        assert_eq!(places, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!((mirror(-3, 1), mirror(5, 1)), (0, 0));
    }

    #[test]
    fn beyond_the_longest_lag_nothing_correlates() {
        assert!((at(&[1.0, 0.5, 0.25], 0.5) - 0.75).abs() < 1e-12);
        assert!(at(&[1.0, 0.5], 1.0).abs() < 1e-12);
    }

    /// A bass drum on every beat and hats on `n_hats` even parts of it.
    fn drums(bpm: f64, n_hats: usize) -> [Vec<f32>; 2] {
        let beat = 60.0 * 86.13 / bpm;
        let hit = |frame: f64, period: f64| f32::from(frame % period < 1.0);
        let frames = || (0..1700).map(f64::from);
        let low = frames().map(|frame| hit(frame, beat)).collect();
        let all = frames().map(|frame| hit(frame, beat) + hit(frame, beat / n_hats as f64));
        [low, all.collect()]
    }

    #[test]
    fn hats_that_divide_the_beat_do_not_double_the_tempo() {
        for (bpm, n_hats) in [(80.0, 2), (100.0, 2), (95.0, 4), (90.0, 3), (140.0, 2)] {
            let [low, all] = drums(bpm, n_hats);
            let found = estimate(&low, &all, 86.13, TempoPrior::default()).unwrap();
            assert!((found.bpm / bpm - 1.0).abs() < 0.01, "{bpm}, {n_hats} hats: {found:?}");
        }
    }

    #[test]
    fn a_prior_decides_between_a_tempo_and_its_half() {
        let [low, all] = drums(100.0, 1);
        for (start_bpm, max_tempo, expected) in
            [(45.0, 320.0, 50.0), (100.0, 320.0, 100.0), (45.0, 55.0, 50.0)]
        {
            let prior = TempoPrior { start_bpm, std_bpm: 0.3, max_tempo };
            let found = estimate(&low, &all, 86.13, prior).unwrap();
            assert!((found.bpm / expected - 1.0).abs() < 0.01, "{expected}: {found:?}");
        }
    }
}
