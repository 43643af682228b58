//! Autocorrelation of the onset strength around every frame (Grosche, Müller and Kurth, "Cyclic
//! tempogram", 2010), with the numbers of librosa 0.11.

use realfft::RealFftPlanner;

use super::check_strength;
use crate::error::{Error, Result};

/// Longest window.
const MAX_WINDOW: usize = 1 << 16;

/// Autocorrelations.
#[derive(Clone, Debug, PartialEq)]
pub struct Tempogram {
    /// `(window.len(), n_frames)`, a row per lag.
    pub values: Vec<f32>,
    /// Frames.
    pub n_frames: usize,
}

/// Autocorrelations of `strength` under `window` around every frame; each is divided by its norm
/// of order `norm` (infinite for the maximum), unless that is none.
///
/// With `center`, frames beyond the ends are a ramp down to zero; without, there are as many fewer
/// frames.
///
/// # Errors
///
/// [`Error::Empty`] or [`Error::NotFinite`] for what holds no strengths, [`Error::Parameter`] for
/// no or more than 65536 places in the window, for more places than frames without `center`, and
/// for a norm that is not above zero.
pub fn tempogram(
    strength: &[f32],
    window: &[f64],
    center: bool,
    norm: Option<f64>,
) -> Result<Tempogram> {
    check_strength(strength)?;
    let n_lags = window.len();
    let most = if center { MAX_WINDOW } else { MAX_WINDOW.min(strength.len()) };
    if !(1..=most).contains(&n_lags) {
        let expected = format!("1 to {most}");
        return Err(Error::Parameter { name: "win_length", given: n_lags.to_string(), expected });
    }
    if let Some(norm) = norm.filter(|norm| norm.is_nan() || *norm <= 0.0) {
        let expected = "a number above 0, or none".to_owned();
        return Err(Error::Parameter { name: "norm", given: norm.to_string(), expected });
    }
    let padded = padded(strength, if center { n_lags / 2 } else { 0 });
    let n_frames = if center { strength.len() } else { strength.len() - n_lags + 1 };
    let mut values = vec![0.0; n_lags.saturating_mul(n_frames)];
    let mut correlate = Correlator::new(n_lags);
    for frame in 0..n_frames {
        let lags = correlate.run(&padded[frame..frame + n_lags], window);
        let length = norm.map_or(1.0, |norm| length(lags, norm));
        // Silence stays what it is.
        let scale = if length < f64::MIN_POSITIVE { 1.0 } else { 1.0 / length };
        for (lag, value) in lags.iter().enumerate() {
            values[lag * n_frames + frame] = (value * scale) as f32;
        }
    }
    Ok(Tempogram { values, n_frames })
}

/// The strengths between two ramps of `half` frames up from zero and down to it.
pub(super) fn padded(strength: &[f32], half: usize) -> Vec<f64> {
    let [first, last] = [strength.first(), strength.last()].map(|x| f64::from(*x.unwrap_or(&0.0)));
    // Rounded to what the reference keeps them in.
    let ramp = |edge: f64, step: usize| f64::from((edge / half as f64 * step as f64) as f32);
    let up = (0..half).map(|step| ramp(first, step));
    let down = (0..half).rev().map(|step| ramp(last, step));
    up.chain(strength.iter().map(|x| f64::from(*x))).chain(down).collect()
}

fn length(values: &[f64], norm: f64) -> f64 {
    if norm.is_infinite() {
        return values.iter().fold(0.0, |largest, value| largest.max(value.abs()));
    }
    values.iter().map(|value| value.abs().powf(norm)).sum::<f64>().powf(norm.recip())
}

/// Autocorrelation by Fourier transform.
struct Correlator {
    forward: std::sync::Arc<dyn realfft::RealToComplex<f64>>,
    backward: std::sync::Arc<dyn realfft::ComplexToReal<f64>>,
    input: Vec<f64>,
    spectrum: Vec<realfft::num_complex::Complex<f64>>,
    n_lags: usize,
}

impl Correlator {
    fn new(n_lags: usize) -> Self {
        // Long enough for the last lag not to come round to the first; of small prime factors.
        let n_fft = (2 * n_lags - 1..4 * n_lags)
            .find(|n| [2, 3, 5].iter().fold(*n, |rest, p| strip(rest, *p)) == 1)
            .unwrap_or(2 * n_lags);
        // Even, so that a real transform is half a complex one.
        let n_fft = if n_fft % 2 == 0 { n_fft } else { 2 * n_lags.next_power_of_two() };
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(n_fft);
        let backward = planner.plan_fft_inverse(n_fft);
        let (input, spectrum) = (forward.make_input_vec(), forward.make_output_vec());
        Self { forward, backward, input, spectrum, n_lags }
    }

    fn run(&mut self, values: &[f64], window: &[f64]) -> &[f64] {
        let (inside, beyond) = self.input.split_at_mut(self.n_lags);
        beyond.fill(0.0);
        for ((place, value), weight) in inside.iter_mut().zip(values).zip(window) {
            *place = value * weight;
        }
        let scale = 1.0 / self.input.len() as f64;
        // The buffers are the plans' own: lengths agree.
        let mut done = self.forward.process(&mut self.input, &mut self.spectrum).is_ok();
        for bin in &mut self.spectrum {
            *bin = (bin.norm_sqr() * scale).into();
        }
        done &= self.backward.process(&mut self.spectrum, &mut self.input).is_ok();
        if !done {
            self.input.fill(0.0);
        }
        &self.input[..self.n_lags]
    }
}

/// What is left of a number without its factors `prime`.
fn strip(mut number: usize, prime: usize) -> usize {
    while number.is_multiple_of(prime) && number > 0 {
        number /= prime;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::{Tempogram, tempogram};

    #[test]
    fn lags_are_products_of_the_windowed_strengths() {
        let strength = [1.0, 0.0, 2.0, 1.0, 0.5];
        let Tempogram { values, n_frames } =
            tempogram(&strength, &[0.5, 1.0, 0.5], false, None).unwrap();
        assert_eq!((n_frames, values.len()), (3, 9));
        // Frame 1 is 0, 2, 0.5.
        let expected = [4.25, 1.0, 0.0];
        for (lag, expected) in expected.into_iter().enumerate() {
            assert!((values[lag * 3 + 1] - expected).abs() < 1e-6, "{values:?}");
        }
    }

    #[test]
    fn what_cannot_be_framed_is_refused() {
        assert!(tempogram(&[1.0; 3], &[1.0; 4], false, None).is_err());
        assert!(tempogram(&[1.0; 3], &[], true, None).is_err());
        assert!(tempogram(&[1.0; 3], &[1.0; 4], true, Some(0.0)).is_err());
        assert!(tempogram(&[], &[1.0; 4], true, None).is_err());
        assert_eq!(tempogram(&[0.0], &[1.0; 4], true, Some(1.0)).unwrap().values, [0.0; 4]);
    }
}
