//! Analysis windows by name, periodic, as spectra need them.
//!
//! Definitions: Harris, "On the use of windows for harmonic analysis with the discrete Fourier
//! transform", Proc. IEEE 66 (1978); the sums of cosines with their usual rounded coefficients
//! (Nuttall, IEEE Trans. ASSP 29, 1981, for his own; D'Antona and Ferrero for the flat top).

use std::f64::consts::{PI, TAU};

use crate::error::{Error, Result};

/// The windows that have a name of their own.
const NAMES: &str = "hann, hamming, blackman, blackmanharris, nuttall, flattop, bartlett, triang, \
                     cosine, boxcar, (\"kaiser\", beta) or (\"gaussian\", std)";

/// `length` values of the window called `name`. `parameter` is the shape of those that have one.
///
/// # Errors
///
/// [`Error::Parameter`] if there is no such window, if it lacks its parameter or has none, or if
/// the parameter does not describe a window.
pub fn window(name: &str, parameter: Option<f64>, length: usize) -> Result<Vec<f64>> {
    let refuse = || Error::parameter("window", format!("{name:?}"), NAMES);
    if length == 1 {
        // Still refuses what has no name.
        let _ = shape(name, parameter).ok_or_else(refuse)?;
        return Ok(vec![1.0]);
    }
    let shape = shape(name, parameter).ok_or_else(refuse)?;
    Ok((0..length).map(|n| shape.at(n as f64, length as f64)).collect())
}

/// How a window is computed.
enum Shape {
    /// Coefficients of the cosines of 0, 1, 2 … periods.
    Cosines(&'static [f64]),
    Bartlett,
    Triangle,
    Cosine,
    Kaiser(f64),
    Gaussian(f64),
}

fn shape(name: &str, parameter: Option<f64>) -> Option<Shape> {
    if let Some(value) = parameter {
        return match name {
            "kaiser" if value.is_finite() => Some(Shape::Kaiser(value)),
            "gaussian" if value.is_finite() && value > 0.0 => Some(Shape::Gaussian(value)),
            _ => None,
        };
    }
    Some(match name {
        "hann" | "hanning" => Shape::Cosines(&[0.5, 0.5]),
        "hamming" => Shape::Cosines(&[0.54, 0.46]),
        "blackman" => Shape::Cosines(&[0.42, 0.5, 0.08]),
        "blackmanharris" => Shape::Cosines(&[0.35875, 0.48829, 0.14128, 0.01168]),
        "nuttall" => Shape::Cosines(&[0.363_581_9, 0.489_177_5, 0.136_599_5, 0.010_641_1]),
        "flattop" => Shape::Cosines(&[
            0.215_578_95,
            0.416_631_58,
            0.277_263_158,
            0.083_578_947,
            0.006_947_368,
        ]),
        "bartlett" => Shape::Bartlett,
        "triang" | "triangle" => Shape::Triangle,
        "cosine" => Shape::Cosine,
        "boxcar" | "ones" | "rect" | "rectangular" => Shape::Cosines(&[1.0]),
        _ => return None,
    })
}

impl Shape {
    /// Value `n` of a window with a period of `length`.
    fn at(&self, n: f64, length: f64) -> f64 {
        let from_middle = n - length / 2.0;
        match *self {
            Self::Cosines(coefficients) => {
                let term =
                    |(k, a): (usize, &f64)| a * (TAU * k as f64 * from_middle / length).cos();
                coefficients.iter().enumerate().map(term).sum()
            }
            Self::Bartlett => 1.0 - from_middle.abs() / (length / 2.0),
            // With a foot half a sample (or one) beyond the ends, where the period is odd (or even).
            Self::Triangle => {
                let base = length + if length % 2.0 == 0.0 { 2.0 } else { 1.0 };
                1.0 - from_middle.abs() / (base / 2.0)
            }
            Self::Cosine => (PI / (length + 1.0) * (n + 0.5)).sin(),
            Self::Kaiser(beta) => {
                let x = from_middle / (length / 2.0);
                bessel_i0(beta * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(beta)
            }
            Self::Gaussian(deviation) => (-0.5 * (from_middle / deviation).powi(2)).exp(),
        }
    }
}

/// Modified Bessel function of the first kind, order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn windows_are_periodic_and_have_their_peak_in_the_middle() {
        let plain = ["hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop"];
        let names = plain.map(|name| (name, None)).into_iter();
        for (name, parameter) in names.chain([("kaiser", Some(8.0)), ("gaussian", Some(40.0))]) {
            let values = window(name, parameter, 200).unwrap();
            assert!((values[100] - 1.0).abs() < 1e-8, "{name}");
            for n in 1..100 {
                assert!((values[100 - n] - values[100 + n]).abs() < 1e-12, "{name} {n}");
            }
        }
    }

    #[test]
    fn a_kaiser_window_of_zero_is_flat_and_a_huge_one_ends() {
        assert!(window("kaiser", Some(0.0), 16).unwrap().iter().all(|x| (x - 1.0).abs() < 1e-15));
        assert!(window("kaiser", Some(600.0), 16).unwrap().iter().all(|x| x.is_finite()));
        // Beyond what a float64 holds, the result is not finite, and the framing refuses it.
        assert!(window("kaiser", Some(1e6), 16).unwrap().iter().any(|x| !x.is_finite()));
    }

    #[test]
    fn what_is_no_window_is_refused_by_its_name() {
        for (name, parameter) in
            [("han", None), ("kaiser", None), ("hann", Some(2.0)), ("gaussian", Some(-1.0))]
        {
            for length in [1, 64] {
                let error = window(name, parameter, length).unwrap_err().to_string();
                assert!(error.starts_with(&format!("window is {name:?}, expected hann, ")));
            }
        }
    }
}
